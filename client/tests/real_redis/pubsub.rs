//! Subscriptions.

use std::time::Duration;

use futures_util::StreamExt;
use ringmaster_client::{Client, Error, Event, Message, Options, Protocol, Subscription};
use tokio::time::timeout;

use crate::{
    bytes,
    server::{Redis, eventually},
};

async fn next(subscription: &mut Subscription) -> Event {
    timeout(Duration::from_secs(20), StreamExt::next(subscription))
        .await
        .expect("an event in time")
        .expect("an event")
}

fn message(channel: &'static str, pattern: Option<&'static str>) -> Event {
    Event::Message(Message { channel: bytes(channel), pattern: pattern.map(bytes), payload: bytes("hello") })
}

#[tokio::test]
async fn what_is_published_is_heard_in_both_protocols() -> Result<(), Error> {
    let Some(redis) = Redis::start() else { return Ok(()) };
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let client = redis.client(Options { protocol, ..Options::default() }).await;
        let mut channels = client.subscribe(["a", "b"]).await?;
        let mut patterns = client.psubscribe(["a*"]).await?;
        let mut shards = client.ssubscribe(["s"]).await?;
        assert_eq!((client.publish("a", "hello").await?, client.spublish("s", "hello").await?), (2, 1));
        assert_eq!(next(&mut channels).await, message("a", None));
        assert_eq!(next(&mut patterns).await, message("a", Some("a*")));
        assert_eq!(next(&mut shards).await, message("s", None));
        channels.subscribe(["c"]).await?;
        channels.unsubscribe(["b"]).await?;
        listening(&client, "c", 1).await;
        listening(&client, "b", 0).await;
        client.publish("c", "hello").await?;
        assert_eq!(next(&mut channels).await, message("c", None));
        drop((channels, patterns, shards));
        listening(&client, "a", 0).await;
    }
    Ok(())
}

#[tokio::test]
async fn after_a_loss_all_is_subscribed_again_and_the_gap_is_told() -> Result<(), Error> {
    let Some(redis) = Redis::start() else { return Ok(()) };
    let client = redis.client(Options::default()).await;
    let mut subscription = client.subscribe(["a"]).await?;
    subscription.psubscribe(["b*"]).await?;
    eventually("both are listened to", async || client.publish("bb", "hello").await.is_ok_and(|n| n == 1))
        .await;
    client.command(&["CLIENT", "KILL", "TYPE", "pubsub"]).await?;
    while next(&mut subscription).await != Event::Lost {}
    assert_eq!(next(&mut subscription).await, Event::Resubscribed);
    eventually("both are listened to", async || client.publish("bb", "hello").await.is_ok_and(|n| n == 1))
        .await;
    assert_eq!(next(&mut subscription).await, message("bb", Some("b*")));
    client.publish("a", "hello").await?;
    assert_eq!(next(&mut subscription).await, message("a", None));
    Ok(())
}

#[tokio::test]
async fn who_may_not_listen_is_told_so() -> Result<(), Error> {
    let Some(redis) = Redis::start() else { return Ok(()) };
    let admin = redis.client(Options::default()).await;
    admin.command(&["ACL", "SETUSER", "me", "on", ">pw", "+@all", "~*", "resetchannels", "&mine"]).await?;
    let (username, password) = (Some("me".into()), Some("pw".into()));
    let client = redis.client(Options { username, password, ..Options::default() }).await;
    assert!(matches!(client.subscribe(["other"]).await, Err(Error::Server(e)) if e.code() == "NOPERM"));
    assert!(matches!(client.subscribe([""; 0]).await, Err(Error::NotSent(_))));
    let mut subscription = client.subscribe(["mine"]).await?;
    subscription.subscribe(["other"]).await?;
    assert!(matches!(next(&mut subscription).await, Event::Refused(e) if e.code() == "NOPERM"));
    admin.publish("mine", "hello").await?;
    assert_eq!(next(&mut subscription).await, message("mine", None));
    // What was refused does not spoil the rest after a loss.
    admin.command(&["CLIENT", "KILL", "TYPE", "pubsub"]).await?;
    assert_eq!(next(&mut subscription).await, Event::Lost);
    assert_eq!(next(&mut subscription).await, Event::Resubscribed);
    admin.publish("mine", "hello").await?;
    assert_eq!(next(&mut subscription).await, message("mine", None));
    Ok(())
}

#[tokio::test]
async fn a_name_that_is_refused_after_a_loss_is_told_and_the_others_are_heard() -> Result<(), Error> {
    let Some(redis) = Redis::start() else { return Ok(()) };
    let admin = redis.client(Options::default()).await;
    admin.command(&["ACL", "SETUSER", "me", "on", ">pw", "+@all", "~*", "allchannels"]).await?;
    let (username, password) = (Some("me".into()), Some("pw".into()));
    let client = redis.client(Options { username, password, ..Options::default() }).await;
    let mut subscription = client.subscribe(["mine", "other"]).await?;
    // Redis closes the connection of who listens to what it may not any more.
    admin.command(&["ACL", "SETUSER", "me", "resetchannels", "&mine"]).await?;
    assert_eq!(next(&mut subscription).await, Event::Lost);
    let mut events = [next(&mut subscription).await, next(&mut subscription).await];
    events.sort_by_key(|event| *event == Event::Resubscribed);
    assert!(matches!(&events[0], Event::Refused(error) if error.code() == "NOPERM"), "{events:?}");
    assert_eq!(events[1], Event::Resubscribed);
    admin.publish("mine", "hello").await?;
    assert_eq!(next(&mut subscription).await, message("mine", None));
    Ok(())
}

#[tokio::test]
async fn a_slow_reader_holds_up_only_itself_and_loses_nothing() -> Result<(), Error> {
    let Some(redis) = Redis::start() else { return Ok(()) };
    let client = redis.client(Options { events_max: 4, ..Options::default() }).await;
    let mut subscription = client.subscribe(["a"]).await?;
    for number in 0..500 {
        client.publish("a", number.to_string()).await?;
    }
    for number in 0..500 {
        let Event::Message(message) = next(&mut subscription).await else { panic!("no message") };
        assert_eq!(message.payload, number.to_string());
    }
    Ok(())
}

/// Waits until so many listen to a channel.
async fn listening(client: &Client, channel: &str, count: i64) {
    eventually("the server knows who listens", async || {
        let command = ringmaster_client::cmd("PUBSUB").arg("NUMSUB").arg(channel);
        client.query::<(String, i64)>(command).await.is_ok_and(|(_, listeners)| listeners == count)
    })
    .await;
}
