//! The client against a peer that is scripted byte by byte.

mod lending;
mod listening;
mod peer;
mod pong;
mod retrying;
mod several;

use std::{io, time::Duration};

use bytes::Bytes;
use peer::Peer;
use ringmaster_client::{Client, Error, Options, Protocol, Value};
use tokio::time::timeout;

const GET_K: &str = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
const PING: &str = "*1\r\n$4\r\nPING\r\n";

fn quick() -> Options {
    Options { request_timeout: Duration::from_millis(200), ..Options::default() }
}

#[tokio::test]
async fn a_reply_cut_in_half_is_waited_for() {
    let (client, mut socket) = Peer::listen().await.meet(Options::default()).await;
    let script = async {
        socket.expect(GET_K).await;
        for byte in "$5\r\nhe\r\no\r\n".as_bytes() {
            socket.send([*byte]).await;
            tokio::task::yield_now().await;
        }
    };
    let (value, ()) = tokio::join!(client.get("k"), script);
    assert_eq!(value.unwrap(), Some(Bytes::from_static(b"he\r\no")));
}

#[tokio::test]
async fn commands_of_many_tasks_share_a_connection_and_each_gets_its_own_reply() {
    let peer = Peer::listen().await;
    let (client, mut socket) = peer.meet(Options::default()).await;
    let tasks: Vec<_> = (0..100)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { (n, client.command(&["ECHO", &format!("{n:03}")]).await.unwrap()) })
        })
        .collect();
    for _ in 0..100 {
        socket.expect("*2\r\n$4\r\nECHO\r\n").await;
        let mut line = [0; 9];
        socket.read(&mut line).await;
        socket.send(line).await;
    }
    for task in tasks {
        let (n, value) = task.await.unwrap();
        assert_eq!(value, Value::Bulk(format!("{n:03}").into()));
    }
}

#[tokio::test]
async fn a_lost_connection_tells_maybe_applied() {
    let (client, mut socket) = Peer::listen().await.meet(Options::default()).await;
    let script = async {
        socket.expect(GET_K).await;
        drop(socket);
    };
    let (value, ()) = tokio::join!(client.get("k"), script);
    assert!(matches!(value, Err(Error::MaybeApplied(_))), "{value:?}");
}

#[tokio::test]
async fn the_next_command_makes_a_new_connection() {
    let peer = Peer::listen().await;
    let (client, socket) = peer.meet(Options::default()).await;
    drop(socket);
    let script = async {
        let mut socket = peer.accept().await;
        socket.expect(PING).await;
        socket.send("+PONG\r\n").await;
        socket
    };
    let again = async {
        // The first may be on its way before the loss is seen.
        while client.ping().await.is_err() {}
    };
    tokio::join!(again, script);
}

#[tokio::test]
async fn without_leave_to_reconnect_nothing_more_is_sent() {
    let peer = Peer::listen().await;
    let (client, socket) = peer.meet(Options { reconnect: false, ..Options::default() }).await;
    drop(socket);
    while !matches!(client.ping().await, Err(Error::NotSent(_))) {}
    assert!(matches!(client.ping().await, Err(Error::NotSent(_))));
    assert!(timeout(Duration::from_millis(20), peer.accept()).await.is_err());
}

#[tokio::test]
async fn without_a_server_nothing_is_sent() {
    let peer = Peer::listen().await;
    let address = peer.address();
    let (client, socket) = peer.meet(Options::default()).await;
    drop((socket, peer));
    let error = loop {
        match client.ping().await {
            Err(Error::MaybeApplied(_)) => {}
            other => break other,
        }
    };
    assert!(
        matches!(&error, Err(Error::NotSent(e)) if e.kind() == io::ErrorKind::ConnectionRefused),
        "{error:?}"
    );
    assert!(matches!(Client::connect(address).await, Err(Error::NotSent(_))));
}

#[tokio::test]
async fn garbage_is_a_protocol_error_and_the_others_in_flight_are_maybe_applied() {
    let (client, mut socket) = Peer::listen().await.meet(Options::default()).await;
    let script = async {
        socket.expect(&GET_K.repeat(2)).await;
        socket.send("HTTP/1.1 400 Bad Request\r\n").await;
        socket.expect_end().await;
    };
    let (first, second, ()) = tokio::join!(client.get("k"), client.get("k"), script);
    assert!(matches!(first, Err(Error::Protocol(_))), "{first:?}");
    assert!(matches!(second, Err(Error::MaybeApplied(_))), "{second:?}");
}

#[tokio::test]
async fn a_reply_that_nobody_asked_for_ends_the_connection() {
    let (_client, mut socket) = Peer::listen().await.meet(Options::default()).await;
    socket.send("+OK\r\n").await;
    socket.expect_end().await;
}

#[tokio::test]
async fn a_reply_of_another_type_is_a_protocol_error_and_the_connection_goes_on() {
    let (client, mut socket) = Peer::listen().await.meet(Options::default()).await;
    let script = async {
        socket.expect(GET_K).await;
        socket.send("*0\r\n").await;
        socket.expect(PING).await;
        socket.send("+PONG\r\n").await;
    };
    let calls = async {
        assert!(matches!(client.get("k").await, Err(Error::Protocol(_))));
        client.ping().await.unwrap();
    };
    tokio::join!(calls, script);
}

#[tokio::test]
async fn an_error_reply_is_a_server_error_with_its_code() {
    let (client, mut socket) = Peer::listen().await.meet(Options::default()).await;
    let script = async {
        socket.expect(GET_K).await;
        socket.send("-WRONGTYPE not a string\r\n").await;
    };
    let (value, ()) = tokio::join!(client.get("k"), script);
    assert!(matches!(value, Err(Error::Server(e)) if e.code() == "WRONGTYPE"));
}

#[tokio::test]
async fn a_late_reply_is_dropped_and_does_not_answer_the_next_command() {
    let (client, mut socket) = Peer::listen().await.meet(quick()).await;
    let script = async {
        socket.expect(GET_K).await;
        socket.expect(PING).await;
        socket.send("$4\r\nlate\r\n+PONG\r\n").await;
    };
    let calls = async {
        assert!(timeout(Duration::from_millis(20), client.get("k")).await.is_err(), "dropped by the caller");
        client.ping().await.unwrap();
    };
    tokio::join!(calls, script);
}

#[tokio::test]
async fn a_silent_server_times_out_and_is_given_up() {
    let (client, mut socket) = Peer::listen().await.meet(quick()).await;
    let script = async {
        socket.expect(GET_K).await;
        socket.expect_end().await;
    };
    let (value, ()) = tokio::join!(client.get("k"), script);
    assert!(matches!(value, Err(Error::Timeout)), "{value:?}");
}

#[tokio::test]
async fn a_command_that_has_more_time_than_others_is_waited_for() {
    let (client, mut socket) = Peer::listen().await.meet(quick()).await;
    let script = async {
        socket.expect(GET_K).await;
        // A slow server: three times what others are given.
        tokio::time::sleep(Duration::from_millis(600)).await;
        socket.send("$1\r\nv\r\n").await;
    };
    let patient = client.within(Duration::from_secs(60));
    let (value, ()) = tokio::join!(patient.get("k"), script);
    assert_eq!(value.unwrap(), Some(Bytes::from_static(b"v")));
}

#[tokio::test]
async fn a_server_that_still_reads_a_command_is_not_silent() {
    const BIG: usize = 32 << 20;
    let options = Options { request_timeout: Duration::from_millis(1500), ..Options::default() };
    let (client, mut socket) = Peer::listen().await.meet(options).await;
    let script = async {
        for _ in 0..8 {
            socket.skip(BIG / 8).await;
            tokio::time::sleep(Duration::from_millis(350)).await;
        }
        socket.skip("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$33554432\r\n\r\n".len()).await;
        socket.expect(PING).await;
        socket.send("+OK\r\n+PONG\r\n").await;
    };
    let calls = async {
        let set = client.set("k", vec![b'v'; BIG]).await;
        assert!(matches!(set, Err(Error::Timeout)), "{set:?}");
        client.within(Duration::from_secs(60)).ping().await.expect("the connection goes on");
    };
    tokio::join!(calls, script);
}

#[tokio::test]
async fn a_command_that_times_out_in_the_queue_is_never_sent() {
    let options = Options { queue_max: 1, ..quick() };
    let (client, mut socket) = Peer::listen().await.meet(options).await;
    // Two can wait for replies (one in the queue of the pending, one at the front), the third waits for room.
    let calls = async { tokio::join!(client.get("k"), client.get("k"), client.ping()) };
    let script = async {
        socket.expect(&GET_K.repeat(2)).await;
        socket.expect_end().await;
    };
    let ((first, second, third), ()) = tokio::join!(calls, script);
    assert!(matches!((first, second), (Err(Error::Timeout), Err(Error::Timeout))));
    assert!(matches!(third, Err(Error::NotSent(_))), "{third:?}");
}

#[tokio::test]
async fn the_handshake_asks_for_what_the_options_say() {
    let peer = Peer::listen().await;
    let options = Options {
        protocol: Protocol::Resp3,
        database: 3,
        password: Some("pw".into()),
        name: Some("me".into()),
        ..Options::default()
    };
    let script = async {
        let mut socket = peer.accept().await;
        socket.expect("*7\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$2\r\npw\r\n").await;
        socket.expect("$7\r\nSETNAME\r\n$2\r\nme\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n").await;
        socket.send("%1\r\n$5\r\nproto\r\n:3\r\n+OK\r\n").await;
        socket
    };
    let (client, _socket) = tokio::join!(Client::connect_with(peer.address(), options), script);
    client.unwrap();
}

#[tokio::test]
async fn a_refused_handshake_is_a_server_error() {
    let peer = Peer::listen().await;
    let options = Options { password: Some("no".into()), ..Options::default() };
    let script = async {
        let mut socket = peer.accept().await;
        socket.expect("*2\r\n$4\r\nAUTH\r\n$2\r\nno\r\n").await;
        socket.send("-WRONGPASS invalid username-password pair\r\n").await;
        socket
    };
    let (client, _socket) = tokio::join!(Client::connect_with(peer.address(), options), script);
    assert!(matches!(client.err(), Some(Error::Server(e)) if e.code() == "WRONGPASS"));
}

#[tokio::test]
async fn a_password_that_the_server_repeats_is_not_told() {
    let peer = Peer::listen().await;
    let options =
        Options { protocol: Protocol::Resp3, password: Some("secret".into()), ..Options::default() };
    let script = async {
        let mut socket = peer.accept().await;
        socket.expect("*5\r\n$5\r\nHELLO\r\n").await;
        socket
            .send("-ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'me' 'secret'\r\n")
            .await;
        socket
    };
    let (client, _socket) = tokio::join!(Client::connect_with(peer.address(), options), script);
    let error = client.err().expect("refused").to_string();
    assert!(error.contains("unknown command 'HELLO'") && !error.contains("secret"), "{error}");
}

#[tokio::test]
async fn what_the_server_pushes_answers_no_command() {
    let (client, mut socket) = Peer::listen().await.meet(Options::default()).await;
    let script = async {
        socket.expect(GET_K).await;
        socket.send(">2\r\n$10\r\ninvalidate\r\n_\r\n$1\r\nv\r\n").await;
    };
    let (value, ()) = tokio::join!(client.get("k"), script);
    assert_eq!(value.unwrap(), Some(Bytes::from_static(b"v")));
}

#[tokio::test]
async fn a_pipeline_keeps_the_replies_that_came_before_the_loss() {
    let (client, mut socket) = Peer::listen().await.meet(Options::default()).await;
    let script = async {
        socket.expect(&PING.repeat(3)).await;
        socket.send("+PONG\r\n-ERR no\r\n+PO").await;
        drop(socket);
    };
    let pipeline = client.pipeline().command(&["PING"]).command(&["PING"]).command(&["PING"]);
    let (replies, ()) = tokio::join!(pipeline.execute(), script);
    assert!(matches!(
        &replies[..],
        [Ok(Value::Simple(_)), Err(Error::Server(_)), Err(Error::MaybeApplied(_))]
    ));
}

#[tokio::test]
async fn a_pipeline_with_a_refused_command_is_not_sent() {
    let (client, mut socket) = Peer::listen().await.meet(Options::default()).await;
    let replies = client.pipeline().command(&["PING"]).command(&["MONITOR"]).execute().await;
    assert!(replies.iter().all(|reply| matches!(reply, Err(Error::NotSent(_)))) && replies.len() == 2);
    drop(client);
    socket.expect_end().await;
}

#[tokio::test]
async fn replies_are_read_while_commands_are_written() {
    const BIG: usize = 16 << 20;
    let (client, mut socket) = Peer::listen().await.meet(Options::default()).await;
    let script = async {
        socket.expect(GET_K).await;
        // Reads no more until its own large reply is taken.
        socket.send(format!("${BIG}\r\n{}\r\n", "v".repeat(BIG))).await;
        socket.skip("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$16777216\r\n\r\n".len() + BIG).await;
        socket.send("+OK\r\n").await;
    };
    let calls = async {
        let big = vec![b'v'; BIG];
        let (value, set) = tokio::join!(client.get("k"), client.set("k", &big));
        assert_eq!(value.unwrap().map(|value| value.len()), Some(BIG));
        set.unwrap();
    };
    tokio::join!(calls, script);
}

#[tokio::test]
async fn a_command_above_the_limit_is_refused_and_harms_no_other() {
    let options = Options { queue_max_bytes: 100, ..Options::default() };
    let (client, mut socket) = Peer::listen().await.meet(options).await;
    assert!(matches!(client.set("k", "v".repeat(100)).await, Err(Error::NotSent(_))));
    let script = async {
        socket.expect(PING).await;
        socket.send("+PONG\r\n").await;
    };
    tokio::join!(async { client.ping().await.unwrap() }, script);
}

#[tokio::test]
async fn the_connection_closes_when_the_last_handle_is_dropped() {
    let (client, mut socket) = Peer::listen().await.meet(Options::default()).await;
    let other = client.clone();
    drop((client, other));
    socket.expect_end().await;
}
