//! Subscribers that do not read, and many that do.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use ringmaster_node::config::Config;
use ringmaster_protocol::resp::scan::Scanner;

const PATIENCE: Duration = Duration::from_secs(30);

struct Client {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, input: Vec::new() }
    }

    fn send(&mut self, words: &[&[u8]]) {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.write_all(&request).unwrap();
    }

    /// The next frame; empty at the end of the connection.
    fn frame(&mut self) -> Vec<u8> {
        let (mut scanner, mut chunk) = (Scanner::default(), vec![0; 1 << 16]);
        loop {
            if let Some(len) = scanner.frame(&self.input).unwrap() {
                return self.input.drain(..len).collect();
            }
            match self.stream.read(&mut chunk) {
                Ok(len) if len > 0 => self.input.extend_from_slice(&chunk[..len]),
                Ok(_) => return Vec::new(),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Vec::new(),
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn call(&mut self, words: &[&[u8]]) -> Vec<u8> {
        self.send(words);
        self.frame()
    }
}

fn node() -> ringmaster_node::Node {
    let free = ([127, 0, 0, 1], 0).into();
    let config = Config { listen: free, admin: free, threads: 2, ..Config::default() };
    ringmaster_node::Node::start(config).unwrap()
}

#[test]
fn a_subscriber_that_does_not_read_is_closed_and_nobody_waits_for_it() {
    let node = node();
    let mut slow = Client::connect(node.address());
    let mut quick = Client::connect(node.address());
    let mut publisher = Client::connect(node.address());
    slow.call(&[b"SUBSCRIBE", b"x"]);
    quick.call(&[b"SUBSCRIBE", b"x"]);
    let (message, began) = (vec![b'm'; 1 << 20], Instant::now());
    let mut sent = 0;
    while publisher.call(&[b"PUBLISH", b"x", &message]) != b":1\r\n" {
        sent += 1;
        assert!(quick.frame().len() > message.len());
        assert!(sent < 1000 && began.elapsed() < PATIENCE, "the slow one is closed in time");
    }
    // What the mailbox and the sockets held, and no more.
    assert!(sent >= 30, "it may be slow for a while: {sent} MiB");
    let mut got = 0;
    while !slow.frame().is_empty() {
        got += 1;
    }
    assert!(got < sent, "{got} of {sent}");
    node.stop();
}

#[test]
fn all_messages_of_a_channel_come_to_all_in_one_order() {
    let node = node();
    let mut readers: Vec<Client> = (0..4).map(|_| Client::connect(node.address())).collect();
    for reader in &mut readers {
        reader.call(&[b"SUBSCRIBE", b"x"]);
    }
    let (address, count) = (node.address(), 500);
    let publishers: Vec<_> = (0..3)
        .map(|number| {
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                for n in 0..count {
                    let text = format!("{number}:{n}");
                    assert_eq!(client.call(&[b"PUBLISH", b"x", text.as_bytes()]), b":4\r\n");
                }
            })
        })
        .collect();
    let all: Vec<Vec<Vec<u8>>> =
        readers.iter_mut().map(|reader| (0..3 * count).map(|_| reader.frame()).collect()).collect();
    publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
    assert!(all.iter().all(|of_one| *of_one == all[0]));
    node.stop();
}

#[test]
fn what_came_before_the_end_of_a_subscription_comes_before_its_confirmation() {
    let node = node();
    let mut reader = Client::connect(node.address());
    let mut publisher = Client::connect(node.address());
    reader.call(&[b"SUBSCRIBE", b"x"]);
    for _ in 0..200 {
        publisher.send(&[b"PUBLISH", b"x", b"m"]);
        reader.send(&[b"UNSUBSCRIBE", b"x"]);
        reader.send(&[b"SUBSCRIBE", b"x"]);
        let received = publisher.frame();
        let mut frames = vec![reader.frame(), reader.frame()];
        if received == b":1\r\n" {
            frames.push(reader.frame());
        }
        let word = |frame: &Vec<u8>| String::from_utf8_lossy(frame).split("\r\n").nth(2).unwrap().to_owned();
        let words: Vec<String> = frames.iter().map(word).collect();
        assert_ne!(words[1..].join(" "), "message subscribe", "{words:?}");
        assert_eq!(words.contains(&"message".to_owned()), received == b":1\r\n", "{words:?}");
    }
    node.stop();
}
