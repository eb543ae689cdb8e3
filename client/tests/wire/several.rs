//! Several servers that are as good as each other.

use std::time::Duration;

use ringmaster_client::{Client, Error, Options};

use crate::pong::{Pong, eventually};

/// Makes a lost connection anew soon.
fn options() -> Options {
    Options { backoff_max: Duration::from_millis(50), ..Options::default() }
}

async fn connect(servers: &[&Pong]) -> Client {
    let addresses: Vec<String> = servers.iter().map(|server| server.address().to_string()).collect();
    Client::connect_with(addresses.join(","), options()).await.expect("connected")
}

#[tokio::test]
async fn servers_are_used_in_turn() {
    let [a, b, c] = [Pong::start().await, Pong::start().await, Pong::start().await];
    let client = connect(&[&a, &b, &c]).await;
    eventually("all are used", async || {
        client.ping().await.expect("answered");
        [&a, &b, &c].iter().all(|server| server.answered() > 0)
    })
    .await;
    let before = [a.answered(), b.answered(), c.answered()];
    for _ in 0..30 {
        client.ping().await.expect("answered");
    }
    assert_eq!([a.answered(), b.answered(), c.answered()], before.map(|count| count + 10));
}

#[tokio::test]
async fn one_that_is_there_is_enough() {
    let (gone, server) = (Pong::start().await, Pong::start().await);
    let address = gone.stop().await;
    let client = Client::connect(format!("{address},{}", server.address())).await.expect("one is there");
    for _ in 0..10 {
        client.ping().await.expect("the other is left out");
    }
    let nobody = Client::connect(format!("{address},{address}")).await;
    assert!(matches!(nobody, Err(Error::NotSent(_))));
}

#[tokio::test]
async fn a_lost_server_gets_nothing_until_it_is_back() {
    let (a, b) = (Pong::start().await, Pong::start().await);
    let client = connect(&[&a, &b]).await;
    eventually("both are used", async || client.ping().await.is_ok() && b.answered() > 0).await;
    let address = b.stop().await;
    // What is on its way to the lost one is maybe applied; then it is left out.
    eventually("the loss is seen", async || {
        let before = a.answered();
        client.ping().await.is_ok() && client.ping().await.is_ok() && a.answered() == before + 2
    })
    .await;
    for _ in 0..20 {
        client.ping().await.expect("only the other one is asked");
    }
    let b = Pong::start_at(address).await;
    eventually("it is used again", async || client.ping().await.is_ok() && b.answered() > 0).await;
}
