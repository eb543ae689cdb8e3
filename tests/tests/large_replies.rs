//! Large values through a proxy: it holds only a window of them while the client reads.

use std::io::Read;
use std::time::{Duration, Instant};

use ringmaster_tests::chaos::processes::Processes;
use ringmaster_tests::wire::{Wire, encoded};

const PROGRAM: &str = env!("CARGO_BIN_EXE_member");

const VALUE_BYTES: usize = 100_000_000;

/// What the proxy may take more for such a value.
const GROWTH_MAX: u64 = 12 << 20;

/// A command for the same node waits behind a large reply that its client does not take, but no longer than this: a part of
/// `timeouts.request`, and what the reply itself takes on a busy machine.
const HELD_MAX: Duration = Duration::from_secs(8);

/// Bytes of a field of /proc/PID/status.
fn memory(process: u32, field: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    let kilobytes: u64 = line.trim_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap();
    kilobytes << 10
}

/// Reads a reply of so many bytes and keeps none of it but its end.
fn take(client: &Wire, mut left: usize) -> Vec<u8> {
    let (mut buffer, mut end) = (vec![0; 1 << 20], Vec::new());
    while left > 0 {
        let count = client.stream().read(&mut buffer).unwrap();
        assert!(count > 0 && count <= left, "{count} of {left}");
        left -= count;
        end = buffer[count.saturating_sub(4)..count].to_vec();
    }
    end
}

/// The length of its reply.
const REPLY_BYTES: usize = "$100000000\r\n".len() + VALUE_BYTES + "\r\n".len();

fn start(copies: usize) -> Processes {
    let yaml = "timeouts: {request: 20s, drain: 20s, failure: 30s, lease: 10s}\nlimits: {request: 128mb, upstream_buffer: 128mb}";
    let processes = Processes::builder(PROGRAM).members(2, 2).copies(copies).yaml(yaml).start();
    // Through the other proxy, so that the one that is measured has never held it.
    let mut writer = Wire::connect(processes.proxies()[1]);
    writer.command(&[b"SET", b"large", &vec![b'x'; VALUE_BYTES]]);
    assert_eq!(writer.reply().unwrap(), b"+OK\r\n");
    assert_eq!(writer.ask("SET {large}small v"), r"+OK\r\n");
    processes
}

#[test]
fn a_value_of_100_mb_passes_a_proxy_in_a_few_of_them() {
    for copies in [1, 2] {
        let processes = start(copies);
        let (mut client, process) = (Wire::connect(processes.proxies()[0]), processes.proxy_ids()[0]);
        assert_eq!(client.ask("GET {large}small"), r"$1\r\nv\r\n");
        let before = memory(process, "VmRSS:");
        for _ in 0..3 {
            client.command(&[b"GET", b"large"]);
            assert!(take(&client, REPLY_BYTES).ends_with(b"\r\n"));
        }
        let grown = memory(process, "VmHWM:").saturating_sub(before);
        println!("{copies} copies: {} MiB more at most", grown >> 20);
        assert!(grown < GROWTH_MAX, "{grown} bytes more with {copies} copies");
        assert_eq!(client.ask("GET {large}small"), r"$1\r\nv\r\n");
    }
}

#[test]
fn a_client_that_does_not_take_a_large_value_holds_up_others_for_a_while_only() {
    for copies in [1, 2] {
        let processes = start(copies);
        let [client, mut other] = [0; 2].map(|_| Wire::connect(processes.proxies()[0]));
        assert_eq!(other.ask("GET {large}small"), r"$1\r\nv\r\n");
        let mut deaf = client;
        deaf.send(&encoded(&[b"GET", b"large"]));
        // Its reply has begun, so it is in front.
        assert!(deaf.stream().peek(&mut [0]).unwrap() > 0);
        let begun = Instant::now();
        assert_eq!(other.ask("GET {large}small"), r"$1\r\nv\r\n");
        println!("{copies} copies: answered behind it after {:?}", begun.elapsed());
        assert!(begun.elapsed() < HELD_MAX, "{:?}", begun.elapsed());
        assert!(take(&deaf, REPLY_BYTES).ends_with(b"\r\n"), "what was kept for it is whole");
    }
}
