//! Unmodified Redis clients through a proxy with three nodes.
//!
//! `scripts/test.sh` installs them and says where: `RINGMASTER_TEST_PYTHON` is a Python with redis-py,
//! `RINGMASTER_TEST_NODE_PATH` a folder of modules with ioredis. What is missing is skipped, loudly.

use std::path::Path;
use std::process::{Command, Output};

use ringmaster_tests::cluster::Cluster;

/// The script of a client under `tests/clients`.
fn script(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name).display().to_string()
}

/// Runs a client to its end; `None`, said loudly, if it is not installed.
fn run(command: &mut Command) -> Option<Output> {
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("SKIPPED: {command:?}: {error}; scripts/test.sh installs it");
            None
        }
    }
}

#[track_caller]
fn succeeded(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    out.into_owned()
}

#[test]
fn redis_cli_reads_what_it_wrote_in_two_databases_and_both_protocols() {
    let cluster = Cluster::builder().start();
    let port = cluster.address().port().to_string();
    for database in ["0", "1"] {
        for protocol in ["-2", "-3"] {
            let cli = |words: &[&str]| {
                let mut command = Command::new("redis-cli");
                command.args(["-p", &port, "-n", database, protocol, "--no-raw"]).args(words);
                run(&mut command).map(|output| succeeded(&output))
            };
            let Some(set) = cli(&["set", "where", database]) else { return };
            assert_eq!(set, "OK\n");
            assert_eq!(cli(&["get", "where"]).unwrap(), format!("\"{database}\"\n"));
            assert_eq!(cli(&["hset", "h", "f", "v"]).unwrap().len(), "(integer) 1\n".len());
            assert_eq!(cli(&["dbsize"]).unwrap(), "(integer) 2\n");
            assert_eq!(
                cli(&["nosuch"]).unwrap().split('\n').next(),
                Some("(error) ERR unknown command 'nosuch', with args beginning with: ")
            );
        }
    }
}

#[test]
fn redis_benchmark_runs_its_tests_of_data_types() {
    let cluster = Cluster::builder().start();
    let port = cluster.address().port().to_string();
    let tests = "ping_inline,ping_mbulk,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,zadd,lrange_100,mset";
    let mut command = Command::new("redis-benchmark");
    command.args(["-p", &port, "-n", "2000", "-P", "8", "-r", "1000", "-q", "-t", tests]);
    let Some(output) = run(&mut command) else { return };
    let text = succeeded(&output);
    for test in ["PING_INLINE", "PING_MBULK", "SET", "GET", "ZADD", "MSET (10 keys)"] {
        assert!(text.contains(&format!("{test}: ")), "{test} is missing in\n{text}");
    }
    assert!(!text.contains("Error"), "{text}");
}

#[test]
fn redis_py_works_in_two_databases_and_both_protocols() {
    let cluster = Cluster::builder().start();
    let Ok(python) = std::env::var("RINGMASTER_TEST_PYTHON") else {
        return eprintln!("SKIPPED: redis-py is not installed; scripts/test.sh installs it");
    };
    let port = cluster.address().port().to_string();
    let Some(output) = run(Command::new(python).args([script("redis_py.py"), port])) else { return };
    assert!(succeeded(&output).contains("works"));
}

#[test]
fn ioredis_works_in_two_databases() {
    let cluster = Cluster::builder().start();
    let Ok(modules) = std::env::var("RINGMASTER_TEST_NODE_PATH") else {
        return eprintln!("SKIPPED: ioredis is not installed; scripts/test.sh installs it where npm is");
    };
    let port = cluster.address().port().to_string();
    let mut command = Command::new("node");
    command.env("NODE_PATH", modules).args([script("ioredis.js"), port]);
    let Some(output) = run(&mut command) else { return };
    assert!(succeeded(&output).contains("works"));
}
