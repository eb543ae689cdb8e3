//! Made accesses: a seed gives the same ones each time.

use std::collections::HashMap;

/// Accesses to a cache.
pub struct Trace {
    /// What it is.
    pub name: String,
    /// The keys in order, each below `distinct`.
    pub keys: Vec<u32>,
    /// How many keys there are.
    pub distinct: u32,
}

impl Trace {
    /// Numbers the keys in the order in which they first come.
    #[must_use]
    pub fn new(name: &str, raw: impl IntoIterator<Item = u64>) -> Self {
        let mut numbers: HashMap<u64, u32> = HashMap::new();
        let mut number = |key| {
            let next = u32::try_from(numbers.len()).expect("fewer than 2^32 keys");
            *numbers.entry(key).or_insert(next)
        };
        let keys: Vec<u32> = raw.into_iter().map(&mut number).collect();
        Self { name: name.to_owned(), keys, distinct: u32::try_from(numbers.len()).expect("as above") }
    }
}

/// The finisher of SplitMix64.
#[must_use]
pub fn mix(bits: u64) -> u64 {
    let bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ bits >> 31
}

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Ranks of which the n-th is drawn in proportion to `1 / n^exponent`.
pub struct Zipf(Vec<f64>);

impl Zipf {
    /// Over `ranks` ranks.
    #[must_use]
    pub fn new(ranks: u32, exponent: f64) -> Self {
        let mut sum = 0.0;
        let mut sums: Vec<f64> = (1..=ranks)
            .map(|rank| {
                sum += f64::from(rank).powf(-exponent);
                sum
            })
            .collect();
        sums.iter_mut().for_each(|part| *part /= sum);
        Self(sums)
    }

    /// A rank from 0.
    pub fn draw(&self, random: &mut Random) -> u64 {
        let unit = random.unit();
        self.0.partition_point(|sum| *sum < unit) as u64
    }
}

/// Keys that no Zipf draws.
const OTHERS: u64 = 1 << 32;

/// A million accesses, popular in the manner of Zipf.
#[must_use]
pub fn zipf(exponent: f64, seed: u64) -> Trace {
    let (zipf, mut random) = (Zipf::new(100_000, exponent), Random(seed));
    let keys: Vec<u64> = (0..1_000_000).map(|_| zipf.draw(&mut random)).collect();
    Trace::new(&format!("Zipf {exponent}"), keys)
}

/// Zipf 0.9 over 50,000 keys; once in about 20,000 accesses a scan of 20,000 keys that never come again.
fn scans(seed: u64) -> Trace {
    let (zipf, mut random) = (Zipf::new(50_000, 0.9), Random(seed));
    let (mut fresh, mut keys) = (OTHERS, Vec::new());
    while keys.len() < 1_000_000 {
        keys.push(zipf.draw(&mut random));
        if random.bits().is_multiple_of(20_000) {
            keys.extend(fresh..fresh + 20_000);
            fresh += 20_000;
        }
    }
    Trace::new("Zipf 0.9 and scans", keys)
}

/// Half Zipf 0.9 over 50,000 keys, half a loop over 20,000 others.
fn mixed_loop(seed: u64) -> Trace {
    let (zipf, mut random, mut at) = (Zipf::new(50_000, 0.9), Random(seed), 0);
    let mut next = || {
        if random.bits().is_multiple_of(2) {
            return zipf.draw(&mut random);
        }
        at = (at + 1) % 20_000;
        OTHERS + at
    };
    let keys: Vec<u64> = (0..1_000_000).map(|_| next()).collect();
    Trace::new("Zipf 0.9 and a loop", keys)
}

/// Zipf 0.9 over 50,000 keys, of which one in 25 accesses makes each a rank less popular.
fn drifting(seed: u64) -> Trace {
    let (zipf, mut random) = (Zipf::new(50_000, 0.9), Random(seed));
    let keys: Vec<u64> = (0..1_000_000).map(|n| zipf.draw(&mut random) + n / 25).collect();
    Trace::new("Zipf 0.9, drifting", keys)
}

/// All made traces.
#[must_use]
pub fn made(seed: u64) -> Vec<Trace> {
    let mut traces: Vec<Trace> = [0.7, 0.9, 1.1].into_iter().map(|exponent| zipf(exponent, seed)).collect();
    traces.push(scans(seed));
    traces.push(mixed_loop(seed));
    traces.push(Trace::new("loop", (0..500_000).map(|n| n % 20_000)));
    traces.push(drifting(seed));
    traces
}
