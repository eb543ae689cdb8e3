//! Unmodified Redis clients through a proxy with three nodes.
//!
//! `scripts/test.sh` installs them. What is missing is skipped, loudly.

mod frameworks;
mod scripts;

use std::process::Command;

use ringmaster_tests::cluster::Cluster;

use scripts::{run, succeeded};

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
    scripts::python(scripts::PYTHON, "redis_py.py", cluster.address().port());
}

#[test]
fn ioredis_works_in_two_databases() {
    let cluster = Cluster::builder().start();
    scripts::node("ioredis.js", "ioredis", cluster.address().port());
}
