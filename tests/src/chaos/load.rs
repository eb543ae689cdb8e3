//! A load of unique writes, and the check of what became of them.
//!
//! Each writer appends numbers to lists, a number once; it notes for each whether it was acknowledged, refused, or may have been
//! executed. At the end the lists are read: every acknowledged number is there, no number twice, those of one writer in the
//! order in which they were sent, and nothing that was refused.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::wire::{Wire, text};

/// Lists that the numbers are appended to; their keys lie in many slots.
const LISTS: usize = 48;

/// How an append ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done,
    Refused,
    Maybe,
    /// Its connection ended: what is sent over the next has no order to it.
    Lost,
}

#[derive(Clone, Copy, Debug)]
struct Append {
    list: usize,
    number: u64,
    end: End,
}

/// What one writer did.
#[derive(Debug, Default)]
struct Told {
    appends: Vec<Append>,
    /// The longest time without an answer that was a success.
    longest_gap: Duration,
    errors: HashMap<String, u64>,
}

/// A running load.
pub struct Load {
    stop: Arc<AtomicBool>,
    writers: Vec<JoinHandle<Told>>,
}

/// What came of a load.
#[derive(Debug)]
pub struct Outcome {
    /// Acknowledged writes.
    pub done: usize,
    /// Writes that were refused, or may have been executed.
    pub failed: usize,
    /// The longest time in which one of the writers had no success.
    pub longest_gap: Duration,
    /// Errors, by their first word.
    pub errors: HashMap<String, u64>,
    appends: Vec<Vec<Append>>,
}

impl Load {
    /// `writers` threads, dealt out to the proxies.
    #[must_use]
    pub fn start(proxies: &[SocketAddr], writers: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let start = |writer: usize| {
            let (address, stop) = (proxies[writer % proxies.len()], Arc::clone(&stop));
            std::thread::spawn(move || write(writer as u64, address, &stop))
        };
        Self { writers: (0..writers).map(start).collect(), stop }
    }

    /// Ends the load.
    ///
    /// # Panics
    /// If a writer has.
    #[must_use]
    pub fn stop(self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        let told: Vec<Told> =
            self.writers.into_iter().map(|writer| writer.join().expect("a writer ends")).collect();
        let count = |wanted: fn(End) -> bool| {
            told.iter().flat_map(|told| &told.appends).filter(|append| wanted(append.end)).count()
        };
        let mut errors = HashMap::new();
        for (word, count) in told.iter().flat_map(|told| &told.errors) {
            *errors.entry(word.clone()).or_insert(0) += count;
        }
        Outcome {
            done: count(|end| end == End::Done),
            failed: count(|end| end != End::Done),
            longest_gap: told.iter().map(|told| told.longest_gap).max().unwrap_or_default(),
            errors,
            appends: told.into_iter().map(|told| told.appends).collect(),
        }
    }
}

fn key(list: usize) -> String {
    format!("list:{list}")
}

fn write(writer: u64, address: SocketAddr, stop: &AtomicBool) -> Told {
    let mut told = Told::default();
    let mut wire = Wire::connect(address);
    let mut last_success = Instant::now();
    for turn in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let (list, number) = ((turn as usize * 7 + writer as usize) % LISTS, writer << 40 | turn);
        wire.command(&[b"RPUSH", key(list).as_bytes(), number.to_string().as_bytes()]);
        let reply = wire.reply();
        let end = match reply.as_deref() {
            Some([b':', ..]) => End::Done,
            Some(error) if error.starts_with(b"-MAYBE") => End::Maybe,
            Some([b'-', ..]) => End::Refused,
            _ => End::Lost,
        };
        told.appends.push(Append { list, number, end });
        match (end, reply) {
            (End::Done, _) => {
                told.longest_gap = told.longest_gap.max(last_success.elapsed());
                last_success = Instant::now();
            }
            (_, Some(error)) => {
                let error = text(&error);
                let word = error.split(' ').next().unwrap_or_default().to_owned();
                *told.errors.entry(word).or_insert(0) += 1;
            }
            (_, None) => wire = Wire::connect(address),
        }
    }
    told.longest_gap = told.longest_gap.max(last_success.elapsed());
    told
}

impl Outcome {
    /// Checks what the lists hold in the end, as `proxy` shows them.
    ///
    /// # Panics
    /// If a promise was broken; the panic says which.
    pub fn check(&self, proxy: SocketAddr) {
        let mut wire = Wire::connect(proxy);
        let ends: HashMap<u64, Append> =
            self.appends.iter().flatten().map(|append| (append.number, *append)).collect();
        let mut found: HashMap<u64, usize> = HashMap::new();
        for list in 0..LISTS {
            let mut last_of = HashMap::new();
            for number in range(&mut wire, list) {
                assert!(found.insert(number, list).is_none(), "{number} is there twice");
                let append = ends.get(&number).unwrap_or_else(|| panic!("nobody wrote {number}"));
                assert_eq!(append.list, list, "{number} is in another list");
                assert_ne!(append.end, End::Refused, "{number} was refused and is there");
                if append.end != End::Lost {
                    let before = last_of.insert(number >> 40, number);
                    assert!(before.is_none_or(|before| before < number), "{number} stands behind {before:?}");
                }
            }
        }
        let acknowledged = ends.values().filter(|append| append.end == End::Done);
        let lost: Vec<_> = acknowledged.filter(|append| !found.contains_key(&append.number)).collect();
        assert!(lost.is_empty(), "{} acknowledged writes are lost, such as {:?}", lost.len(), lost.first());
    }
}

fn range(wire: &mut Wire, list: usize) -> Vec<u64> {
    wire.command(&[b"LRANGE", key(list).as_bytes(), b"0", b"-1"]);
    let reply = wire.reply().expect("the proxy answers");
    assert_eq!(reply.first(), Some(&b'*'), "{}", text(&reply));
    let lines = reply.split(|byte| *byte == b'\n').skip(1).collect::<Vec<_>>();
    let number = |line: &&[u8]| std::str::from_utf8(&line[..line.len() - 1]).ok()?.parse().ok();
    lines.chunks_exact(2).filter_map(|pair| number(&pair[1])).collect()
}
