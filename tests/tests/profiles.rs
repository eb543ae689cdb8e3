//! Where the time goes, as the admin ports of nodes and proxies tell it while they work: profiles, threads, memory.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use prost::Message;
use ringmaster_runtime::admin::AdminAccess;
use ringmaster_tests::pages::{ask, bytes, get};
use ringmaster_tests::process::Process;
use ringmaster_tests::wait::eventually;
use ringmaster_tests::wire::{Wire, text};

const MEMBER: &str = env!("CARGO_BIN_EXE_member");

/// What of `profile.proto` is looked at here, by the numbers of its fields there.
#[derive(Clone, PartialEq, Message)]
struct Profile {
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(string, repeated, tag = "6")]
    strings: Vec<String>,
    #[prost(int64, tag = "10")]
    duration_nanos: i64,
    #[prost(int64, tag = "12")]
    period: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    locations: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    values: Vec<i64>,
}

/// A node, and a proxy in front of it, both with profiling.
fn pair(directory: &Path) -> [Process; 2] {
    let node = Process::start(MEMBER, &["node", "0", "profiling=on"], directory.join("node.log"));
    let cluster = directory.join("cluster.yaml");
    fs::write(&cluster, format!("nodes: [{{name: a, address: '{}'}}]\n", node.address)).unwrap();
    let words = ["proxy", "0", cluster.to_str().unwrap(), "profiling=on"];
    let proxy = Process::start(MEMBER, &words, directory.join("proxy.log"));
    let mut client = Wire::connect(proxy.address);
    eventually("the node is reached", || client.ask("SET k v") == r"+OK\r\n");
    [node, proxy]
}

/// Says that it is over when it is dropped, also by a test that fails.
struct Over<'o>(&'o AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Has a client work without a pause while `work` is done, and looks at each of its replies.
fn under_load<R>(address: SocketAddr, work: impl FnOnce() -> R) -> R {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| load(address, &is_over));
        let over = Over(&is_over);
        let done = work();
        drop(over);
        assert!(load.join().unwrap() > 0, "it worked");
        done
    })
}

fn load(address: SocketAddr, is_over: &AtomicBool) -> usize {
    let mut client = Wire::connect(address);
    let batch = "APPEND grown x\r\nSTRLEN grown\r\n".repeat(50);
    let mut length = 0;
    while !is_over.load(Ordering::Relaxed) {
        client.send(batch.as_bytes());
        for _ in 0..50 {
            length += 1;
            for _ in 0..2 {
                assert_eq!(text(&client.reply().unwrap()), format!(r":{length}\r\n"));
            }
        }
    }
    length
}

/// Whether the program was built with the names of its functions: without debug information some builds have none.
fn has_names() -> bool {
    let program = fs::read(MEMBER).unwrap();
    program.windows(8).any(|bytes| bytes == b".symtab\0")
}

#[test]
fn a_profile_of_a_node_and_of_a_proxy_names_their_functions_and_no_command_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let mut both = pair(directory.path());
    let through = both[1].address;
    under_load(through, || {
        for (process, ours) in both.iter().zip(["ringmaster_node::", "ringmaster_proxy::"]) {
            let ours = if has_names() { ours } else { "start_thread" };
            let (status, packed) = bytes(process.admin, "/debug/pprof/profile?seconds=2&hz=499");
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&packed));
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&*packed).read_to_end(&mut plain).expect("gzip");
            let profile = Profile::decode(&*plain).expect("a profile");
            assert_eq!((&*profile.strings[0], profile.period), ("", 2_004_008));
            assert!(profile.duration_nanos >= 2_000_000_000, "{}", profile.duration_nanos);
            assert!(profile.samples.iter().all(|sample| sample.values.len() == 2));
            let deepest = profile.samples.iter().map(|sample| sample.locations.len()).max();
            assert!(deepest > Some(if has_names() { 8 } else { 2 }), "call stacks: {deepest:?}");
            assert!(profile.strings.iter().any(|name| name.contains(ours)), "{:?}", profile.strings);

            let (status, svg) = get(process.admin, "/debug/pprof/flamegraph?seconds=1&hz=499");
            assert_eq!(status, 200, "{svg}");
            assert!(svg.starts_with("<?xml version=\"1.0\"") && svg.ends_with("</svg>\n"), "{svg}");
            assert!(svg.contains("-data-0: ") && svg.contains(ours), "{svg}");
        }
    });
    // What was pending when it ended kills nobody.
    assert!(both.iter_mut().all(Process::runs));
    for process in &both {
        let told: Vec<String> =
            process.logged().iter().filter_map(|line| line["about"].as_str().map(str::to_owned)).collect();
        assert_eq!(told, ["seconds=2&hz=499", "seconds=1&hz=499"], "the audit log");
    }
}

/// A request for a profile of a minute that is under way; whoever asks next is refused, and told that it is one at a time.
fn long_profile(admin: SocketAddr) -> TcpStream {
    let mut leaver = None;
    eventually("it is taken", || {
        // Which of two that come at once is first, the process decides.
        let mut stream = TcpStream::connect(admin).unwrap();
        let request = b"GET /debug/pprof/profile?seconds=60&hz=999 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";
        stream.write_all(request).unwrap();
        leaver = Some(stream);
        let (status, why) = get(admin, "/debug/pprof/profile?seconds=1");
        status == 409 && why.contains("one at a time")
    });
    leaver.expect("it was asked for")
}

#[test]
fn one_profile_is_taken_at_a_time_and_who_leaves_ends_it() {
    let directory = tempfile::tempdir().unwrap();
    for process in pair(directory.path()) {
        let leaver = long_profile(process.admin);
        assert_eq!(get(process.admin, "/debug/threads").0, 200, "the port answers meanwhile");
        let began = Instant::now();
        drop(leaver);
        eventually("it has ended", || get(process.admin, "/debug/pprof/profile?seconds=1").0 == 200);
        assert!(began.elapsed() < Duration::from_secs(40), "not by its time: {:?}", began.elapsed());
    }
}

#[test]
fn a_profile_begins_and_ends_as_often_as_one_likes() {
    let directory = tempfile::tempdir().unwrap();
    let [mut node, proxy] = pair(directory.path());
    under_load(proxy.address, || {
        for _ in 0..4 {
            drop(long_profile(node.admin));
            eventually("it has ended", || get(node.admin, "/debug/pprof/profile?seconds=1").0 == 200);
        }
    });
    assert!(node.runs());
}

#[test]
fn wrong_lengths_and_methods_and_strangers_are_refused_and_told_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    for process in pair(directory.path()) {
        for page in ["/debug/pprof/profile", "/debug/pprof/flamegraph"] {
            for wrong in ["seconds=0", "seconds=61", "seconds=x", "seconds=99999999999999999999"] {
                let (status, why) = get(process.admin, &format!("{page}?{wrong}"));
                assert_eq!(
                    (status, &*why),
                    (400, "`seconds` is from 1 to 60, as in seconds=10\n"),
                    "{wrong}"
                );
            }
            assert_eq!(get(process.admin, &format!("{page}?seconds=1&hz=1000")).0, 400);
            for method in ["HEAD", "PUT", "POST", "DELETE"] {
                assert_eq!(ask(process.admin, method, page, "content-length: 0\r\n").0, 405, "{method}");
            }
            let (status, why) = ask(process.admin, "GET", page, "sec-fetch-site: cross-site\r\n");
            assert!(status == 403 && why.contains("another site"), "{why}");
        }
        assert_eq!(get(process.admin, "/debug/pprof").0, 404);
    }
}

#[test]
fn without_the_switch_or_for_everybody_none_is_taken() {
    let token = tempfile::NamedTempFile::new().unwrap();
    fs::write(token.path(), "0123456789abcdef").unwrap();
    let node = |access: AdminAccess, admin: [u8; 4], profiling| {
        let config = ringmaster_node::Config {
            listen: ([127, 0, 0, 1], 0).into(),
            admin: (admin, 0).into(),
            admin_access: access,
            threads: 1,
            profiling,
            ..ringmaster_node::Config::default()
        };
        ringmaster_node::Node::start(config).unwrap()
    };
    let page = "/debug/pprof/profile?seconds=1";
    let local =
        |node: &ringmaster_node::Node| SocketAddr::from(([127, 0, 0, 1], node.admin_address().port()));
    let off = node(AdminAccess::default(), [127, 0, 0, 1], false);
    let (status, why) = get(local(&off), page);
    assert!(status == 403 && why.contains("`--profiling`"), "{why}");
    off.stop();
    let open = node(AdminAccess { open: true, ..AdminAccess::default() }, [0, 0, 0, 0], true);
    let (status, why) = get(local(&open), page);
    assert!(status == 403 && why.contains("token_file"), "{why}");
    open.stop();
    let file = Some(token.path().to_owned());
    let asking = node(AdminAccess { token_file: file, ..AdminAccess::default() }, [0, 0, 0, 0], true);
    for page in [page, "/debug/pprof/flamegraph", "/debug/heap", "/debug/threads"] {
        assert_eq!(get(local(&asking), page).0, 401, "{page}");
    }
    let bearer = "authorization: Bearer 0123456789abcdef\r\n";
    assert_eq!(ask(local(&asking), "GET", page, bearer).0, 200);
    asking.stop();
}

#[test]
fn threads_and_memory_are_told_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let both = pair(directory.path());
    let (busy, heaps) = under_load(both[1].address, || {
        let json = |process: &Process, page: &str| -> serde_json::Value {
            serde_json::from_str(&get(process.admin, page).1).expect("JSON")
        };
        let busy = both.each_ref().map(|process| json(process, "/debug/threads?format=json"));
        (busy, both.each_ref().map(|process| json(process, "/debug/heap?format=json")))
    });
    for (threads, name) in busy.iter().zip(["node-data-0", "proxy-data-0"]) {
        let of_data = threads.as_array().unwrap().iter().find(|thread| thread["thread"] == name).expect(name);
        assert!(of_data["busy"].as_f64() > Some(0.01) && of_data["busy"].as_f64() < Some(1.2), "{threads}");
        assert!(
            of_data["sleeps_per_second"].is_f64() && of_data["cpu_seconds"].as_f64() > Some(0.0),
            "{threads}"
        );
        let other = threads.as_array().unwrap().iter().find(|thread| thread["sleeps_per_second"].is_null());
        assert!(other.is_some(), "the control thread has no such loop: {threads}");
    }
    for heap in &heaps {
        assert!(heap["resident_bytes"].as_u64() > Some(1 << 20), "{heap}");
    }
    assert_eq!((&heaps[0]["allocator"], &heaps[0]["keys"]), (&"jemalloc".into(), &2.into()), "{}", heaps[0]);
    let of = |name: &str| heaps[0][name].as_u64().unwrap_or_else(|| panic!("{name}: {}", heaps[0]));
    assert!(of("jemalloc_allocated_bytes") <= of("jemalloc_active_bytes"));
    assert!(of("jemalloc_active_bytes") <= of("jemalloc_resident_bytes"));
    assert!(of("keys_and_values_bytes") > 0 && of("tables_bytes") > 0 && of("clients_bytes") > 0);
    assert_eq!(heaps[0]["heap_profile"], "none: jemalloc is built without profiling");
    assert_eq!(heaps[1]["allocator"], "of the system");
    let lines = get(both[0].admin, "/debug/threads").1;
    assert!(
        lines.lines().next().unwrap().ends_with("thread") && lines.contains("  node-data-0\n"),
        "{lines}"
    );
}
