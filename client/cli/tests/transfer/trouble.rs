//! Wrong words, dead servers, full disks and Ctrl-C in the middle: one line that says what to do, and nothing half done.

use std::path::Path;

use crate::end::{Cluster, End, Run, command, noise, tool};
use crate::redis::Redis;

const RINGMASTER: &str = env!("CARGO_BIN_EXE_ringmaster");

/// Runs the tool until it ends or has run so long, then as by Ctrl-C.
fn interrupted(seconds: &str, words: &[&str], directory: &Path) -> Run {
    let all = [&["--preserve-status", "-s", "INT", seconds, RINGMASTER], words].concat();
    command("timeout", &all, directory)
}

fn many(end: &End, keys: usize) {
    for number in 0..keys {
        end.line(&format!("SET key:{number} {number}"));
    }
}

#[test]
fn an_import_that_is_interrupted_goes_on_where_it_was() {
    let Some(redis) = Redis::start() else { return };
    let source = End::at(redis.port);
    many(&source, 1000);
    let cluster = Cluster::start(1);
    let (from, to) = (format!("redis://127.0.0.1:{}", redis.port), cluster.end().address());
    let directory = cluster.directory.path();
    let words = ["import", "--from", &from, "-s", &to];
    let slow = [&words[..], &["--max-rate", "200"]].concat();
    let run = interrupted("1.5", &slow, directory);
    assert_eq!(run.code, 130, "{run:?}");
    assert!(run.err.contains("--resume goes on"), "{run:?}");
    let part: u64 = cluster.end().line("DBSIZE").parse().unwrap();
    assert!((1..1000).contains(&part), "{part} keys at 200 a second");

    let anew = tool(&words, directory);
    assert!(anew.code == 1 && anew.err.contains("--resume, or remove the file"), "{anew:?}");
    let other = tool(&["import", "--from", &from, "-s", &to, "--db", "0", "--resume"], directory);
    assert!(other.code == 1 && other.err.contains("another import"), "{other:?}");
    let rest = tool(&[&words[..], &["--resume"]].concat(), directory);
    assert_eq!(rest.code, 0, "{rest:?}");
    assert_eq!(cluster.end().line("DBSIZE"), "1000");
    assert!(!cluster.file("ringmaster-import.state").exists());
}

#[test]
fn a_file_is_gone_on_with_where_it_was() {
    let Some(redis) = Redis::start() else { return };
    let source = End::at(redis.port);
    many(&source, 1000);
    source.line("SAVE");
    let cluster = Cluster::start(1);
    let (file, to) = (redis.file("dump.rdb"), cluster.end().address());
    let words = ["import", "--file", &file, "-s", &to];
    let run = interrupted(
        "1",
        &[&words[..], &["--max-rate", "300", "--parallel", "1"]].concat(),
        cluster.directory.path(),
    );
    assert_eq!(run.code, 130, "{run:?}");
    let part: u64 = cluster.end().line("DBSIZE").parse().unwrap();
    assert!((1..1000).contains(&part), "{part} keys");
    // What is there is not sent again: it would take the place of this.
    cluster.end().line("FLUSHALL");
    let rest = tool(&[&words[..], &["--resume"]].concat(), cluster.directory.path());
    assert_eq!(rest.code, 0, "{rest:?}");
    assert_eq!(cluster.end().line("DBSIZE"), (1000 - part).to_string());
}

#[test]
fn a_backup_that_is_interrupted_is_no_backup_until_it_went_on() {
    let cluster = Cluster::start(2);
    let source = cluster.end();
    many(&source, 1000);
    let (to, directory) = (source.address(), cluster.directory.path());
    let words = ["backup", "saved", "-s", &to];
    let run = interrupted("1.5", &[&words[..], &["--max-rate", "200"]].concat(), directory);
    assert_eq!(run.code, 130, "{run:?}");
    assert!(run.err.contains("backup saved --resume"), "{run:?}");
    for words in [&["restore", "saved", "-s", &to][..], &["backup", "verify", "saved"]] {
        let run = tool(words, directory);
        assert!(run.code == 1 && run.err.contains("was not finished"), "{run:?}");
    }
    let run = tool(&[&words[..], &["--resume"]].concat(), directory);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.out.contains("1000 keys"), "{run:?}");
    assert_eq!(tool(&["backup", "verify", "saved"], directory).code, 0);
    source.line("FLUSHALL");
    let run = tool(&["restore", "saved", "-s", &to], directory);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(source.line("DBSIZE"), "1000");

    let part = cluster.file("saved/part-000001.rdb");
    let mut bytes = std::fs::read(&part).unwrap();
    bytes[50] ^= 1;
    std::fs::write(&part, &bytes).unwrap();
    let run = tool(&["restore", "saved", "-s", &to, "--replace"], directory);
    assert!(run.code == 1 && run.err.contains("part-000001.rdb"), "{run:?}");
    std::fs::remove_file(&part).unwrap();
    let run = tool(&["backup", "verify", "saved"], directory);
    assert!(run.code == 1 && run.err.contains("cannot read saved/part-000001.rdb"), "{run:?}");
}

#[test]
fn a_disk_that_is_full_leaves_what_was_there() {
    let cluster = Cluster::start(1);
    let source = cluster.end();
    for number in 0..60 {
        let value = noise(100_000, number + 1);
        source.call(&[b"SET", format!("k:{number}").as_bytes(), &value]);
    }
    let (to, directory) = (source.address(), cluster.directory.path());
    std::fs::write(cluster.file("dump.rdb"), "old").unwrap();
    // Blocks of 1024 bytes; the signal is left out as a service has it, so that the write fails.
    let limited = |words: &str| {
        let line = format!("trap '' XFSZ; ulimit -f 2000; exec {RINGMASTER} {words} -s {to}");
        command("bash", &["-c", &line], directory)
    };
    let run = limited("export dump.rdb");
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.contains("nothing was exported: cannot write dump.rdb"), "{run:?}");
    assert_eq!(std::fs::read(cluster.file("dump.rdb")).unwrap(), b"old");
    assert!(!cluster.file("dump.rdb.tmp").exists());
    let run = limited("backup saved");
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.contains("cannot write saved/part-") && run.err.contains("--resume"), "{run:?}");
    let run = tool(&["backup", "saved", "-s", &to, "--resume", "--part-size", "1mb"], directory);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.out.starts_with("backup: 60 keys, 5.7 MB") && run.out.contains(" parts in "), "{run:?}");
    assert_eq!(tool(&["backup", "verify", "saved"], directory).code, 0);
}

#[test]
fn what_cannot_go_well_is_told_in_one_line() {
    let Some(redis) = Redis::start_in(tempfile::tempdir().unwrap(), "--port", &["--requirepass", "secret"])
    else {
        return;
    };
    let cluster = Cluster::start(1);
    let (to, directory) = (cluster.end().address(), cluster.directory.path());
    let (locked, dead) = (format!("redis://127.0.0.1:{}", redis.port), "redis://127.0.0.1:1");
    let wrong = format!("redis://:wrong@127.0.0.1:{}", redis.port);
    std::fs::write(cluster.file("text"), "no file of Redis").unwrap();
    for (words, code, why) in [
        (&["import", "--from", &locked, "-s", &to][..], 1, "NOAUTH"),
        (&["import", "--from", &wrong, "-s", &to], 1, "WRONGPASS"),
        (&["import", "--from", dead, "-s", &to], 1, "cannot read 127.0.0.1:1"),
        (&["import", "--from", "http://x", "-s", &to], 1, "redis://"),
        (&["import", "--from", &to, "-s", dead], 1, "cannot write to 127.0.0.1:1"),
        (&["import", "-s", &to], 2, "--from <URL>"),
        (&["import", "--file", "none.rdb", "-s", &to], 1, "cannot read none.rdb"),
        (&["import", "--file", ".", "-s", &to], 1, "is no file"),
        (&["import", "--file", "text", "-s", &to], 1, "no RDB file"),
        (&["import", "--from", &to, "-s", &to, "--resume"], 1, "nothing to resume"),
        (&["import", "--from", &to, "-s", &to, "--max-rate", "0"], 2, "at least 1"),
        (&["export", "x.rdb", "-s", dead], 1, "cannot read 127.0.0.1:1"),
        (&["export", "none/x.rdb", "-s", &to], 1, "cannot write none/x.rdb"),
        (&["backup", "x", "-s", dead], 1, "cannot read 127.0.0.1:1"),
        (&["backup", ".", "-s", &to], 1, "not empty"),
        (&["backup", "x", "-s", &to, "--cluster", "text"], 1, "text"),
        (&["backup", "x", "-s", &to, "--resume"], 1, "nothing to resume"),
        (&["restore", ".", "-s", &to], 1, "is no backup"),
    ] {
        let run = tool(words, directory);
        assert_eq!(run.code, code, "{words:?}: {run:?}");
        assert!(run.err.contains(why) && !run.err.contains("panicked"), "{words:?}: {run:?}");
        assert!(code == 2 || run.err.trim_end().lines().count() <= 2, "{words:?}: {run:?}");
        assert!(!run.err.contains("secret") && !run.err.contains("wrong@"), "{words:?}: {run:?}");
    }
    let left = ["ringmaster-import.state", "x", "x.rdb"];
    assert!(left.iter().all(|name| !cluster.file(name).exists()), "nothing is left behind");
}

#[test]
fn a_value_above_the_limit_of_a_request_is_a_reject_and_the_others_come() {
    let Some(redis) = Redis::start() else { return };
    let source = End::at(redis.port);
    many(&source, 50);
    let value = noise(20 << 20, 1);
    source.call(&[b"SET", b"huge", &value]);
    let cluster = Cluster::with(1, "limits: {request: 1mb}\n");
    let from = format!("redis://127.0.0.1:{}", redis.port);
    let run = tool(&["import", "--from", &from, "-s", &cluster.end().address()], cluster.directory.path());
    assert_eq!(run.code, 3, "{run:?}");
    assert_eq!(cluster.end().line("DBSIZE"), "50");
    let rejects = std::fs::read_to_string(cluster.file("ringmaster-import.rejects")).unwrap();
    assert!(rejects.lines().count() == 1 && rejects.contains(r#""key":"huge""#), "{rejects}");
}
