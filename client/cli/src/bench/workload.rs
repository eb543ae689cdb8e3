//! What is sent: commands as bytes, from templates, with random keys. No allocation a command.

use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use serde::Serialize;

/// Bytes of a key: `key:` and twelve digits, as redis-benchmark's.
const KEY_BYTES: usize = 16;

/// Digits of a key.
const KEY_DIGITS: usize = 12;

/// Most keys that there can be names for.
pub(super) const KEYS_MAX: u64 = 1_000_000_000_000;

/// The one command that is sent, where it is only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CommandKind {
    /// `GET key`.
    Get,
    /// `SET key value`.
    Set,
    /// `MGET key …`.
    Mget,
}

/// The mix of commands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct WorkloadOptions {
    /// Only this command; `None` mixes GET and SET by `read_ratio`.
    pub(super) command: Option<CommandKind>,
    /// Share of GET in the mix, 0..=1.
    pub(super) read_ratio: f64,
    /// Keys are drawn evenly from so many, 1..=[`KEYS_MAX`].
    pub(super) keys: u64,
    /// Bytes of a value.
    pub(super) value_bytes: usize,
    /// Keys of one MGET, 1...
    pub(super) mget_keys: usize,
}

/// One thread's commands.
pub(super) struct Workload {
    options: WorkloadOptions,
    rng: SmallRng,
    /// What follows the key in a SET.
    value: Vec<u8>,
}

impl Workload {
    /// The same options and seed give the same commands.
    pub(super) fn new(options: &WorkloadOptions, seed: u64) -> Workload {
        let mut value = format!("\r\n${}\r\n", options.value_bytes).into_bytes();
        // Letters that do not compress to nothing, the same in each run.
        let mut letters = SmallRng::seed_from_u64(options.value_bytes as u64);
        value.extend((0..options.value_bytes).map(|_| letters.random_range(b'a'..=b'z')));
        value.extend_from_slice(b"\r\n");
        Workload { options: options.clone(), rng: SmallRng::seed_from_u64(seed), value }
    }

    /// Appends the next command.
    pub(super) fn append(&mut self, out: &mut Vec<u8>) {
        match self.options.command {
            Some(CommandKind::Get) => self.append_get(out),
            Some(CommandKind::Set) => self.append_set(out),
            Some(CommandKind::Mget) => self.append_mget(out),
            None if self.rng.random::<f64>() < self.options.read_ratio => self.append_get(out),
            None => self.append_set(out),
        }
    }

    /// Appends a SET of key number `key`.
    pub(super) fn append_set_of(&self, key: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(b"*3\r\n$3\r\nSET\r\n$16\r\n");
        append_key(key, out);
        out.extend_from_slice(&self.value);
    }

    fn append_set(&mut self, out: &mut Vec<u8>) {
        let key = self.key();
        self.append_set_of(key, out);
    }

    fn append_get(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"*2\r\n$3\r\nGET\r\n$16\r\n");
        append_key(self.key(), out);
        out.extend_from_slice(b"\r\n");
    }

    fn append_mget(&mut self, out: &mut Vec<u8>) {
        use std::io::Write as _;
        // A write into memory cannot fail.
        let _ = write!(out, "*{}\r\n$4\r\nMGET\r\n", self.options.mget_keys + 1);
        for _ in 0..self.options.mget_keys {
            out.extend_from_slice(b"$16\r\n");
            append_key(self.key(), out);
            out.extend_from_slice(b"\r\n");
        }
    }

    fn key(&mut self) -> u64 {
        self.rng.random_range(0..self.options.keys)
    }
}

/// Appends the name of key number `number`.
fn append_key(number: u64, out: &mut Vec<u8>) {
    let mut name = *b"key:000000000000";
    let mut rest = number;
    for digit in name[KEY_BYTES - KEY_DIGITS..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&name);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(command: Option<CommandKind>) -> WorkloadOptions {
        WorkloadOptions { command, read_ratio: 0.9, keys: 1, value_bytes: 3, mget_keys: 2 }
    }

    fn wire(command: CommandKind) -> String {
        let mut out = Vec::new();
        Workload::new(&options(Some(command)), 1).append(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn commands_are_whole_requests() {
        assert_eq!(wire(CommandKind::Get), "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000000\r\n");
        let key = "$16\r\nkey:000000000000\r\n";
        assert_eq!(wire(CommandKind::Mget), format!("*3\r\n$4\r\nMGET\r\n{key}{key}"));
        let set = wire(CommandKind::Set);
        let value = set.strip_prefix("*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000000\r\n$3\r\n").unwrap();
        assert!(value.len() == 5 && value.ends_with("\r\n"));
    }

    #[test]
    fn the_mix_keeps_its_ratio() {
        let mut workload = Workload::new(&options(None), 1);
        let mut out = Vec::new();
        (0..10_000).for_each(|_| workload.append(&mut out));
        let gets = String::from_utf8(out).unwrap().matches("GET").count();
        assert!((8800..9200).contains(&gets), "{gets}");
    }

    #[test]
    fn a_key_is_twelve_digits() {
        let mut out = Vec::new();
        append_key(KEYS_MAX - 1, &mut out);
        append_key(1234, &mut out);
        assert_eq!(out, b"key:999999999999key:000000001234");
    }
}
