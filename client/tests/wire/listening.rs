//! Subscriptions to a server with faults.

use std::time::Duration;

use ringmaster_client::{Client, Error, Event, Options, Subscription};
use tokio::time::{Instant, timeout};

use crate::{
    PING,
    peer::{Peer, Socket},
    pong::eventually,
};

const SUBSCRIBE: &str = "*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n";
const CONFIRMED: &str = "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";

/// Gives up a silent server soon.
fn quick() -> Options {
    Options { request_timeout: Duration::from_millis(400), ..Options::default() }
}

async fn accept(peer: &Peer) -> Socket {
    let mut socket = peer.accept().await;
    socket.expect(SUBSCRIBE).await;
    socket.send(CONFIRMED).await;
    socket
}

/// A subscription, and the server's side of its connection.
async fn listen(peer: &Peer, client: &Client) -> (Subscription, Socket) {
    let (subscription, socket) = tokio::join!(client.subscribe(["c"]), accept(peer));
    (subscription.expect("confirmed"), socket)
}

async fn next(subscription: &mut Subscription) -> Event {
    timeout(Duration::from_secs(20), subscription.next()).await.expect("an event in time").expect("an event")
}

#[tokio::test]
async fn a_silent_server_is_asked_and_then_given_up() {
    let peer = Peer::listen().await;
    let (client, _shared) = peer.meet(quick()).await;
    let (mut subscription, mut socket) = listen(&peer, &client).await;
    socket.expect(PING).await;
    assert_eq!(next(&mut subscription).await, Event::Lost);
    let (event, _socket) = tokio::join!(next(&mut subscription), accept(&peer));
    assert_eq!(event, Event::Resubscribed);
}

#[tokio::test]
async fn what_is_no_message_costs_the_connection_and_not_the_subscription() {
    let peer = Peer::listen().await;
    let (client, _shared) = peer.meet(Options::default()).await;
    let (mut subscription, mut socket) = listen(&peer, &client).await;
    for garbage in ["HTTP/1.1 400\r\n", "*2\r\n$7\r\nmessage\r\n$1\r\nc\r\n", "*3\r\n$7\r\nmess"] {
        socket.send(garbage).await;
        drop(socket);
        assert_eq!(next(&mut subscription).await, Event::Lost);
        socket = accept(&peer).await;
        assert_eq!(next(&mut subscription).await, Event::Resubscribed);
    }
    drop(subscription);
    socket.expect_end().await;
}

#[tokio::test]
async fn a_server_that_does_not_confirm_is_a_timeout_and_its_connection_is_closed() {
    let peer = Peer::listen().await;
    let (client, _shared) = peer.meet(quick()).await;
    let script = async {
        let mut socket = peer.accept().await;
        socket.expect(SUBSCRIBE).await;
        socket
    };
    let (subscription, mut socket) = tokio::join!(client.subscribe(["c"]), script);
    assert!(matches!(subscription, Err(Error::Timeout | Error::NotSent(_))));
    // It is asked for a sign of life until the listener has ended.
    let mut rest = [0; PING.len()];
    while socket.reads(&mut rest).await {
        assert_eq!(&rest[..], PING.as_bytes());
    }
}

#[tokio::test]
async fn a_dropped_subscription_looks_for_a_server_no_longer() {
    let peer = Peer::listen().await;
    let (client, shared) = peer.meet(Options::default()).await;
    let (mut subscription, socket) = listen(&peer, &client).await;
    drop((socket, shared));
    drop(peer);
    assert_eq!(next(&mut subscription).await, Event::Lost);
    drop((subscription, client));
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    eventually("no task is left", async || tasks() == 0).await;
}

#[tokio::test]
async fn what_is_refused_for_the_moment_is_asked_for_until_it_is_granted() {
    let peer = Peer::listen().await;
    let (client, _shared) = peer.meet(Options::default()).await;
    let (mut subscription, socket) = listen(&peer, &client).await;
    drop(socket);
    let script = async {
        let mut socket = peer.accept().await;
        for refusal in ["-CLUSTERDOWN no view yet\r\n", "-OVERLOADED wait\r\n"] {
            socket.expect(SUBSCRIBE).await;
            socket.send(refusal).await;
        }
        socket.expect(SUBSCRIBE).await;
        socket.send(CONFIRMED).await;
        socket
    };
    assert_eq!(next(&mut subscription).await, Event::Lost);
    let (event, _socket) = tokio::join!(next(&mut subscription), script);
    assert_eq!(event, Event::Resubscribed);
}

#[tokio::test]
async fn a_new_subscription_that_is_refused_for_the_moment_is_tried_again() {
    let peer = Peer::listen().await;
    let (client, _shared) = peer.meet(Options::default()).await;
    let script = async {
        let mut socket = peer.accept().await;
        socket.expect(SUBSCRIBE).await;
        socket.send("-CLUSTERDOWN no view yet\r\n").await;
        accept(&peer).await
    };
    let (subscription, _socket) = tokio::join!(client.subscribe(["c"]), script);
    subscription.expect("the second time");
}

#[tokio::test]
async fn there_is_a_subscription_when_the_last_name_is_confirmed() {
    let peer = Peer::listen().await;
    let (client, _shared) = peer.meet(Options::default()).await;
    let script = async {
        let mut socket = peer.accept().await;
        socket.expect("*2\r\n$10\r\nSSUBSCRIBE\r\n$1\r\ns\r\n*2\r\n$10\r\nSSUBSCRIBE\r\n$1\r\nt\r\n").await;
        socket.send("*3\r\n$10\r\nssubscribe\r\n$1\r\ns\r\n:1\r\n").await;
        socket.send("-NOPERM no\r\n").await;
        socket
    };
    let (subscription, _socket) = tokio::join!(client.ssubscribe(["s", "t"]), script);
    assert!(matches!(subscription.err(), Some(Error::Server(error)) if error.code() == "NOPERM"));
}

#[tokio::test]
async fn events_that_come_before_the_last_confirmation_wait_for_it() {
    let peer = Peer::listen().await;
    let (client, _shared) = peer.meet(Options { events_max: 1, ..Options::default() }).await;
    let script = async {
        let mut socket = peer.accept().await;
        socket.expect("*2\r\n$10\r\nSSUBSCRIBE\r\n$1\r\ns\r\n*2\r\n$10\r\nSSUBSCRIBE\r\n$1\r\nt\r\n").await;
        socket.send("*3\r\n$10\r\nssubscribe\r\n$1\r\ns\r\n:1\r\n").await;
        socket.send("*3\r\n$8\r\nsmessage\r\n$1\r\ns\r\n$1\r\nm\r\n".repeat(10)).await;
        socket.send("*3\r\n$10\r\nssubscribe\r\n$1\r\nt\r\n:2\r\n").await;
        socket
    };
    let (subscription, _socket) = tokio::join!(client.ssubscribe(["s", "t"]), script);
    let mut subscription = subscription.expect("confirmed");
    for _ in 0..10 {
        assert!(matches!(next(&mut subscription).await, Event::Message(_)));
    }
}

#[tokio::test]
async fn who_reads_no_events_may_still_change_what_is_listened_to() {
    let peer = Peer::listen().await;
    let (client, _shared) = peer.meet(Options { events_max: 1, ..Options::default() }).await;
    let (subscription, mut socket) = listen(&peer, &client).await;
    socket.send("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n".repeat(100)).await;
    let changes = async {
        for _ in 0..100 {
            subscription.unsubscribe(["c"]).await.expect("it goes on");
            subscription.subscribe(["c"]).await.expect("it goes on");
        }
        subscription.unsubscribe(["c"]).await.expect("it goes on");
    };
    timeout(Duration::from_secs(20), changes).await.expect("changes do not wait");
    socket.expect("*2\r\n$11\r\nUNSUBSCRIBE\r\n$1\r\nc\r\n").await;
}

#[tokio::test]
async fn a_server_that_accepts_and_closes_is_not_stormed() {
    let backoff_min = Duration::from_millis(40);
    let peer = Peer::listen().await;
    let (client, _shared) = peer.meet(Options { backoff_min, ..Options::default() }).await;
    let (mut subscription, socket) = listen(&peer, &client).await;
    let begun = Instant::now();
    drop(socket);
    for _ in 0..3 {
        drop(peer.accept().await);
    }
    // Waits of at least half of 1, 2 and 4 times the shortest.
    assert!(begun.elapsed() >= 7 * backoff_min / 2, "{:?}", begun.elapsed());
    assert_eq!(next(&mut subscription).await, Event::Lost);
    let (event, _socket) = tokio::join!(next(&mut subscription), accept(&peer));
    assert_eq!(event, Event::Resubscribed, "one gap is told once");
}

/// Much more than the socket holds.
fn many() -> Vec<String> {
    (0..1000).map(|number| format!("{number}{}", "x".repeat(64 << 10))).collect()
}

#[tokio::test]
async fn a_server_that_reads_nothing_does_not_hold_up_the_end() {
    let peer = Peer::listen().await;
    let options = Options { request_timeout: Duration::from_secs(1000), ..Options::default() };
    let (client, shared) = peer.meet(options).await;
    let (subscription, mut socket) = listen(&peer, &client).await;
    subscription.subscribe(many()).await.expect("it goes on");
    // It is being written.
    socket.expect("*1001\r\n").await;
    drop((subscription, client, shared));
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    eventually("no task is left", async || tasks() == 0).await;
}

#[tokio::test]
async fn a_server_that_reads_nothing_is_given_up() {
    let peer = Peer::listen().await;
    let (client, _shared) = peer.meet(quick()).await;
    let (mut subscription, _socket) = listen(&peer, &client).await;
    subscription.subscribe(many()).await.expect("it goes on");
    assert_eq!(next(&mut subscription).await, Event::Lost);
}
