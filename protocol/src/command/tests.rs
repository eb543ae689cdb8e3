//! The table against itself: what must hold for every row.

use super::*;

fn positions(args: &[&str]) -> Result<Vec<u32>, KeyError> {
    let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
    let mut out = vec![99];
    resolve(&args[..]).unwrap().key_positions(&args[..], &mut out)?;
    Ok(out)
}

fn words(text: &str) -> Vec<&str> {
    text.split(' ').collect()
}

#[test]
fn every_row_is_found_by_its_name() {
    for spec in all() {
        assert!(std::ptr::eq(by_id(spec.id), spec));
        for name in [spec.name.to_string(), spec.name.to_uppercase()] {
            assert_eq!(lookup_full(name.as_bytes()).map(|found| found.id), Some(spec.id), "{name}");
        }
        assert_eq!(lookup(spec.name.as_bytes()).is_some(), !spec.name.contains('|'), "{}", spec.name);
    }
    assert_eq!(all().len(), COUNT);
}

#[test]
fn what_is_no_command_is_not_found() {
    for name in ["", "g", "ge", "gett", "get ", "g\u{65}t\0", "GE\u{0}T", "client|setname"] {
        assert!(lookup(name.as_bytes()).is_none(), "{name:?}");
    }
    assert!(lookup(&[b'x'; 1000]).is_none());
    for name in ["\u{7}ET", "SORT\u{7f}RO", "restore\rasking", "georadiusbyXember"] {
        assert!(lookup(name.as_bytes()).is_none(), "{name:?}: only letters differ in case");
    }
}

#[test]
fn arity_is_exact_or_at_least() {
    let get = lookup(b"get").unwrap();
    assert!(get.arity_allows(2) && !get.arity_allows(1) && !get.arity_allows(3));
    let mget = lookup(b"mget").unwrap();
    assert!(mget.arity_allows(2) && mget.arity_allows(200) && !mget.arity_allows(1));
    let zrank = lookup(b"zrank").unwrap();
    assert!(zrank.arity == 3 && zrank.arity_allows(3) && zrank.arity_allows(4));
    assert!(!zrank.arity_allows(2) && !zrank.arity_allows(5));
}

#[test]
fn a_row_that_writes_never_claims_to_be_read_only() {
    for spec in all() {
        let name = spec.name;
        if spec.writes() {
            assert_ne!(spec.replay, Replay::ReadOnly, "{name}");
        }
        if spec.flags.contains(Flags::READONLY) {
            assert_eq!(spec.replay, Replay::ReadOnly, "{name}");
        }
        assert!(!(spec.writes() && spec.flags.contains(Flags::READONLY)), "{name}");
    }
}

#[test]
fn routing_agrees_with_keys_and_flags() {
    for spec in all() {
        let name = spec.name;
        match spec.split {
            Split::PerKey(_) => assert!(spec.first_key == 1 && spec.last_key == -1, "{name}"),
            Split::Nodes(_) | Split::Local | Split::Channel => assert!(spec.keys.is_empty(), "{name}"),
            Split::Slot => {
                assert!(!spec.keys.is_empty(), "{name} has no key to route by");
                assert!(!spec.flags.contains(Flags::BLOCKING), "{name} may block");
            }
            Split::Conversation | Split::Refused => {}
        }
        if spec.writes() && spec.keys.is_empty() {
            assert!(matches!(spec.split, Split::Nodes(_)), "{name} writes, but where?");
        }
    }
}

#[test]
fn one_key_at_argument_one_is_known_without_looking() {
    let single = |name: &str| lookup_full(name.as_bytes()).unwrap().single_key();
    for name in ["get", "set", "zrangebyscore", "hset", "bitfield", "expire"] {
        assert!(single(name), "{name}");
    }
    for name in
        ["mget", "rename", "ping", "eval", "spublish", "sort", "xread", "object|encoding", "georadius"]
    {
        assert!(!single(name), "{name}");
    }
}

#[test]
fn a_spec_that_says_single_key_finds_exactly_argument_one() {
    for spec in all().iter().filter(|spec| spec.single_key()) {
        let args = vec!["1"; usize::from(spec.arity.unsigned_abs()) + 3];
        let mut out = Vec::<u32>::new();
        spec.key_positions(&args[..], &mut out).unwrap();
        assert_eq!(out, [1], "{}", spec.name);
    }
}

#[test]
fn key_positions_of_each_kind() {
    let cases: [(&str, &[u32]); 20] = [
        ("GET a", &[1]),
        ("MSET a 1 b 2", &[1, 3]),
        ("BLPOP a b 0", &[1, 2]),
        ("RENAME a b", &[1, 2]),
        ("OBJECT encoding a", &[2]),
        ("EVAL return 2 a b c", &[3, 4]),
        ("EVAL return 0 c", &[]),
        ("ZUNIONSTORE d 2 a b WEIGHTS 1 2", &[1, 3, 4]),
        ("LMPOP 2 a b LEFT", &[2, 3]),
        ("BLMPOP 0 2 a b LEFT", &[3, 4]),
        ("SINTERCARD 2 a b LIMIT 1", &[2, 3]),
        ("XREAD COUNT 1 STREAMS a b 0 0", &[4, 5]),
        ("XREADGROUP GROUP g c STREAMS a >", &[5]),
        ("GEORADIUS a 1 2 3 km STORE b", &[1, 7]),
        ("GEORADIUSBYMEMBER a m 3 km storedist b", &[1, 6]),
        ("SORT a BY x LIMIT 0 1 STORE b", &[1, 8]),
        ("SORT a BY store GET x", &[1]),
        ("SORT_RO a BY store", &[1]),
        ("MIGRATE h 1 a 0 9", &[3]),
        ("BITOP AND d a b", &[2, 3, 4]),
    ];
    for (request, expected) in cases {
        assert_eq!(positions(&words(request)).unwrap(), expected, "{request}");
    }
    let migrate = ["MIGRATE", "h", "1", "", "0", "9", "AUTH", "keys", "KEYS", "a", "b"];
    assert_eq!(positions(&migrate).unwrap(), [9, 10]);
}

#[test]
fn arguments_that_contradict_themselves_have_no_keys() {
    for request in [
        "LMPOP 3 a LEFT",
        "ZUNION x a",
        "ZUNION -1 a",
        "ZUNION 9223372036854775807 a",
        "XREAD BLOCK STREAMS a",
    ] {
        assert_eq!(positions(&words(request)), Err(KeyError::Invalid), "{request}");
    }
    assert_eq!(positions(&["PING"]), Err(KeyError::NoKeys));
    assert_eq!(positions(&["SPUBLISH", "a", "b"]), Err(KeyError::NoKeys));
}

#[test]
fn shard_channels_decide_the_slot_though_they_are_no_keys() {
    let args: [&[u8]; 3] = [b"ssubscribe", b"a", b"b"];
    let mut out = Vec::<u32>::new();
    resolve(&args[..]).unwrap().slot_positions(&args[..], &mut out).unwrap();
    assert_eq!(out, [1, 2]);
}

#[test]
fn keys_of_any_number_of_arguments_are_found_without_panic() {
    for spec in all() {
        for argc in 0..12 {
            for filler in ["", "0", "1", "2", "9", "STREAMS", "KEYS", "STORE", "GET"] {
                let args = vec![filler; argc];
                let mut out = Vec::<u32>::new();
                if spec.key_positions(&args[..], &mut out).is_err() {
                    assert!(out.is_empty());
                }
            }
        }
    }
}

#[test]
fn rows_newer_than_the_reference_server_take_their_examples() {
    let cases: [(&str, &[u32], Source); 9] = [
        ("HEXPIRE h 10 NX FIELDS 1 f", &[1], Source::Redis74),
        ("HTTL h FIELDS 2 f g", &[1], Source::Redis74),
        ("HPERSIST h FIELDS 1 f", &[1], Source::Redis74),
        ("HGETEX h FIELDS 1 f", &[1], Source::Redis80),
        ("HSETEX h FIELDS 1 f v", &[1], Source::Redis80),
        ("HGETDEL h FIELDS 1 f", &[1], Source::Redis80),
        ("MSETEX 2 a 1 b 2 NX EX 10", &[2, 4], Source::Redis84),
        ("DELEX a IFEQ v", &[1], Source::Redis84),
        ("DELIFEQ a v", &[1], Source::Valkey90),
    ];
    for (request, keys, source) in cases {
        assert_eq!(positions(&words(request)).unwrap(), keys, "{request}");
        assert_eq!(lookup(words(request)[0].as_bytes()).unwrap().source, source, "{request}");
    }
    assert_eq!(positions(&words("MSETEX 3 a 1 b 2")), Err(KeyError::Invalid));
    for request in ["CLIENT SETINFO lib-name x", "CLIENT NO-TOUCH on", "WAITAOF 1 0 0"] {
        assert_eq!(positions(&words(request)), Err(KeyError::NoKeys), "{request}");
    }
    for request in [
        "HEXPIRE h 10 FIELDS 1",
        "HGETEX h FIELDS 1",
        "MSETEX 1 a",
        "DELIFEQ a",
        "WAITAOF 1 0",
        "CLIENT SETINFO x",
    ] {
        let args = words(request);
        assert!(matches!(resolve(&args[..]), Err(Rejection::Arity(_))), "{request}");
    }
}
