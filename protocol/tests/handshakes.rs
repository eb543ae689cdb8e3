//! What client libraries send on connect is answered as they need it.

#[path = "session/handshake.rs"]
mod handshake;
#[path = "session/process.rs"]
mod process;
#[path = "session/wire.rs"]
mod wire;

use process::Process;
use ringmaster_protocol::session::Outcome;

#[test]
fn every_library_gets_through_its_handshake() {
    let all = handshake::all();
    for handshake in &all {
        let (mut session, process) = (process::session(7), Process::default());
        for write in &handshake.writes {
            for (command, answer) in write.commands.iter().zip(&write.answers) {
                let mut reply = Vec::new();
                let outcome = process::execute(&wire::words(command), &mut session, &process, &mut reply);
                let fits = match outcome {
                    Outcome::NotMine => *answer == "data",
                    _ => handshake::fits(answer, &reply),
                };
                let name = handshake.name;
                assert!(fits, "{name}\n{command}: {}, not {answer}", reply.escape_ascii());
            }
        }
    }
    assert!(all.len() > 25);
}

#[test]
fn each_kind_of_answer_can_be_told_from_others() {
    for (answer, reply) in [
        ("+OK", "-ERR\r\n"),
        ("hello 3", "*14\r\n"),
        ("info loading:0", "$11\r\nloading:1\r\n\r\n"),
        ("setting save", "*0\r\n"),
        ("integer", "$1\r\n1\r\n"),
        ("map", "*0\r\n"),
        ("data", "-ERR\r\n"),
    ] {
        assert!(!handshake::fits(answer, reply.as_bytes()), "{answer}");
    }
}
