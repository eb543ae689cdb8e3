//! The generator against servers that answer as they are told to.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::*;
use crate::bench::{
    dial::Dial,
    schedule::Arrivals,
    workload::{CommandKind, WorkloadOptions},
};

const MILLISECOND: Nanos = 1_000_000;

/// Length of every request of [`generator`].
const REQUEST_BYTES: usize = "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000000\r\n".len();

/// A server of one connection: answers every request with `reply`, and once, after `before`, with a stall.
fn server(reply: &'static [u8], stall: Option<(Duration, Duration)>) -> (Link, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let link = Link::connect(&Dial::plain(listener.local_addr().unwrap())).unwrap();
    let stream = listener.accept().unwrap().0;
    stream.set_nodelay(true).unwrap();
    (link, std::thread::spawn(move || serve(stream, reply, stall)))
}

fn serve(mut stream: TcpStream, reply: &[u8], mut stall: Option<(Duration, Duration)>) {
    let start = Instant::now();
    let (mut buffer, mut owed) = (vec![0; 64 << 10], 0);
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        if stall.is_some_and(|(before, _)| start.elapsed() > before) {
            std::thread::sleep(stall.take().map_or(Duration::ZERO, |(_, time)| time));
        }
        owed += count;
        if stream.write_all(&reply.repeat(owed / REQUEST_BYTES)).is_err() {
            return;
        }
        owed %= REQUEST_BYTES;
    }
}

fn generator(link: Link, loops: Loop, pipeline: usize, end: Nanos) -> Generator {
    let workload = WorkloadOptions {
        command: Some(CommandKind::Get),
        read_ratio: 1.0,
        keys: 100,
        value_bytes: 1,
        mget_keys: 1,
    };
    Generator {
        clock: Clock::starting_in(Duration::ZERO),
        links: vec![link],
        loops,
        pipeline,
        workload: Workload::new(&workload, 1),
        warm: 0,
        end,
    }
}

fn uniform(rate: f64) -> Loop {
    Loop::Open(Schedule::new(rate, Arrivals::Uniform, 0.0, 1))
}

#[test]
fn a_stall_of_the_server_is_charged_for_every_request_that_it_delayed() {
    let stall = (Duration::from_millis(300), Duration::from_millis(100));
    let (link, server) = server(b"+OK\r\n", Some(stall));
    let tally = generator(link, uniform(1000.0), 1, 1000 * MILLISECOND).run().unwrap();
    server.join().unwrap();
    let at = |quantile: f64| tally.latency.value_at_quantile(quantile);
    assert_eq!(tally.latency.len(), 1000, "every intended request is counted");
    assert!(at(0.99) > 80 * MILLISECOND, "a tenth of them waited up to 100 ms: p99 {}", at(0.99));
    let delayed = tally.latency.len() - tally.latency.count_between(0, 10 * MILLISECOND);
    assert!(delayed >= 85, "some 90 waited more than 10 ms: {delayed}");
    assert!(at(0.5) < 20 * MILLISECOND, "most did not: p50 {}", at(0.5));
}

#[test]
fn requests_behind_a_server_that_stalls_until_the_end_are_still_counted() {
    let stall = (Duration::from_millis(50), Duration::from_millis(400));
    let (link, server) = server(b"+OK\r\n", Some(stall));
    let tally = generator(link, uniform(1000.0), 4, 200 * MILLISECOND).run().unwrap();
    server.join().unwrap();
    assert_eq!((tally.latency.len(), tally.unanswered), (200, 0));
    assert!(tally.latency.value_at_quantile(0.5) > 100 * MILLISECOND);
}

#[test]
fn a_closed_loop_keeps_the_pipeline_full_and_answers_whole_batches() {
    let (link, server) = server(b"$-1\r\n", None);
    let tally = generator(link, Loop::Closed, 16, 100 * MILLISECOND).run().unwrap();
    server.join().unwrap();
    assert!(tally.latency.len() >= 16 && tally.latency.len().is_multiple_of(16), "{}", tally.latency.len());
    assert_eq!(tally.errors, 0);
}

#[test]
fn error_replies_are_counted_and_the_first_is_kept() {
    let (link, server) = server(b"-NOAUTH Authentication required.\r\n", None);
    let tally = generator(link, uniform(100.0), 1, 50 * MILLISECOND).run().unwrap();
    server.join().unwrap();
    assert_eq!(tally.errors, 5);
    assert_eq!(tally.first_error.as_deref(), Some("NOAUTH Authentication required."));
}

#[test]
fn a_server_that_closes_ends_the_run_with_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let link = Link::connect(&Dial::plain(listener.local_addr().unwrap())).unwrap();
    drop(listener.accept().unwrap());
    assert!(generator(link, Loop::Closed, 1, 1000 * MILLISECOND).run().is_err());
}
