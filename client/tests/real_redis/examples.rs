//! The examples do what they say.

use std::error::Error;

use ringmaster_client::Options;

use crate::server::Redis;

#[allow(dead_code, reason = "its main is not called")]
#[path = "../../examples/cache_aside.rs"]
mod cache_aside;
#[allow(dead_code, reason = "its main is not called")]
#[path = "../../examples/leaderboard.rs"]
mod leaderboard;
#[allow(dead_code, reason = "its main is not called")]
#[path = "../../examples/lock.rs"]
mod lock;
#[allow(dead_code, reason = "its main is not called")]
#[path = "../../examples/queue.rs"]
mod queue;
#[allow(dead_code, reason = "its main is not called")]
#[path = "../../examples/rate_limiter.rs"]
mod rate_limiter;
#[allow(dead_code, reason = "its main is not called")]
#[path = "../../examples/session_store.rs"]
mod session_store;

#[tokio::test]
async fn every_example_does_its_job_and_ends() -> Result<(), Box<dyn Error>> {
    let Some(redis) = Redis::start() else { return Ok(()) };
    redis.client(Options::default()).await;
    let url = format!("redis://{}", redis.address);
    cache_aside::run(&url).await?;
    session_store::run(&url).await?;
    rate_limiter::run(&url).await?;
    queue::run(&url).await?;
    leaderboard::run(&url).await?;
    lock::run(&url).await
}
