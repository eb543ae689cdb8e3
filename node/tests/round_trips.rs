//! What the libraries of scripts write they read back: JSON, MessagePack and structs, against each other.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use proptest::prelude::*;
use ringmaster_node::{Config, Node};

/// JSON in the one form in which `cjson` writes it: no null, which is no value of a table, and objects of one field,
/// whose order nobody promises.
fn json() -> impl Strategy<Value = String> {
    let text = "[a-z0-9 ]{0,12}".prop_map(|text| format!("\"{text}\""));
    let number = prop_oneof![any::<i32>().prop_map(i64::from), -(1i64 << 46)..1i64 << 46];
    let fraction = (-4000i32..4000).prop_map(|eighths| (f64::from(eighths) / 8.0).to_string());
    let leaf = prop_oneof![
        text,
        number.prop_map(|n| n.to_string()),
        fraction,
        Just("true".to_owned()),
        Just("false".to_owned())
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..6).prop_map(|all| format!("[{}]", all.join(","))),
            ("[a-z]{1,8}", inner).prop_map(|(name, value)| format!("{{\"{name}\":{value}}}")),
        ]
    })
}

/// A node, and a connection to it.
struct Runner {
    stream: BufReader<TcpStream>,
    _node: Node,
}

impl Runner {
    fn new() -> Self {
        let free = ([127, 0, 0, 1], 0).into();
        let node =
            Node::start(Config { listen: free, admin: free, threads: 1, ..Config::default() }).unwrap();
        let stream = TcpStream::connect(node.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { stream: BufReader::new(stream), _node: node }
    }

    /// The text that a script returns; an error with its sign.
    fn eval(&mut self, script: &str, args: &[&[u8]]) -> Vec<u8> {
        let words = [&[b"EVAL".as_slice(), script.as_bytes(), b"0"], args].concat();
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(&request).unwrap();
        let mut header = String::new();
        self.stream.read_line(&mut header).unwrap();
        let Some(len) = header.strip_prefix('$') else { return header.into_bytes() };
        let mut text = vec![0; len.trim_end().parse::<usize>().unwrap() + 2];
        self.stream.read_exact(&mut text).unwrap();
        text.truncate(text.len() - 2);
        text
    }
}

thread_local! {
    static RUNNER: RefCell<Runner> = RefCell::new(Runner::new());
}

fn eval(script: &str, args: &[&[u8]]) -> String {
    RUNNER.with_borrow_mut(|runner| runner.eval(script, args).escape_ascii().to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_json_reads_it_writes_and_message_pack_carries_it(json in json()) {
        let own = format!("[{json}]");
        let expected = own.as_bytes().escape_ascii().to_string();
        let back = "return cjson.encode(cjson.decode(ARGV[1]))";
        prop_assert_eq!(eval(back, &[own.as_bytes()]), expected.clone());
        let carried = "return cjson.encode(cmsgpack.unpack(cmsgpack.pack(cjson.decode(ARGV[1]))))";
        prop_assert_eq!(eval(carried, &[own.as_bytes()]), expected);
    }

    #[test]
    fn any_text_comes_back_from_each_library(text in prop::collection::vec(any::<u8>(), 0..300)) {
        let expected = text.escape_ascii().to_string();
        for script in [
            "return cjson.decode(cjson.encode({ARGV[1]}))[1]",
            "return (cmsgpack.unpack(cmsgpack.pack(ARGV[1])))",
            "return (struct.unpack('>I4c0', struct.pack('>I4c0', #ARGV[1], ARGV[1])))",
            "return cmsgpack.unpack(cmsgpack.pack({a = {b = ARGV[1]}})).a.b",
        ] {
            prop_assert_eq!(eval(script, &[&text]), expected.clone(), "{}", script);
        }
    }

    #[test]
    fn integers_of_any_size_and_order_come_back_from_structs(number in any::<i32>(), size in 4u8..=8, big in any::<bool>()) {
        let script = format!(
            "local f = '{}i{size}' local n = tonumber(ARGV[1]) \
             return string.format('%.0f', (struct.unpack(f, struct.pack(f, n)))) .. ' ' .. struct.size(f)",
            if big { '>' } else { '<' }
        );
        let number = number.to_string();
        prop_assert_eq!(eval(&script, &[number.as_bytes()]), format!("{number} {size}"));
    }

    #[test]
    fn bytes_that_nobody_wrote_are_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        for script in ["cjson.decode(ARGV[1]) return 'read'", "cmsgpack.unpack(ARGV[1]) return 'read'"] {
            let answer = eval(script, &[&bytes]);
            prop_assert!(answer == "read" || answer.starts_with("-ERR"), "{}", answer);
        }
    }
}
