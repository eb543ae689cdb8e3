//! Readers of keys that are all there: whatever happens to the cluster, none is missed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::wire::{Wire, text};

/// Keys that are written before and read all the time.
const KEYS: usize = 4000;

/// Running readers.
pub struct Readers {
    stop: Arc<AtomicBool>,
    readers: Vec<JoinHandle<Seen>>,
}

/// What readers have seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// How long each read took, ascending.
    pub took: Vec<Duration>,
    /// Replies that are not the key's value: misses and errors.
    pub wrong: Vec<String>,
}

impl Seen {
    /// So many of a thousand reads took at most this long; zero where there was none.
    #[must_use]
    pub fn quantile(&self, per_mille: usize) -> Duration {
        let last = self.took.len().saturating_sub(1);
        self.took.get(last * per_mille / 1000).copied().unwrap_or_default()
    }
}

fn key(n: usize) -> String {
    format!("there:{n}")
}

impl Readers {
    /// Writes the keys, and reads them by way of each proxy from then on.
    ///
    /// # Panics
    /// If a key cannot be written.
    #[must_use]
    pub fn start(proxies: &[SocketAddr]) -> Self {
        let mut wire = Wire::connect(proxies[0]);
        for n in 0..KEYS {
            assert_eq!(wire.ask(&format!("SET {} {n}", key(n))), r"+OK\r\n");
        }
        let stop = Arc::new(AtomicBool::new(false));
        let start = |(at, address): (usize, &SocketAddr)| {
            let (address, stop) = (*address, Arc::clone(&stop));
            std::thread::spawn(move || read(at, address, &stop))
        };
        Self { readers: proxies.iter().enumerate().map(start).collect(), stop }
    }

    /// What was seen since the start. They end.
    ///
    /// # Panics
    /// If a reader has.
    #[must_use]
    pub fn stop(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Seen::default();
        for reader in self.readers {
            let seen = reader.join().expect("a reader ends");
            all.took.extend(seen.took);
            all.wrong.extend(seen.wrong);
        }
        all.took.sort_unstable();
        all
    }
}

fn read(at: usize, address: SocketAddr, stop: &AtomicBool) -> Seen {
    let (mut wire, mut seen) = (Wire::connect(address), Seen::default());
    // Each in an order of its own, over and over: 2003 and the number of keys have no common factor.
    for n in (0..).map(|turn: usize| (turn * 2003 + at) % KEYS) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let begin = Instant::now();
        wire.command(&[b"GET", key(n).as_bytes()]);
        let reply = wire.reply().map(|reply| text(&reply)).unwrap_or_default();
        seen.took.push(begin.elapsed());
        if reply != format!(r"${}\r\n{n}\r\n", n.to_string().len()) {
            seen.wrong.push(format!("{}: {reply}", key(n)));
        }
    }
    seen
}
