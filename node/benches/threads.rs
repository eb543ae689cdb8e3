//! How much faster two threads carry out commands than one, without sockets: batches of GET and SET in one engine.
//!
//! usage: `cargo bench -p ringmaster-node --bench threads`; it needs two processors that nobody else uses. Prints millions of
//! commands a second, the median of windows in turns. Under `cargo test` the windows are short and mean nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use ringmaster_node::engine::{Engine, Flow};
use ringmaster_node::store::Store;
use ringmaster_node::store::key::Key;
use ringmaster_node::store::keyspace::Moment;
use ringmaster_protocol::command::{Spec, resolve};
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::resp::{Args, Protocol, Span};

/// Keys, each with a value of so many bytes.
const KEYS: u32 = 100_000;
const VALUE: [u8; 64] = [b'x'; 64];

/// Commands of a batch, as of a client that pipelines.
const BATCH: usize = 16;

/// Batches that a thread has ready, and goes through again and again.
const BATCHES: usize = 4096;

/// The clock, in Unix milliseconds: it stands.
const NOW: u64 = 1_700_000_000_000;

/// Windows of each number of threads.
const WINDOWS: usize = 9;

/// A command as it was read.
struct Request {
    spec: &'static Spec,
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

impl Request {
    fn new(words: &[&[u8]]) -> Self {
        let mut start = 0;
        let mut span = |word: &&[u8]| {
            let span = Span { start, len: u32::try_from(word.len()).expect("a word is short") };
            start += span.len;
            span
        };
        let (bytes, spans): (Vec<u8>, Vec<Span>) = (words.concat(), words.iter().map(&mut span).collect());
        let spec = resolve(&Args::new(&bytes, &spans)).expect("a known command");
        Self { spec, bytes, spans }
    }

    fn key(&self) -> Key<'_> {
        Key::new(Args::new(&self.bytes, &self.spans).get(1).expect("a key"), 0)
    }

    fn carry_out(&self, engine: &Engine, key: Key<'_>, out: &mut Vec<u8>) {
        let args = Args::new(&self.bytes, &self.spans);
        let moment = Moment { now: NOW, random: 1, ..Moment::default() };
        let mut reply = Reply::bounded(out, Protocol::Resp2);
        while let Flow::Busy(_) = engine.run_single(self.spec, args, key, moment, &mut reply) {
            std::hint::spin_loop();
        }
    }
}

fn name(number: u32) -> String {
    format!("key:{number:012}")
}

/// One SET for three GETs, of keys at random.
fn requests(seed: u64) -> Vec<Request> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut request = |at: usize| {
        let key = name(random.random_range(0..KEYS));
        match at % 4 {
            0 => Request::new(&[b"SET", key.as_bytes(), &VALUE]),
            _ => Request::new(&[b"GET", key.as_bytes()]),
        }
    };
    (0..BATCH * BATCHES).map(&mut request).collect()
}

/// Commands a second that these threads carry out together.
fn speed(engine: &Engine, threads: &[Vec<Request>], window: Duration) -> f64 {
    let is_over = AtomicBool::new(false);
    let run = |requests: &[Request]| {
        let (mut done, mut out) = (0, Vec::new());
        for batch in requests.chunks(BATCH).cycle() {
            let keys: [Key<'_>; BATCH] = std::array::from_fn(|at| batch[at].key());
            engine.prefetch(&keys, true);
            batch.iter().zip(keys).for_each(|(request, key)| request.carry_out(engine, key, &mut out));
            out.clear();
            done += batch.len();
            if is_over.load(Ordering::Relaxed) {
                break;
            }
        }
        done
    };
    let begun = Instant::now();
    let done: usize = std::thread::scope(|scope| {
        let started: Vec<_> = threads.iter().map(|requests| scope.spawn(|| run(requests))).collect();
        std::thread::sleep(window);
        is_over.store(true, Ordering::Relaxed);
        started.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    done as f64 / begun.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let is_measured = std::env::args().any(|arg| arg == "--bench");
    let window = Duration::from_millis(if is_measured { 500 } else { 5 });
    let engine = Engine::new(Store::new(None));
    let mut out = Vec::new();
    (0..KEYS).for_each(|number| {
        let request = Request::new(&[b"SET", name(number).as_bytes(), &VALUE]);
        request.carry_out(&engine, request.key(), &mut out);
        out.clear();
    });
    let threads = [requests(1), requests(2)];
    let mut speeds = [Vec::new(), Vec::new()];
    for _ in 0..WINDOWS {
        speeds[0].push(speed(&engine, &threads[..1], window));
        speeds[1].push(speed(&engine, &threads, window));
    }
    let [one, two] = speeds.map(median);
    println!(
        "one thread {:.2}, two threads {:.2} million commands a second: {:.2} times",
        one / 1e6,
        two / 1e6,
        two / one
    );
    assert!(one > 0.0 && two > 0.0, "nothing was carried out");
}
