//! A process that is killed under load, every other time while it takes snapshots: 20 times, or as often as
//! `RINGMASTER_KILLS` says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::client::Client;
use crate::process::Process;

/// Clients that write.
const WRITERS: usize = 4;

/// Keys beside those that change, so that a snapshot takes its time.
const OTHER_KEYS: usize = 2000;

/// What may be lost of what was acknowledged, where it is not made durable first.
const WINDOW: Duration = Duration::from_secs(1);

/// The numbers that one writer has sent, and that were acknowledged when.
#[derive(Default)]
struct Writer {
    sent: AtomicU64,
    acknowledged: std::sync::Mutex<Vec<(Instant, u64)>>,
}

impl Writer {
    /// Sets two keys of different slots to rising numbers until the node is gone.
    fn write(&self, index: usize, address: SocketAddr, stop: &AtomicBool) {
        let Ok(mut client) = Client::connect(address) else { return };
        let keys = [format!("a{index}"), format!("b{index}")];
        while !stop.load(Ordering::Relaxed) {
            let number = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
            let value = number.to_string();
            let reply = client.try_call(&["MSET", &keys[0], &value, &keys[1], &value]);
            if reply.is_err() {
                return;
            }
            self.acknowledged.lock().unwrap().push((Instant::now(), number));
        }
    }

    /// The greatest number that was acknowledged before `until`.
    fn promised(&self, until: Instant) -> u64 {
        let acknowledged = self.acknowledged.lock().unwrap();
        acknowledged.iter().rev().find(|(at, _)| *at <= until).map_or(0, |(_, number)| *number)
    }
}

/// Has one snapshot after the other taken until the node is gone.
fn save_again_and_again(address: SocketAddr) {
    let Ok(mut client) = Client::connect(address) else { return };
    // One that the growth of the log began may be under way.
    while client.try_call(&["SAVE"]).is_ok() {}
}

fn fill(address: SocketAddr) {
    let mut client = Client::connect(address).unwrap();
    (0..OTHER_KEYS).for_each(|key| assert_eq!(client.call(&format!("SET other{key} {key}")), "+OK"));
    // What came in the last second before a kill may be lost: this is to be older, however fast the machine is.
    assert_eq!(client.call("SAVE"), "+OK");
}

fn check(client: &mut Client, writers: &[Arc<Writer>], killed: Instant, fsync: &str) {
    for (index, writer) in writers.iter().enumerate() {
        let found = client.call(&format!("MGET a{index} b{index}"));
        let numbers: Vec<u64> =
            found.trim_matches(['[', ']']).split(' ').map(|number| number.parse().unwrap_or(0)).collect();
        assert_eq!(numbers[0], numbers[1], "{fsync}: an MSET is there in part");
        let until = if fsync == "always" { killed } else { killed.checked_sub(WINDOW).unwrap() };
        let promised = writer.promised(until);
        let sent = writer.sent.load(Ordering::Relaxed);
        assert!((promised..=sent).contains(&numbers[0]), "{fsync}: {promised} <= {} <= {sent}", numbers[0]);
        // What was lost is sent no more.
        writer.sent.fetch_max(numbers[0], Ordering::Relaxed);
        writer.acknowledged.lock().unwrap().push((killed, numbers[0]));
    }
}

fn kill_again_and_again(fsync: &str, kills: u64) {
    let directory = TempDir::new().unwrap();
    let writers: Vec<Arc<Writer>> = (0..WRITERS).map(|_| Arc::default()).collect();
    let mut acknowledged = 0;
    for round in 0..kills {
        let process = Process::start(directory.path(), fsync);
        let address = process.address;
        if round == 0 {
            fill(address);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let threads = writers.iter().enumerate().map(|(index, writer)| {
            let (writer, stop) = (Arc::clone(writer), Arc::clone(&stop));
            thread::spawn(move || writer.write(index, address, &stop))
        });
        let mut threads: Vec<_> = threads.collect();
        if round % 2 == 1 {
            threads.push(thread::spawn(move || save_again_and_again(address)));
        }
        // The load itself is the clock: so many more acknowledged writes, then the end.
        let wanted = acknowledged + 50 + round * 37 % 200;
        let total =
            || writers.iter().map(|writer| writer.acknowledged.lock().unwrap().len() as u64).sum::<u64>();
        while total() < wanted {
            thread::yield_now();
        }
        let killed = Instant::now();
        process.kill();
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let process = Process::start(directory.path(), fsync);
        let mut client = Client::connect(process.address).unwrap();
        check(&mut client, &writers, killed, fsync);
        assert!(client.call("DBSIZE")[1..].parse::<usize>().unwrap() >= OTHER_KEYS);
        process.kill();
        acknowledged = total();
    }
}

fn kills() -> u64 {
    std::env::var("RINGMASTER_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

#[test]
fn a_killed_node_has_what_it_acknowledged_as_durable() {
    kill_again_and_again("always", kills() / 2);
}

#[test]
fn a_killed_node_has_all_but_the_last_second() {
    kill_again_and_again("everysec", kills() / 2);
}
