//! Commands that wait in the server.

use std::time::Duration;

use bytes::Bytes;
use ringmaster_client::{Client, Error, Options, Protocol, Side};
use tokio::time::{Instant, timeout};

use crate::{
    bytes,
    server::{Redis, eventually},
};

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_blocking_pop_waits_without_holding_up_others() -> Result<(), Error> {
    let Some(redis) = Redis::start() else { return Ok(()) };
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let client = redis.client(Options { protocol, ..Options::default() }).await;
        let pushed = async {
            waiting(&client, 1).await;
            client.rpush("list", ["a"]).await
        };
        let (popped, pushed) = tokio::join!(client.blpop(["none", "list"], LONG), pushed);
        pushed?;
        assert_eq!(popped?, Some((bytes("list"), bytes("a"))));
        client.rpush("list", ["b", "c"]).await?;
        assert_eq!(client.brpop(["list"], LONG).await?, Some((bytes("list"), bytes("c"))));
        let moved = client.blmove(("list", Side::Left), ("done", Side::Right), LONG).await?;
        assert_eq!((moved, client.lpop("done").await?), (Some(bytes("b")), Some(bytes("b"))));
        client.zadd("zset", [(1.0, "low"), (2.0, "high")]).await?;
        assert_eq!(client.bzpopmax(["zset"], LONG).await?, Some((bytes("zset"), bytes("high"), 2.0)));
        assert_eq!(client.bzpopmin(["zset"], LONG).await?, Some((bytes("zset"), bytes("low"), 1.0)));
        // One connection was enough for all of them.
        let clients = String::from_utf8_lossy(&list(&client).await).lines().count();
        assert!(clients <= 4, "{clients}");
    }
    Ok(())
}

#[tokio::test]
async fn a_wait_ends_and_zero_is_not_for_ever() -> Result<(), Error> {
    let Some(redis) = Redis::start() else { return Ok(()) };
    let client = redis.client(Options::default()).await;
    assert_eq!(client.blpop(["none"], Duration::from_millis(20)).await?, None);
    let soon = timeout(LONG, client.blpop(["none"], Duration::ZERO)).await.expect("it ends")?;
    assert_eq!(soon, None);
    // The deadline of the caller ends the wait of the server, and not only ours.
    let hurried = client.until(Instant::now() + Duration::from_secs(2));
    assert_eq!(timeout(LONG, hurried.blpop(["none"], 10 * LONG)).await.expect("it ends")?, None);
    Ok(())
}

#[tokio::test]
async fn a_dropped_pop_waits_no_longer_and_takes_nothing_later() -> Result<(), Error> {
    let Some(redis) = Redis::start() else { return Ok(()) };
    let client = redis.client(Options::default()).await;
    let popper = client.clone();
    let pop = tokio::spawn(async move { popper.blpop(["list"], LONG).await });
    waiting(&client, 1).await;
    pop.abort();
    waiting(&client, 0).await;
    client.rpush("list", ["a"]).await?;
    assert_eq!(client.llen("list").await?, 1);
    Ok(())
}

#[tokio::test]
async fn no_more_connections_are_opened_than_allowed() -> Result<(), Error> {
    let Some(redis) = Redis::start() else { return Ok(()) };
    let client = redis.client(Options { dedicated_max: 1, ..Options::default() }).await;
    let mut mine = client.dedicated().await?;
    mine.command(&["SELECT", "3"]).await?;
    mine.command(&["SET", "k", "in 3"]).await?;
    assert_eq!(client.get("k").await?, None);
    let second = client.within(Duration::from_millis(20)).dedicated().await;
    assert!(matches!(second, Err(Error::NotSent(_))));
    drop(mine);
    client.dedicated().await.map(drop)
}

/// Waits until so many clients block.
async fn waiting(client: &Client, count: usize) {
    let blocked = format!("blocked_clients:{count}\r\n");
    eventually(&blocked, async || client.info().await.is_ok_and(|info| info.contains(&blocked))).await;
}

async fn list(client: &Client) -> Bytes {
    client.query(ringmaster_client::cmd("CLIENT").arg("LIST")).await.expect("a list")
}
