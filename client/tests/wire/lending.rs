//! Connections that are lent for a while: when they are lost, refused, late, or changed.

use std::time::Duration;

use ringmaster_client::{Client, Error, Options, Transaction, Value, Watched, cmd};
use tokio::time::{Instant, sleep_until};

use crate::peer::{Peer, Socket};

const WATCH: &str = "*2\r\n$5\r\nWATCH\r\n$1\r\nk\r\n";
const TRANSACTION: &str = "*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n*1\r\n$4\r\nEXEC\r\n";
const EXECUTED: &str = "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n";

fn increment() -> Transaction {
    Transaction::new().push(cmd("INCR").arg("k"))
}

async fn accept(peer: &Peer) -> Socket {
    let mut socket = peer.accept().await;
    socket.expect(WATCH).await;
    socket.send("+OK\r\n").await;
    socket
}

/// Watches over a new connection.
async fn watch(peer: &Peer, client: &Client) -> (Watched, Socket) {
    let (watched, socket) = tokio::join!(client.watch(["k"]), accept(peer));
    (watched.expect("watched"), socket)
}

async fn commit(watched: Watched, socket: &mut Socket) {
    let script = async {
        socket.expect(TRANSACTION).await;
        socket.send(EXECUTED).await;
    };
    let transaction = increment();
    let (outcomes, ()) = tokio::join!(watched.commit(&transaction), script);
    assert!(matches!(&outcomes.unwrap().unwrap()[..], [Ok(Value::Int(1))]));
}

#[tokio::test]
async fn a_used_connection_that_is_lost_does_not_fail_what_may_be_repeated() {
    let peer = Peer::listen().await;
    let (client, _shared) = peer.meet(Options::default()).await;
    let (watched, mut socket) = watch(&peer, &client).await;
    commit(watched, &mut socket).await;
    let script = async {
        socket.expect(WATCH).await;
        drop(socket);
        accept(&peer).await
    };
    let (watched, mut socket) = tokio::join!(client.watch(["k"]), script);
    commit(watched.expect("over a new connection"), &mut socket).await;
}

#[tokio::test]
async fn a_pop_that_is_refused_for_the_moment_is_tried_again() {
    let peer = Peer::listen().await;
    let (client, _shared) = peer.meet(Options::default()).await;
    let script = async {
        let mut sockets = vec![];
        for reply in ["-CLUSTERDOWN no view yet\r\n", "*2\r\n$1\r\nk\r\n$1\r\nv\r\n"] {
            let mut socket = peer.accept().await;
            socket.expect("*3\r\n$5\r\nBLPOP\r\n$1\r\nk\r\n").await;
            socket.send(reply).await;
            sockets.push(socket);
        }
        sockets
    };
    let (popped, _sockets) = tokio::join!(client.blpop(["k"], Duration::from_secs(5)), script);
    assert_eq!(popped.unwrap(), Some(("k".into(), "v".into())));
}

#[tokio::test]
async fn a_pop_that_may_have_taken_something_is_not_repeated() {
    let peer = Peer::listen().await;
    let (client, _shared) = peer.meet(Options::default()).await;
    let script = async {
        let mut socket = peer.accept().await;
        socket.expect("*3\r\n$5\r\nBLPOP\r\n$1\r\nk\r\n").await;
    };
    let (popped, ()) = tokio::join!(client.blpop(["k"], Duration::from_secs(5)), script);
    assert!(matches!(popped, Err(Error::MaybeApplied(_))), "{popped:?}");
}

#[tokio::test]
async fn after_the_deadline_nothing_is_sent() {
    let peer = Peer::listen().await;
    let (client, _shared) = peer.meet(Options::default()).await;
    let late = client.until(Instant::now()).blpop(["k"], Duration::from_secs(5)).await;
    assert!(matches!(late, Err(Error::NotSent(_))), "{late:?}");

    let deadline = Instant::now() + Duration::from_secs(2);
    let (watched, mut socket) = watch(&peer, &client.until(deadline)).await;
    sleep_until(deadline).await;
    let late = watched.commit(&increment()).await;
    assert!(matches!(late, Err(Error::NotSent(_))), "{late:?}");
    drop(client);
    socket.expect_end().await;
}

#[tokio::test]
async fn a_connection_whose_state_was_changed_is_lent_to_nobody_else() {
    let peer = Peer::listen().await;
    let (client, _shared) = peer.meet(Options::default()).await;
    for command in [cmd("SELECT").arg("3"), cmd("AUTH").arg("pw"), cmd("client").arg("setname").arg("me")] {
        let (mut watched, mut socket) = watch(&peer, &client).await;
        let script = async {
            socket.skip("*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n".len()).await;
            socket.send("+OK\r\n").await;
        };
        let (changed, ()) = tokio::join!(watched.query::<()>(command), script);
        changed.unwrap();
        let script = async {
            // The rest of a longer command first.
            let mut byte = [0];
            let mut tail = Vec::new();
            while !tail.ends_with(TRANSACTION.as_bytes()) {
                socket.read(&mut byte).await;
                tail.push(byte[0]);
            }
            socket.send(EXECUTED).await;
        };
        let transaction = increment();
        let (outcomes, ()) = tokio::join!(watched.commit(&transaction), script);
        outcomes.unwrap();
        socket.expect_end().await;
    }
}

#[tokio::test]
async fn what_would_change_the_connection_of_all_is_refused_unless_it_is_of_one() {
    let peer = Peer::listen().await;
    let (client, mut socket) = peer.meet(Options::default()).await;
    for words in
        [&["SELECT", "3"][..], &["multi"], &["EXEC"], &["WATCH", "k"], &["AUTH", "x"], &["HELLO", "3"]]
    {
        let refused = client.command(words).await;
        assert!(matches!(refused, Err(Error::NotSent(_))), "{words:?}: {refused:?}");
        let refused = client.pipeline().command(words).execute().await;
        assert!(matches!(&refused[..], [Err(Error::NotSent(_))]), "{words:?}: {refused:?}");
    }
    let inner = client.transaction(&Transaction::new().command(&["SELECT", "3"])).await;
    assert!(matches!(inner, Err(Error::NotSent(_))), "{inner:?}");
    drop(client);
    socket.expect_end().await;

    let (client, mut socket) = peer.meet(Options { reconnect: false, ..Options::default() }).await;
    let script = async {
        socket.expect("*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n").await;
        socket.send("+OK\r\n").await;
    };
    let (selected, ()) = tokio::join!(client.command(&["SELECT", "3"]), script);
    selected.unwrap();
}
