//! `dump.rdb`: what redis-server saves is imported, and what is exported redis-server loads.

use std::time::{SystemTime, UNIX_EPOCH};

use ringmaster_node::dump_file::{Fields, export, import};
use ringmaster_protocol::resp::Protocol;

use super::dump::{compare, make, make_stream};
use super::support::{Node, Random, Redis, Words, words};

/// Keys of each database.
const KEYS: usize = 250;

/// The databases that hold keys.
const DATABASES: [u8; 3] = [0, 1, 15];

fn name(key: usize) -> Vec<u8> {
    format!("key {key}").into_bytes()
}

/// Commands that make values under names of their own, some of them with a deadline far away.
fn fill(random: &mut Random, redis: &mut Redis) {
    for key in 0..KEYS {
        let commands = if random.once_in(10) { make_stream(random) } else { vec![make(random)] };
        for mut command in commands {
            command.iter_mut().filter(|word| *word == b"k").for_each(|word| *word = name(key));
            redis.call(&command);
        }
        if random.once_in(4) {
            let mut command = words("PEXPIREAT k 33177117421000");
            command[1] = name(key);
            redis.call(&command);
        }
    }
}

fn renamed(key: usize) -> Words {
    vec![b"RENAME".to_vec(), name(key), b"r".to_vec()]
}

#[test]
fn what_redis_saved_comes_in_and_goes_back() {
    let Some(mut redis) = Redis::start() else { return };
    redis.reset(Protocol::Resp2);
    let (mut node, mut random) = (Node::new(Protocol::Resp2), Random::new(3));
    for database in DATABASES {
        redis.call(&words(&format!("SELECT {database}")));
        fill(&mut random, &mut redis);
    }
    let mut function = words("FUNCTION LOAD code");
    function[2] = b"#!lua name=l\nredis.register_function('f', function() return 7 end)".to_vec();
    assert_eq!(redis.call(&function), b"$1\r\nl\r\n");
    assert_eq!(redis.call(&words("SAVE")), b"+OK\r\n");

    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    let now = u64::try_from(now.as_millis()).expect("the clock is before the year 584,556,019");
    let file = std::fs::read(redis.dump_file()).expect("SAVE wrote it");
    let store = node.engine().store();
    let imported = import(store, file.as_slice(), now, &mut |_| {}).expect("a file of Redis is right");
    assert_eq!(imported.bytes, file.len() as u64);
    assert_eq!(imported.libraries, [function[2].clone()]);

    let (file, exported) = export(store, &imported.libraries, Fields::Dropped, Vec::new(), now, &mut |_| {})
        .expect("memory takes it");
    assert_eq!(exported.keys, imported.keys);
    std::fs::write(redis.dump_file(), file).expect("the directory is there");
    assert_eq!(redis.call(&words("FUNCTION FLUSH")), b"+OK\r\n");
    assert_eq!(redis.call(&words("DEBUG RELOAD NOSAVE")), b"+OK\r\n");
    assert_eq!(redis.call(&words("FCALL f 0")), b":7\r\n");
    for database in DATABASES {
        let select = words(&format!("SELECT {database}"));
        assert_eq!(redis.call(&select), node.call(&select));
        assert_eq!(redis.call(&words("DBSIZE")), node.call(&words("DBSIZE")));
        for key in 0..KEYS {
            let reply = redis.call(&renamed(key));
            assert_eq!(reply, node.call(&renamed(key)));
            if reply == b"+OK\r\n" {
                assert_eq!(redis.call(&words("PEXPIRETIME r")), node.call(&words("PEXPIRETIME r")));
                compare(&mut redis, &mut node, false, &|| format!("key {key} of database {database}"));
            }
        }
    }
}
