//! The client against a real redis-server, where one is installed; elsewhere the test says so and passes.

mod blocking;
mod examples;
mod pubsub;
mod server;
mod transactions;
mod transport;
mod typed;

use std::time::Duration;

use bytes::Bytes;
use ringmaster_client::{Client, Error, Options, Protocol, SetOptions, Ttl, Value};
use server::Redis;

#[tokio::test]
async fn every_typed_command_works_in_both_protocols() -> Result<(), Error> {
    let Some(redis) = Redis::start() else { return Ok(()) };
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let client = redis.client(Options { protocol, database: 1, ..Options::default() }).await;
        client.flushall().await?;
        strings(&client).await?;
        keys(&client).await?;
        aggregates(&client).await?;
        sorted_sets(&client).await?;
        pipelines(&client).await?;
        typed::all(&client).await?;
        assert!(client.info().await?.contains("redis_version:"));
    }
    Ok(())
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

async fn strings(client: &Client) -> Result<(), Error> {
    client.ping().await?;
    assert_eq!(client.get("s").await?, None);
    client.set("s", b"\x00\r\n\xff").await?;
    assert_eq!(client.get("s").await?, Some(Bytes::from_static(b"\x00\r\n\xff")));
    assert!(!client.set_with("s", "x", SetOptions::new().nx()).await?);
    assert!(!client.set_with("missing", "x", SetOptions::new().xx()).await?);
    assert_eq!(client.incr_by("n", -5).await?, -5);
    client.mset([("a", "1"), ("b", "2")]).await?;
    assert_eq!(client.mget(["a", "none", "b"]).await?, [Some(bytes("1")), None, Some(bytes("2"))]);
    Ok(())
}

async fn keys(client: &Client) -> Result<(), Error> {
    assert_eq!(client.exists(["a", "a", "none"]).await?, 2);
    assert_eq!((client.ttl("a").await?, client.ttl("none").await?), (Ttl::Forever, Ttl::Missing));
    assert!(client.expire("a", Duration::from_secs(100)).await?);
    assert!(matches!(client.ttl("a").await?, Ttl::Expires(time) if time > Duration::from_secs(90)));
    client.set_with("a", "2", SetOptions::new().keepttl()).await?;
    assert!(matches!(client.ttl("a").await?, Ttl::Expires(_)));
    client.set_with("a", "3", SetOptions::new().px(Duration::from_millis(90_500)).xx()).await?;
    assert!(matches!(client.ttl("a").await?, Ttl::Expires(time) if time > Duration::from_secs(80)));
    assert_eq!(client.del(["a", "none"]).await?, 1);
    assert!(client.dbsize().await? > 0);
    Ok(())
}

async fn aggregates(client: &Client) -> Result<(), Error> {
    assert_eq!(client.hset("h", [("f", "1"), ("g", "2")]).await?, 2);
    assert_eq!(client.hget("h", "g").await?, Some(bytes("2")));
    assert_eq!(client.hgetall("h").await?, [(bytes("f"), bytes("1")), (bytes("g"), bytes("2"))]);
    assert_eq!((client.hdel("h", ["f", "none"]).await?, client.hgetall("none").await?.len()), (1, 0));
    assert_eq!((client.lpush("l", ["b", "a"]).await?, client.rpush("l", ["c"]).await?), (2, 3));
    assert_eq!(client.lrange("l", 0, -1).await?, ["a", "b", "c"].map(bytes));
    assert_eq!((client.lpop("l").await?, client.rpop("l").await?), (Some(bytes("a")), Some(bytes("c"))));
    assert_eq!(client.lpop("none").await?, None);
    assert_eq!((client.sadd("set", ["a", "b"]).await?, client.srem("set", ["b"]).await?), (2, 1));
    assert_eq!(client.smembers("set").await?, [bytes("a")]);
    assert!(matches!(client.get("l").await, Err(Error::Server(e)) if e.code() == "WRONGTYPE"));
    Ok(())
}

async fn sorted_sets(client: &Client) -> Result<(), Error> {
    assert_eq!(client.zadd("z", [(0.1, "a"), (f64::INFINITY, "b")]).await?, 2);
    assert_eq!(client.zrange("z", 0, -1).await?, ["a", "b"].map(bytes));
    let scored = client.zrange_with_scores("z", 0, -1).await?;
    assert_eq!(scored, [(bytes("a"), 0.1), (bytes("b"), f64::INFINITY)]);
    assert_eq!((client.zscore("z", "a").await?, client.zscore("z", "none").await?), (Some(0.1), None));
    Ok(())
}

async fn pipelines(client: &Client) -> Result<(), Error> {
    let pipeline = client.pipeline().command(&["MULTI"]).command(&["INCR", "p"]).command(&["EXEC"]);
    let mut replies = pipeline.execute().await;
    assert_eq!(replies.pop().expect("three")?, Value::Array(vec![Value::Int(1)]));
    let many = (0..1000).fold(client.pipeline(), |p, _| p.command(&["INCR", "p"]));
    assert_eq!(many.execute().await.pop().expect("a thousand")?, Value::Int(1001));
    Ok(())
}
