//! `import`, `export`, `backup` and `restore` as an operator runs them: between real redis-servers and whole clusters.

mod end;
#[path = "../prompt/redis.rs"]
mod redis;
mod trouble;

use end::{Cluster, End, noise, tool};
use redis::Redis;

/// A redis-server with a key of each type, in two databases, and what belongs to them.
fn filled() -> Option<(Redis, End)> {
    let redis = Redis::start()?;
    let end = End::at(redis.port);
    fill(&end);
    Some((redis, end))
}

/// Keys of all types, with deadlines, and a library of functions.
fn fill(end: &End) {
    end.call(&[b"SET", b"\x00\xff\r\n binary", b"\x80\x00"]);
    end.call(&[b"SET", b"large", &noise(3 << 20, 1)]);
    for line in [
        "SET number 12",
        "SET session token PXAT 4102444800123",
        "RPUSH list a b 3",
        "SADD numbers 1 2 3",
        "SADD words a b",
        "HSET hash f v g w",
        "ZADD sorted 1.5 a 2 b",
        "XADD stream 1-1 f v",
        "XADD stream 2-1 f w",
        "XGROUP CREATE stream group 0",
        "XREADGROUP GROUP group consumer COUNT 1 STREAMS stream >",
        "PFADD sketch a b c",
        "SETBIT bits 100 1",
        "GEOADD places 13.4 52.5 berlin",
    ] {
        end.line(line);
    }
    for number in 0..1500 {
        end.line(&format!("SET key:{number} {number}"));
    }
    end.in_database(3).line("SET other three");
    let library = "#!lua name=mylib\nredis.register_function('two', function() return 2 end)";
    end.call(&[b"FUNCTION", b"LOAD", library.as_bytes()]);
}

/// What a server has, by DUMP and deadline of each key, is what the other has; so are the functions.
#[track_caller]
fn same(one: &End, other: &End) {
    for database in [0, 3] {
        let (one, other) = (one.in_database(database), other.in_database(database));
        let (contents, others) = (one.contents(), other.contents());
        assert_eq!(contents.len(), others.len(), "keys of database {database}");
        for (key, about) in contents {
            let found = others.get(&key);
            assert_eq!(Some(&about), found, "{}", key.escape_ascii());
        }
    }
    assert_eq!(other.line("FCALL two 1 {a}"), "2");
}

#[test]
fn a_redis_comes_into_a_cluster_and_the_cluster_goes_back_as_a_file_that_redis_loads() {
    let Some((_redis, source)) = filled() else { return };
    let cluster = Cluster::start(2);
    let target = cluster.end();
    let (from, to) = (format!("redis://127.0.0.1:{}", source.port), target.address());
    let run = tool(&["import", "--from", &from, "-s", &to], &cluster.directory);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.out.starts_with("import: 1514 keys, ") && run.out.contains("1 libraries"), "{run:?}");
    same(&source, &target);
    assert!(!cluster.file("ringmaster-import.state").exists(), "it is done");

    let again = tool(&["import", "--from", &from, "-s", &to, "--skip-existing"], &cluster.directory);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.out.starts_with("import: 0 keys"), "{again:?}");
    let refused = tool(&["import", "--from", &from, "-s", &to, "--match", "num*"], &cluster.directory);
    assert_eq!(refused.code, 3, "{refused:?}");
    let rejects = std::fs::read_to_string(cluster.file("ringmaster-import.rejects")).unwrap();
    assert!(rejects.contains(r#""key":"numbers","reason":"BUSYKEY"#), "{rejects}");

    let run = tool(&["export", "dump.rdb", "-s", &to], &cluster.directory);
    assert_eq!(run.code, 0, "{run:?}");
    let loaded = redis_with(&cluster.file("dump.rdb"));
    same(&source, &End::at(loaded.port));
}

/// A redis-server that has loaded a copy of this file.
fn redis_with(file: &std::path::Path) -> Redis {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::copy(file, directory.path().join("dump.rdb")).expect("copied");
    let redis = Redis::start_in(directory, "--port", &[]).expect("it was there before");
    let end = End::at(redis.port);
    end.until("it to load", |end| !end.line("PING").contains("LOADING"));
    redis
}

#[test]
fn a_file_of_redis_comes_into_a_cluster() {
    let Some((redis, source)) = filled() else { return };
    source.line("SAVE");
    let cluster = Cluster::start(2);
    let target = cluster.end();
    let file = redis.file("dump.rdb");
    let run = tool(&["import", "--file", &file, "-s", &target.address()], &cluster.directory);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.contains("is whole: 1514 keys, 1 libraries"), "{run:?}");
    same(&source, &target);

    // One byte that flipped is found before a key is brought.
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.len() - 100;
    bytes[at] ^= 1;
    let damaged = cluster.file("damaged.rdb");
    std::fs::write(&damaged, bytes).unwrap();
    let target = Cluster::start(1);
    let run = tool(
        &["import", "--file", damaged.to_str().unwrap(), "-s", &target.end().address()],
        &cluster.directory,
    );
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.contains("nothing was imported"), "{run:?}");
    assert_eq!(target.end().line("DBSIZE"), "0");
}

#[test]
fn a_backup_is_restored_into_a_cluster_of_another_size() {
    let cluster = Cluster::start(3);
    let source = cluster.end();
    fill(&source);
    source.line("HPEXPIREAT hash 4102444800123 FIELDS 1 f");
    let file = cluster.file("cluster.yaml");
    let words = [
        "backup",
        "saved",
        "-s",
        &source.address(),
        "--cluster",
        file.to_str().unwrap(),
        "--part-size",
        "1mb",
    ];
    let run = tool(&words, &cluster.directory);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.out.starts_with("backup: 1514 keys, 3.0 MB"), "{run:?}");
    let verified = tool(&["backup", "verify", "saved"], &cluster.directory);
    assert_eq!(verified.code, 0, "{verified:?}");
    assert!(verified.out.contains("saved is whole: test, 1514 keys"), "{verified:?}");
    let again = tool(&words, &cluster.directory);
    assert!(again.code == 1 && again.err.contains("name another directory"), "{again:?}");

    let other = Cluster::start(1);
    let target = other.end();
    let restore = ["restore", "saved", "-s", &target.address()];
    let run = tool(&restore, &cluster.directory);
    assert_eq!(run.code, 0, "{run:?}");
    same(&source, &target);
    assert_eq!(target.line("HPEXPIRETIME hash FIELDS 2 f g"), "4102444800123 -1");

    let full = tool(&restore, &cluster.directory);
    assert!(full.code == 1 && full.err.contains("has keys: --replace"), "{full:?}");
    target.line("SET number changed");
    let run = tool(&[&restore[..], &["--replace"]].concat(), &cluster.directory);
    assert_eq!(run.code, 0, "{run:?}");
    same(&source, &target);
}
