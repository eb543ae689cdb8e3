//! Chains whose members are full: they evict together.

use std::net::SocketAddr;
use std::thread;

use ringmaster_tests::chaos::members::{pulse_of, unequal};
use ringmaster_tests::chaos::processes::Processes;
use ringmaster_tests::wire::{Wire, encoded};

const PROGRAM: &str = env!("CARGO_BIN_EXE_member");

/// The bound of each node.
const BOUND: u64 = 64 << 20;

/// Bytes of a value.
const VALUE: usize = 8 << 10;

/// Commands that are sent before the first reply is read.
const PIPELINE: usize = 16;

/// Writes values of these numbers; how many were refused for want of memory, and the first reply that was another.
fn fill(proxy: SocketAddr, numbers: std::ops::Range<usize>) -> (usize, Option<String>) {
    let (mut wire, value, mut full, mut other) = (Wire::connect(proxy), vec![b'v'; VALUE], 0, None);
    let numbers: Vec<usize> = numbers.collect();
    for batch in numbers.chunks(PIPELINE) {
        let commands = batch.iter().flat_map(|n| encoded(&[b"SET", format!("key:{n}").as_bytes(), &value]));
        wire.send(&commands.collect::<Vec<u8>>());
        for _ in batch {
            let reply = wire.reply().unwrap();
            match &reply[..] {
                b"+OK\r\n" => {}
                reply if reply.starts_with(b"-OOM") => full += 1,
                reply => other = other.or_else(|| Some(String::from_utf8_lossy(reply).into_owned())),
            }
        }
    }
    (full, other)
}

#[test]
fn chains_evict_together_when_five_times_their_memory_is_written() {
    let bound = format!("maxmemory={BOUND}");
    let processes = Processes::builder(PROGRAM).node_words(&[&bound]).start();
    processes.await_redundancy();
    // Three nodes hold two copies of each key.
    let writes = 5 * 3 * BOUND as usize / 2 / VALUE;
    let writers = processes.proxies().into_iter().cycle().take(4).zip(0..);
    let writers: Vec<_> = writers
        .map(|(proxy, at)| thread::spawn(move || fill(proxy, at * writes / 4..(at + 1) * writes / 4)))
        .collect();
    let outcomes: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    let full: usize = outcomes.iter().map(|(full, _)| full).sum();
    let other: Vec<&String> = outcomes.iter().filter_map(|(_, other)| other.as_ref()).collect();
    assert!(other.is_empty(), "{other:?}");
    let used = processes.nodes().into_iter().map(|node| pulse_of(node).unwrap().used_memory);
    let used: Vec<u64> = used.collect();
    println!("{writes} writes, {full} refused, memory {used:?} of {BOUND}");
    assert!(full * 1000 <= writes, "{full} of {writes} were refused");
    assert!(used.iter().all(|used| (BOUND / 2..BOUND + BOUND / 16).contains(used)), "{used:?} of {BOUND}");
    let mut wire = Wire::connect(processes.proxies()[0]);
    let keys: u64 = wire.ask("DBSIZE").trim_matches(|digit: char| !digit.is_ascii_digit()).parse().unwrap();
    assert!(keys as usize * VALUE > BOUND as usize / 2, "only {keys} keys are left");
    let view = processes.view().unwrap();
    let mut differing = unequal(&view, 64);
    for _ in 0..100 {
        if differing.is_empty() {
            return;
        }
        // Evictions may still be on their way.
        thread::yield_now();
        differing = unequal(&view, 64);
    }
    panic!("members differ in {} slots", differing.len());
}
