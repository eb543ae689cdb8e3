//! A rate limiter: so many requests in a second, and a burst above that, for each user.
//!
//! `cargo run -p ringmaster-client --example rate_limiter -- redis://127.0.0.1:6379`
//!
//! The generic cell rate algorithm: one number a user, the time at which an empty bucket would be full again. It is
//! read and written by a script, so that requests that come at once through several proxies are counted one by one,
//! by the server's clock alone.

use std::{error::Error, time::Duration};

use ringmaster_client::{Client, Script};

/// Answers with 0 when the request may go on, else with the microseconds after which it may.
const SOURCE: &str = "
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local early = full + interval - now - burst * interval
if early > 0 then return early end
redis.call('SET', KEYS[1], string.format('%.0f', full + interval), 'PX', math.ceil((full + interval - now) / 1000))
return 0";

struct Limiter {
    client: Client,
    script: Script,
    /// Between two requests in the long run.
    interval: Duration,
    /// How many may come at once.
    burst: u32,
}

impl Limiter {
    /// `None` when the request may go on; else how long it has to wait.
    async fn check(&self, user: &str) -> Result<Option<Duration>, ringmaster_client::Error> {
        let arguments = [self.interval.as_micros().to_string(), self.burst.to_string()];
        let early: u64 = self.client.eval(&self.script, &[format!("rate:{user}")], &arguments).await?;
        Ok((early > 0).then(|| Duration::from_micros(early)))
    }
}

/// Thirty requests at once, of which ten may go on.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error>> {
    let client = Client::connect(url).await?;
    client.del(["rate:ada"]).await?;
    let (script, interval) = (Script::new(SOURCE), Duration::from_secs(1));
    let limiter = Limiter { client, script, interval, burst: 10 };
    let mut refused = 0;
    for _ in 0..30 {
        if let Some(wait) = limiter.check("ada").await? {
            refused += 1;
            assert!(wait <= interval);
        }
    }
    println!("of 30 requests {} went on, {refused} have to wait", 30 - refused);
    // More than ten only if this took longer than a second.
    assert!((1..=20).contains(&refused), "{refused}");
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run(&std::env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1:6379".into())).await
}
