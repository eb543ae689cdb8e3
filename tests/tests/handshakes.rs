//! What client libraries send on connect is answered by a node, and by a proxy in front of it, as they need it.

#[path = "../../protocol/tests/session/handshake.rs"]
mod handshake;
#[path = "../../protocol/tests/session/wire.rs"]
mod request;

use std::net::SocketAddr;

use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::wire::Wire;

#[test]
fn every_library_gets_through_its_handshake_with_a_node() {
    let cluster = Cluster::builder().nodes(1).proxies(0).start();
    shake_hands(cluster.nodes()[0].address());
}

#[test]
fn every_library_gets_through_its_handshake_with_a_proxy() {
    shake_hands(Cluster::builder().start().address());
}

/// Plays all handshakes to the server at `address`, each on a connection of its own, its writes as the library does.
fn shake_hands(address: SocketAddr) {
    for handshake in handshake::all() {
        let mut client = Wire::connect(address);
        for write in &handshake.writes {
            let words = write.commands.iter().map(|line| request::words(line));
            client.send(&words.flat_map(|words| request::encoded(&words)).collect::<Vec<u8>>());
            for (command, answer) in write.commands.iter().zip(&write.answers) {
                let reply = client.reply().expect("an answer");
                let (name, text) = (handshake.name, reply.escape_ascii());
                assert!(handshake::fits(answer, &reply), "{name}\n{command}: {text}, not {answer}");
            }
        }
    }
}

/// A proxy holds back what follows a `SELECT` in one write, and executes it later from what it kept.
#[test]
fn a_command_of_the_session_after_select_is_executed_from_what_was_kept() {
    let cluster = Cluster::builder().nodes(1).start();
    let mut client = Wire::connect(cluster.address());
    client.send(b"SET a 1\r\nSELECT 1\r\nCLIENT INFO\r\nSELECT 0\r\nGET a\r\n");
    for beginning in ["+OK", "+OK", "$", "+OK", "$1\r\n1"] {
        let reply = client.reply().expect("an answer");
        assert!(reply.starts_with(beginning.as_bytes()), "{}", reply.escape_ascii());
    }
}
