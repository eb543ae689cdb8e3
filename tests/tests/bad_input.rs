//! What broken, huge, half and hostile input gets, from a node and from a proxy alike: an error that says what is
//! wrong, nothing lost of what was right, and nobody else harmed.

use std::net::SocketAddr;

use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::wire::{Wire, text};

/// Runs `test` against a proxy with three nodes, then against one of its nodes.
fn on_both(test: impl Fn(SocketAddr)) {
    let cluster = Cluster::builder().start();
    test(cluster.address());
    test(cluster.nodes()[0].address());
}

/// A second client is served as if nothing had happened.
fn others_are_served(address: SocketAddr) {
    let mut other = Wire::connect(address);
    assert_eq!(other.ask("SET witness 1"), r"+OK\r\n");
    assert_eq!(other.ask("GET witness"), r"$1\r\n1\r\n");
}

#[test]
fn broken_resp_gets_the_error_of_redis_after_earlier_replies_and_a_close() {
    on_both(|address| {
        for (broken, error) in [
            ("*1\r\n:3\r\n", "-ERR Protocol error: expected '$', got ':'"),
            ("*x\r\n", "-ERR Protocol error: invalid multibulk length"),
            ("*99999999999\r\n", "-ERR Protocol error: invalid multibulk length"),
            ("*1\r\n$-5\r\n", "-ERR Protocol error: invalid bulk length"),
            ("*1\r\n$99999999999\r\n", "-ERR Protocol error: invalid bulk length"),
            ("*2\r\n$3\r\nGET\r\n$600000000\r\n", "-ERR Protocol error: invalid bulk length"),
            ("*1\r\n$4\r\nPINGxx", "-ERR Protocol error: expected CRLF after a bulk string"),
            ("SET \"a\r\n", "-ERR Protocol error: unbalanced quotes in request"),
        ] {
            let mut client = Wire::connect(address);
            client.send(format!("*1\r\n$4\r\nPING\r\n{broken}").as_bytes());
            assert_eq!(text(&client.reply().unwrap()), r"+PONG\r\n");
            assert_eq!(text(&client.reply().unwrap()), format!(r"{error}\r\n"));
            assert!(client.closes());
        }
        others_are_served(address);
    });
}

#[test]
fn endless_lines_are_cut_off() {
    on_both(|address| {
        for (start, error) in [
            ("A", "-ERR Protocol error: too big inline request"),
            ("*+", "-ERR Protocol error: too big mbulk count string"),
            ("*1\r\n$+", "-ERR Protocol error: too big bulk count string"),
        ] {
            let mut client = Wire::connect(address);
            client.send(start.as_bytes());
            client.send_if_open(&vec![b'1'; 70 << 10]);
            assert_eq!(text(&client.reply().unwrap()), format!(r"{error}\r\n"));
            assert!(client.closes());
        }
        others_are_served(address);
    });
}

#[test]
fn half_a_command_is_waited_for_and_harms_nobody() {
    on_both(|address| {
        let mut slow = Wire::connect(address);
        for byte in b"*2\r\n$3\r\nGET\r\n$7\r\nabs" {
            slow.send(&[*byte]);
        }
        others_are_served(address);
        slow.send(b"ent!\r\n*1\r\n$4\r\nPING\r\n");
        assert_eq!(text(&slow.reply().unwrap()), r"$-1\r\n");
        assert_eq!(text(&slow.reply().unwrap()), r"+PONG\r\n");
        let mut gone = Wire::connect(address);
        gone.send(b"*3\r\n$3\r\nSET\r\n$7\r\nwitness\r\n$100\r\nhalf");
        drop(gone);
        others_are_served(address);
    });
}

#[test]
fn unknown_commands_wrong_numbers_and_wrong_types_are_errors_of_redis_and_the_connection_lives() {
    on_both(|address| {
        let mut client = Wire::connect(address);
        let unknown = r"-ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' \r\n";
        assert_eq!(client.ask("NOSUCH a b"), unknown);
        assert_eq!(client.ask("GET"), r"-ERR wrong number of arguments for 'get' command\r\n");
        assert_eq!(client.ask("CLIENT NOSUCH"), r"-ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.\r\n");
        assert_eq!(client.ask("SET {t}s text"), r"+OK\r\n");
        let wrong = r"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
        for line in ["LPUSH {t}s 1", "SADD {t}s 1", "HSET {t}s f 1", "ZADD {t}s 1 m", "LRANGE {t}s 0 -1"] {
            assert_eq!(client.ask(line), wrong, "{line}");
        }
        assert_eq!(client.ask("INCR {t}s"), r"-ERR value is not an integer or out of range\r\n");
        assert_eq!(client.ask("GET {t}s"), r"$4\r\ntext\r\n");
    });
}

#[test]
fn a_client_that_never_reads_holds_nobody_up() {
    on_both(|address| {
        let value = vec![b'v'; 64 << 10];
        let mut setter = Wire::connect(address);
        setter.command(&[b"SET", b"large", &value]);
        assert_eq!(text(&setter.reply().unwrap()), r"+OK\r\n");
        let mut deaf = Wire::connect(address);
        for _ in 0..200 {
            deaf.command(&[b"GET", b"large"]);
        }
        others_are_served(address);
        // What waits for it is bounded, and it still gets all of it when it reads.
        for _ in 0..200 {
            assert_eq!(deaf.reply().unwrap().len(), value.len() + 10);
        }
    });
}

#[test]
fn ten_thousand_commands_in_one_write_are_answered_in_order() {
    on_both(|address| {
        let mut client = Wire::connect(address);
        let set: String = (0..10_000).map(|n| format!("SET key:{n} {n}\r\n")).collect();
        let get: String = (0..10_000).map(|n| format!("GET key:{n}\r\n")).collect();
        let stream = client.stream().try_clone().unwrap();
        let writer = std::thread::spawn(move || {
            use std::io::Write;
            (&stream).write_all(set.as_bytes()).unwrap();
            (&stream).write_all(get.as_bytes()).unwrap();
        });
        (0..10_000).for_each(|_| assert_eq!(text(&client.reply().unwrap()), r"+OK\r\n"));
        for n in 0..10_000 {
            let digits = n.to_string();
            assert_eq!(text(&client.reply().unwrap()), format!(r"${}\r\n{digits}\r\n", digits.len()));
        }
        writer.join().unwrap();
    });
}

#[test]
fn binary_keys_and_values_pass_unchanged() {
    on_both(|address| {
        let mut client = Wire::connect(address);
        let every_byte: Vec<u8> = (0..=255).collect();
        client.command(&[b"SET", &every_byte, &every_byte]);
        assert_eq!(text(&client.reply().unwrap()), r"+OK\r\n");
        client.command(&[b"GET", &every_byte]);
        let reply = client.reply().unwrap();
        assert_eq!(&reply[6..reply.len() - 2], &every_byte[..]);
        client.command(&[b"SET", b"", b""]);
        assert_eq!(text(&client.reply().unwrap()), r"+OK\r\n");
        client.command(&[b"GET", b""]);
        assert_eq!(text(&client.reply().unwrap()), r"$0\r\n\r\n");
    });
}
