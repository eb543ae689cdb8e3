//! What is sent again by itself, and what is not.

use std::time::Duration;

use bytes::Bytes;
use ringmaster_client::{Client, Error, Options, Retry, cmd};
use tokio::time::Instant;

use crate::{
    GET_K, PING,
    peer::{Peer, Socket},
};

/// Tries again at once, as often as the budget allows.
fn options(budget: u32) -> Options {
    let retry = Retry { attempts_max: 1000, wait_min: Duration::from_micros(1), budget, ..Retry::default() };
    Options { retry, ..Options::default() }
}

#[tokio::test]
async fn what_the_server_refuses_for_the_moment_is_sent_again() {
    let (client, mut socket) = Peer::listen().await.meet(Options::default()).await;
    let script = async {
        for reply in ["-LOADING wait\r\n", "-TRYAGAIN wait\r\n", "$1\r\nv\r\n"] {
            socket.expect(GET_K).await;
            socket.send(reply).await;
        }
    };
    let (value, ()) = tokio::join!(client.get("k"), script);
    assert_eq!(value.unwrap(), Some(Bytes::from_static(b"v")));
}

#[tokio::test]
async fn attempts_have_an_end() {
    let (client, mut socket) = Peer::listen().await.meet(Options::default()).await;
    let script = async {
        for _ in 0..3 {
            socket.expect(PING).await;
            socket.send("-TRYAGAIN wait\r\n").await;
        }
    };
    let (outcome, ()) = tokio::join!(client.ping(), script);
    assert!(matches!(outcome, Err(Error::Server(e)) if e.code() == "TRYAGAIN"));
}

/// Loses its connection after it has read `request`, then answers it over another one.
async fn lose_once(peer: &Peer, mut socket: Socket, request: &str) -> Socket {
    socket.expect(request).await;
    drop(socket);
    let mut socket = peer.accept().await;
    socket.expect(request).await;
    socket.send("$1\r\nv\r\n").await;
    socket
}

#[tokio::test]
async fn what_may_have_been_applied_is_sent_again_only_with_leave() {
    let peer = Peer::listen().await;
    let (client, mut socket) = peer.meet(Options::default()).await;
    let script = async {
        socket.expect(GET_K).await;
        drop(socket);
    };
    let (value, ()) = tokio::join!(client.get("k"), script);
    assert!(matches!(value, Err(Error::MaybeApplied(_))), "{value:?}");

    let (client, socket) = peer.meet(Options::default()).await;
    let command = cmd("GET").arg("k").idempotent();
    let (value, socket) = tokio::join!(client.query::<Bytes>(command), lose_once(&peer, socket, GET_K));
    assert_eq!(value.unwrap(), "v");
    let bold = client.idempotent();
    let (value, _socket) = tokio::join!(bold.get("k"), lose_once(&peer, socket, GET_K));
    assert_eq!(value.unwrap(), Some(Bytes::from_static(b"v")));
}

#[tokio::test]
async fn a_pipeline_of_which_a_reply_came_is_not_sent_again() {
    let peer = Peer::listen().await;
    let (client, mut socket) = peer.meet(Options::default()).await;
    let script = async {
        socket.expect(&PING.repeat(2)).await;
        socket.send("+PONG\r\n-TRYAGAIN wait\r\n").await;
        socket
    };
    let pipeline = client.pipeline().command(&["PING"]).command(&["PING"]);
    let (outcomes, mut socket) = tokio::join!(pipeline.execute(), script);
    assert!(matches!(&outcomes[..], [Ok(_), Err(Error::Server(_))]));
    drop(client);
    socket.expect_end().await;
}

/// How many requests come until the call is over; all are refused for the moment.
async fn requests_of_a_call(client: &Client, socket: &mut Socket) -> usize {
    let mut count = 0;
    let refuse = async {
        loop {
            socket.expect(PING).await;
            count += 1;
            socket.send("-TRYAGAIN wait\r\n").await;
        }
    };
    tokio::select! {
        // Its time may be over before another attempt is sent.
        outcome = client.ping() => {
            assert!(matches!(outcome, Err(Error::Server(_) | Error::NotSent(_))), "{outcome:?}");
        }
        () = refuse => {}
    }
    count
}

#[tokio::test]
async fn retries_of_all_commands_together_have_a_budget() {
    let (client, mut socket) = Peer::listen().await.meet(options(5)).await;
    assert_eq!(requests_of_a_call(&client, &mut socket).await, 1 + 5);
    assert_eq!(requests_of_a_call(&client, &mut socket).await, 1);
    let answer = async {
        for _ in 0..10 {
            socket.expect(PING).await;
            socket.send("+PONG\r\n").await;
        }
    };
    let ask = async {
        for _ in 0..10 {
            client.ping().await.expect("answered");
        }
    };
    tokio::join!(answer, ask);
    assert_eq!(requests_of_a_call(&client, &mut socket).await, 1 + 1, "ten good ones earn one retry");
}

#[tokio::test]
async fn a_deadline_holds_for_all_attempts_together() {
    let (client, mut socket) = Peer::listen().await.meet(options(u32::MAX)).await;
    let patient = Options::default().request_timeout;
    let begun = Instant::now();
    let count = requests_of_a_call(&client.within(Duration::from_millis(100)), &mut socket).await;
    assert!(count >= 1 && begun.elapsed() < patient, "{count}");
    // What has no time left is not sent.
    let late = client.until(Instant::now()).ping().await;
    assert!(matches!(late, Err(Error::NotSent(_))), "{late:?}");
    drop(client);
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_made_again_elsewhere() {
    let [silent, good] = [Peer::listen().await, Peer::listen().await];
    let retry = Retry { attempt_timeout: Some(Duration::from_millis(50)), ..Retry::default() };
    let address = format!("{},{}", silent.address(), good.address());
    let options = Options { retry, ..Options::default() };
    let connecting = Client::connect_with(address, options);
    let (client, _silent, mut good) = tokio::join!(connecting, silent.accept(), good.accept());
    let client = client.expect("connected").idempotent();
    let answer = async {
        loop {
            good.expect(PING).await;
            good.send("+PONG\r\n").await;
        }
    };
    let ask = async {
        for _ in 0..4 {
            client.ping().await.expect("one of them answers");
        }
    };
    tokio::select! {
        () = ask => {}
        () = answer => {}
    }
}

#[tokio::test]
async fn failures_earn_no_retries() {
    let (client, mut socket) = Peer::listen().await.meet(options(2)).await;
    assert_eq!(requests_of_a_call(&client, &mut socket).await, 1 + 2);
    let script = async {
        for _ in 0..20 {
            socket.expect(PING).await;
            socket.send("-MAYBE lost\r\n").await;
        }
    };
    let calls = async {
        for _ in 0..20 {
            assert!(matches!(client.ping().await, Err(Error::Server(_))));
        }
    };
    tokio::join!(calls, script);
    assert_eq!(requests_of_a_call(&client, &mut socket).await, 1);
}
