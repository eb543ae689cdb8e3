//! Keys that come very often: they are named, and reads of them are sent as one without a reader seeing an old value.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::wait::eventually;
use ringmaster_tests::wire::{Wire, encoded};

/// Reads of one pipeline of a reader.
const PIPELINE: usize = 64;

fn page(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// Reads that took the reply of another one.
fn joined(cluster: &Cluster) -> u64 {
    let page = page(cluster.proxies()[0].admin_address(), "/metrics");
    let line = page.lines().find_map(|line| line.strip_prefix("ringmaster_proxy_joined_reads_total "));
    line.expect("the counter is there").parse().unwrap()
}

fn number(reply: &[u8]) -> u64 {
    let text = std::str::from_utf8(reply).unwrap();
    text.lines().nth(1).unwrap_or_else(|| panic!("no value: {text}")).parse().unwrap()
}

/// Reads the key again and again; a reader that began after a write was answered sees it, and none sees time go back.
fn read(address: SocketAddr, written: &AtomicU64, is_over: &AtomicBool) {
    let mut client = Wire::connect(address);
    let pipeline = encoded(&[b"GET", b"hot"]).repeat(PIPELINE);
    while !is_over.load(Ordering::Relaxed) {
        let mut last = written.load(Ordering::SeqCst);
        client.send(&pipeline);
        for _ in 0..PIPELINE {
            let seen = number(&client.reply().unwrap());
            assert!(seen >= last, "{seen} was read behind {last}");
            last = seen;
        }
    }
}

/// Writes the key and reads it behind, in one pipeline, `until`.
fn write(client: &mut Wire, written: &AtomicU64, mut until: impl FnMut() -> bool) {
    while !until() {
        let before = written.load(Ordering::SeqCst);
        for n in before + 1..=before + 4 {
            client.send(&encoded(&[b"GET", b"hot"]));
            client.send(&encoded(&[b"SET", b"hot", n.to_string().as_bytes()]));
            client.send(&encoded(&[b"GET", b"hot"]));
        }
        for n in before + 1..=before + 4 {
            assert_eq!(number(&client.reply().unwrap()), n - 1);
            assert_eq!(client.reply().unwrap(), b"+OK\r\n");
            assert_eq!(number(&client.reply().unwrap()), n);
        }
        written.store(before + 4, Ordering::SeqCst);
    }
}

#[test]
fn reads_of_a_hot_key_are_sent_as_one_and_see_every_answered_write() {
    for replicas in [1, 2] {
        let cluster = Cluster::builder().yaml(&format!("replicas: {replicas}")).start();
        let address = cluster.address();
        let mut client = Wire::connect(address);
        eventually("the cluster serves", || client.ask("SET hot 0") == r"+OK\r\n");
        let (written, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| read(address, &written, &is_over));
            }
            eventually("reads are sent as one", || {
                let mut rounds = 0;
                write(&mut client, &written, || {
                    rounds += 1;
                    rounds > 50
                });
                joined(&cluster) > 1000
            });
            is_over.store(true, Ordering::Relaxed);
        });
    }
}

#[test]
fn the_hottest_keys_are_named() {
    let cluster = Cluster::builder().start();
    let mut client = Wire::connect(cluster.address());
    let mut request = encoded(&[b"SET", b"a \xff key", b"v"]);
    (0..9).for_each(|n: u32| request.extend(encoded(&[b"GET", n.to_string().as_bytes()])));
    let request = request.repeat(100);
    let admin = cluster.proxies()[0].admin_address();
    eventually("it is named", || {
        client.send(&request);
        (0..1000).for_each(|_| assert!(client.reply().is_some()));
        page(admin, "/hotkeys").contains(r"a \xff key")
    });
    let page = page(admin, "/metrics");
    let told =
        page.lines().find_map(|line| line.strip_prefix("ringmaster_proxy_hottest_key_commands_per_second "));
    assert!(told.unwrap().parse::<f64>().unwrap() > 0.0);
    assert!(client.ask("INFO stats").contains("ringmaster_hot_key:key="));
}
