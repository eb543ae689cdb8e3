//! `DUMP` and `RESTORE`: values go from a redis-server to the node and back, and stay the same.

use ringmaster_protocol::rdb::dump::seal;
use ringmaster_protocol::resp::Protocol;

use super::support::{Node, Random, Redis, Same, Step, Words, duel, words};

/// Values that go each way.
const VALUES: usize = 1_500;

/// Payloads that are broken in each of the values' bytes at random.
const BROKEN: usize = 6_000;

/// Dumps of redis-server 7.0: a string, an integer, a list, a set, a hash and a sorted set.
const DUMPS: [&[u8]; 6] = [
    b"\x00\x05hello\n\x00cr\xdfve4 \n",
    b"\x00\xc190\n\x00\x9d\x94\xea'\x93\xfc\x08\xb9",
    b"\x12\x01\x02\x18\x18\x00\x00\x00\x05\x00\x81a\x02\x01\x01\xc1,\x02\xf2\x90\xee\xfe\x04\x82zz\x03\xff\n\x00\
    \xfcMC\x1c\x05\xa0\x12\x11",
    b"\x0b\x14\x04\x00\x00\x00\x03\x00\x00\x00\xfe\xff\xff\xff\x01\x00\x00\x00p\x11\x01\x00\n\x000R}\xf8\xcc1\x1f;",
    b"\x10\x12\x12\x00\x00\x00\x04\x00\x81f\x02\x81v\x02\x81n\x02\x07\x01\xff\n\x00\xb8*\xde\xa8@\x7f\xfa\xa8",
    b"\x11\x1c\x1c\x00\x00\x00\x06\x00\x81a\x02\x831.5\x04\x81b\x02\x02\x01\x81c\x02\x83inf\x04\xff\n\x00\x89Y\x7f\
    &\x06-\xa8\xa1",
];

/// A text of any form and, once in a while, of any length.
fn text(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 => random.bits().to_string().into_bytes(),
        1 => b"ab".repeat(random.below(60)),
        2 if random.once_in(9) => (0..random.below(9_000)).map(|_| random.bits().to_le_bytes()[0]).collect(),
        3 => (0..random.below(70)).map(|_| random.pick(b"abc")).collect(),
        4 => (random.bits().cast_signed() >> random.below(64)).to_string().into_bytes(),
        _ => random.text(),
    }
}

/// A command that makes a value at `k` of one to a few, or of many elements.
pub(crate) fn make(random: &mut Random) -> Words {
    let count = if random.once_in(20) { 600 } else { 1 + random.below(12) };
    let integers = random.once_in(2);
    let name = random.pick(&["SET", "RPUSH", "SADD", "HSET", "ZADD"]);
    let mut words = vec![name.as_bytes().to_vec(), b"k".to_vec()];
    for _ in 0..if name == "SET" { 1 } else { count } {
        match name {
            "ZADD" => words.extend([score(random), text(random)]),
            "HSET" => words.extend([text(random), text(random)]),
            "SADD" if integers => words.push((random.bits() % 70_000).to_string().into_bytes()),
            _ => words.push(text(random)),
        }
    }
    words
}

/// Commands that make a stream at `k`, with deleted entries, groups and pending entries.
pub(crate) fn make_stream(random: &mut Random) -> Vec<Words> {
    let (mut commands, mut ms) = (Vec::new(), 0);
    for _ in 0..if random.once_in(5) { 250 } else { 1 + random.below(12) } {
        ms += 1 + random.below(300);
        let mut words = words(&format!("XADD k {ms}-{}", random.below(3)));
        for _ in 0..1 + random.below(3) {
            words.extend([random.pick(&[&b"a"[..], b"b", b"7"]).to_vec(), text(random)]);
        }
        commands.push(words);
    }
    let (added, groups) = (commands.len(), random.below(3));
    for group in 0..groups {
        let start = random.pick(&["0", "5", "$"]);
        commands.push(words(&format!("XGROUP CREATE k g{group} {start}")));
        commands.push(words(&format!("XGROUP CREATECONSUMER k g{group} idle")));
        for _ in 0..random.below(5) {
            let (consumer, count) = (random.below(3), 1 + random.below(90));
            commands.push(words(&format!("XREADGROUP GROUP g{group} c{consumer} COUNT {count} STREAMS k >")));
        }
    }
    for _ in 0..random.below(6) {
        let command = random.pick(&["XDEL k", "XDEL k", "XACK k g0", "XTRIM k MINID"]);
        let id = commands[random.below(added)][2].clone();
        commands.push([words(command), vec![id]].concat());
    }
    commands
}

fn score(random: &mut Random) -> Vec<u8> {
    match random.below(3) {
        0 => random.pick(&["inf", "-inf", "0", "-0", "1e300", "5e-324"]).as_bytes().to_vec(),
        1 => f64::from(u32::try_from(random.below(1 << 30)).unwrap()).sqrt().to_string().into_bytes(),
        _ => random.below(1000).to_string().into_bytes(),
    }
}

/// The bytes of a bulk string, `None` if it is null.
fn bulk(reply: &[u8]) -> Option<Vec<u8>> {
    let header = reply.iter().position(|&byte| byte == b'\n').expect("a line") + 1;
    (!reply.starts_with(b"$-1") && !reply.starts_with(b"_")).then(|| reply[header..reply.len() - 2].to_vec())
}

fn restore(payload: &[u8]) -> Words {
    vec![b"RESTORE".to_vec(), b"r".to_vec(), b"0".to_vec(), payload.to_vec(), b"REPLACE".to_vec()]
}

/// What both sides hold at `r` must be the same.
pub(crate) fn compare(redis: &mut Redis, node: &mut Node, broken: bool, of: &dyn Fn() -> String) {
    let mut ask = |line: &str, same: Same| {
        let (theirs, ours) = (redis.call(&words(line)), node.call(&words(line)));
        let (shown, seen) = (theirs.escape_ascii(), ours.escape_ascii());
        assert!(same.holds(&theirs, &ours), "{line}\n redis {shown}\n  node {seen}\n{}", of());
        theirs
    };
    let kind = ask("TYPE r", Same::Exact);
    ask("OBJECT ENCODING r", Same::Exact);
    match &kind[..] {
        b"+string\r\n" => ask("GET r", Same::Exact),
        b"+list\r\n" => ask("LRANGE r 0 -1", Same::Exact),
        b"+set\r\n" => ask("SMEMBERS r", Same::AnyOrder),
        b"+hash\r\n" => ask("HGETALL r", Same::AnyOrderOfPairs),
        // Redis takes a broken listpack that is out of order as it is; the node puts it in order.
        b"+zset\r\n" => ask("ZRANGE r 0 -1 WITHSCORES", Same::AnyOrderOfPairs),
        // Redis believes a payload's counters; the node counts what can be counted.
        b"+stream\r\n" => {
            ask(if broken { "XRANGE r - +" } else { "XINFO STREAM r FULL COUNT 0" }, Same::Exact)
        }
        kind => panic!("{}", kind.escape_ascii()),
    };
}

#[test]
fn values_go_to_redis_and_come_back() {
    let Some(mut redis) = Redis::start() else { return };
    redis.reset(Protocol::Resp2);
    let (mut node, mut random) = (Node::new(Protocol::Resp2), Random::new(1));
    for _ in 0..VALUES {
        let commands = if random.once_in(10) { make_stream(&mut random) } else { vec![make(&mut random)] };
        let words_of = |command: &Words| -> String {
            command.iter().map(|word| format!("\"{}\" ", word.escape_ascii())).collect()
        };
        let shown = || commands.iter().map(|command| words_of(command) + "\n").collect::<String>();
        for line in ["DEL k", "DEL r"] {
            redis.call(&words(line));
            node.call(&words(line));
        }
        for command in &commands {
            assert_eq!(redis.call(command), node.call(command), "{}", shown());
        }
        let dumps =
            [redis.call(&words("DUMP k")), node.call(&words("DUMP k"))].map(|reply| bulk(&reply).unwrap());
        // The order of a table's elements is each side's own, and Redis leaves traces of its memory in compressed texts.
        let (table, command) = ([2, 4, 19].contains(&dumps[0][0]), &commands[0]);
        let long = command.len() > 12 || command.iter().any(|word| word.len() > 20);
        if !table && !long {
            assert_eq!(
                dumps[0].escape_ascii().to_string(),
                dumps[1].escape_ascii().to_string(),
                "{}",
                shown()
            );
        }
        for payload in &dumps {
            assert_eq!(node.call(&restore(payload)), b"+OK\r\n", "{}", shown());
            assert_eq!(redis.call(&restore(payload)), b"+OK\r\n", "{}", shown());
            compare(&mut redis, &mut node, false, &shown);
        }
    }
}

#[test]
fn broken_payloads_are_refused_or_are_what_redis_makes_of_them() {
    let Some(mut redis) = Redis::start() else { return };
    redis.reset(Protocol::Resp2);
    redis.call(&words("CONFIG SET sanitize-dump-payload yes"));
    let (mut node, mut random, mut both) = (Node::new(Protocol::Resp2), Random::new(2), 0);
    for round in 0..BROKEN {
        if round % 8 == 0 {
            redis.call(&words("DEL k"));
            let commands = if random.once_in(4) { make_stream(&mut random) } else { vec![make(&mut random)] };
            commands.iter().for_each(|command| drop(redis.call(command)));
        }
        let mut payload = bulk(&redis.call(&words("DUMP k"))).unwrap();
        payload.truncate(payload.len() - 10);
        for _ in 0..1 + random.below(2) {
            let at = random.below(payload.len());
            payload[at] =
                random.pick(&[0, 1, 2, 10, 127, 128, 255, payload[at] ^ 1, payload[at].wrapping_add(1)]);
        }
        seal(&mut payload);
        let ours = node.call(&restore(&payload));
        if ours != b"+OK\r\n" {
            // Redis is not asked: some such payloads keep it busy for minutes.
            assert_eq!(ours, b"-ERR Bad data format\r\n");
            continue;
        }
        let shown = || format!("\"{}\"", payload.escape_ascii());
        assert_eq!(redis.call(&restore(&payload)), ours, "{}", shown());
        compare(&mut redis, &mut node, true, &shown);
        both += 1;
    }
    assert!(both > BROKEN / 50, "only {both} broken payloads were still values");
}

#[test]
fn fields_that_expire_keep_their_deadlines() {
    let mut node = Node::new(Protocol::Resp2);
    for line in [
        "HSET k a 1 b 2 c 3",
        "HPEXPIREAT k 4000000000000 FIELDS 1 a",
        "HPEXPIREAT k 4000000000007 FIELDS 1 c",
    ] {
        assert!(!node.call(&words(line)).starts_with(b"-"), "{line}");
    }
    let payload = bulk(&node.call(&words("DUMP k"))).unwrap();
    assert_eq!(payload[payload.len() - 10..][..2], [12, 0], "Redis before 7.4 must not take it");
    assert_eq!(node.call(&restore(&payload)), b"+OK\r\n");
    for question in ["HGETALL", "HPEXPIRETIME"] {
        let ask = |key: &str| match question {
            "HGETALL" => words(&format!("HGETALL {key}")),
            _ => words(&format!("HPEXPIRETIME {key} FIELDS 3 a b c")),
        };
        assert_eq!(node.call(&ask("k")), node.call(&ask("r")), "{question}");
    }
    assert_eq!(
        node.call(&words("HPEXPIRETIME r FIELDS 3 a b c")),
        b"*3\r\n:4000000000000\r\n:-1\r\n:4000000000007\r\n"
    );
}

fn options(random: &mut Random) -> Words {
    let payload = match random.below(10) {
        0 => text(random),
        1 => {
            let mut payload = random.pick(&DUMPS).to_vec();
            let at = random.below(payload.len());
            payload[at] ^= 1;
            payload
        }
        _ => random.pick(&DUMPS).to_vec(),
    };
    let ttls = ["0", "0", "-1", "4000000000000", "1", "x", "9223372036854775807", "9223372036854775808", ""];
    let ttl = random.pick(&ttls).as_bytes().to_vec();
    let mut words = vec![random.cased("RESTORE"), random.name("k", 4), ttl, payload];
    for _ in 0..random.below(4) {
        let option = random.pick(&["REPLACE", "ABSTTL", "ABSTTL", "IDLETIME", "FREQ", "bad"]);
        words.push(random.cased(option));
        if random.once_in(2) && ["IDLETIME", "FREQ"].contains(&option) {
            words.push(random.pick(&["0", "10", "255", "256", "-1", "x", "99999999999"]).as_bytes().to_vec());
        }
    }
    // A deadline counted from now is not the same on both sides, unless nothing comes of it.
    if [&b"1"[..], b"4000000000000"].contains(&&*words[2])
        && !words.iter().any(|word| word.eq_ignore_ascii_case(b"ABSTTL"))
    {
        words.push(b"ABSTTL".to_vec());
    }
    words
}

#[test]
fn restore_reads_its_arguments_as_redis_does() {
    duel(|random| {
        let mut words = match random.below(6) {
            0..3 => options(random),
            3 => vec![random.cased("DEL"), random.name("k", 4)],
            4 => {
                vec![random.pick(&["TYPE", "PEXPIRETIME", "EXISTS"]).as_bytes().to_vec(), random.name("k", 4)]
            }
            _ => vec![random.cased("DUMP"), random.name("k", 4)],
        };
        random.spoil(&mut words);
        Step::exact(words)
    });
}
