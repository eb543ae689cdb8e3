//! Subscriptions to a server with faults.

use std::time::Duration;

use ringmaster_client::{Client, Error, Event, Options, Subscription};
use tokio::time::timeout;

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
