//! What the session does beyond Redis 7.0 (texts as in the documentation of 7.2), and with the other clients.

#[path = "session/process.rs"]
mod process;
#[path = "session/wire.rs"]
mod wire;

use process::Process;
use ringmaster_protocol::session::{Outcome, Session};

/// Executes `commands`, separated by `;`, and gives back the replies in one readable line.
fn answers(session: &mut Session, process: &Process, commands: &str) -> String {
    let mut out = Vec::new();
    for command in commands.split(';') {
        process::execute(&wire::words(command), session, process, &mut out);
    }
    out.escape_ascii().to_string()
}

fn answer(commands: &str) -> String {
    answers(&mut process::session(1), &Process::default(), commands)
}

#[test]
fn a_library_tells_its_name_and_version() {
    let mut session = process::session(1);
    let process = Process::default();
    let told =
        answers(&mut session, &process, "CLIENT SETINFO LIB-NAME redis-py; CLIENT SETINFO lib-ver 5.0.1");
    assert_eq!(told, r"+OK\r\n+OK\r\n");
    assert!(answers(&mut session, &process, "CLIENT INFO").contains("lib-name=redis-py lib-ver=5.0.1\\n"));
    assert_eq!(answers(&mut session, &process, "RESET"), r"+RESET\r\n");
    assert_eq!((&*session.library_name, &*session.library_version), ("redis-py", "5.0.1"));
}

#[test]
fn a_library_name_that_would_break_the_list_is_refused() {
    let text = r"-ERR lib-name cannot contain spaces, newlines or special characters.\r\n";
    assert_eq!(answer("CLIENT SETINFO lib-name 'a b'"), text);
    assert_eq!(answer("CLIENT SETINFO FOO a"), r"-ERR Unrecognized option \'FOO\'\r\n");
    let arity = r"-ERR wrong number of arguments for \'client|setinfo\' command\r\n";
    assert_eq!(answer("CLIENT SETINFO LIB-NAME"), arity);
}

#[test]
fn no_touch_and_no_evict_are_kept_until_a_reset() {
    let (mut session, process) = (process::session(1), Process::default());
    assert_eq!(answers(&mut session, &process, "CLIENT NO-TOUCH ON; CLIENT NO-EVICT ON"), r"+OK\r\n+OK\r\n");
    assert!(session.no_touch && session.no_evict);
    assert!(answers(&mut session, &process, "CLIENT LIST").contains(" flags=eT "));
    answers(&mut session, &process, "RESET");
    assert!(!session.no_touch && !session.no_evict);
}

#[test]
fn what_is_not_there_is_refused_clearly() {
    assert_eq!(answer("CLIENT TRACKING ON"), r"-ERR CLIENT TRACKING is not supported\r\n");
    assert_eq!(answer("CLIENT PAUSE 10"), r"-ERR CLIENT PAUSE is not supported\r\n");
}

#[test]
fn other_clients_are_listed_in_the_order_of_their_ids() {
    let process = Process::default();
    process.other.replace(Some(process::session(7)));
    let mut session = process::session(9);
    let ids = |text: String| -> Vec<String> {
        let starts = text.match_indices("id=").map(|(at, _)| at + 3);
        starts.filter_map(|at| text[at..].split(' ').next().map(ToOwned::to_owned)).collect()
    };
    assert_eq!(ids(answers(&mut session, &process, "CLIENT LIST")), ["7", "9"]);
    assert_eq!(ids(answers(&mut session, &process, "CLIENT LIST ID 9 8 7 9")), ["9", "7", "9"]);
}

#[test]
fn a_client_kills_another_by_address_or_id_and_itself_only_if_it_says_so() {
    let (mut session, process) = (process::session(1), Process::default());
    for (command, reply) in [
        ("CLIENT KILL 127.0.0.1:50007", r"+OK\r\n"),
        ("CLIENT KILL ID 7", r":1\r\n"),
        ("CLIENT KILL USER default TYPE normal", r":1\r\n"),
        ("CLIENT KILL LADDR 127.0.0.1:6379 SKIPME yes", r":1\r\n"),
        ("CLIENT KILL ADDR 127.0.0.1:50007 ID 8", r":0\r\n"),
    ] {
        process.other.replace(Some(process::session(7)));
        assert_eq!(answers(&mut session, &process, command), reply, "{command}");
        assert_eq!(process.other.borrow().is_none(), reply != r":0\r\n", "{command}");
    }
    let own = wire::words("CLIENT KILL ID 1 SKIPME no");
    assert_eq!(process::execute(&own, &mut session, &process, &mut Vec::new()), Outcome::Close);
}

#[test]
fn a_subscriber_of_resp2_is_ponged_with_a_message() {
    let (mut session, process) = (process::session(1), Process::default());
    session.subscriptions = [1, 0, 0];
    assert_eq!(answers(&mut session, &process, "PING"), r"*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    assert!(answers(&mut session, &process, "CLIENT LIST TYPE pubsub").contains(" flags=P "));
    assert!(answers(&mut session, &process, "HELLO 3; PING").ends_with(r"+PONG\r\n"));
}

#[test]
fn reset_leaves_who_the_client_is_and_ends_the_rest() {
    let (mut session, process) = (process::session(5), Process::default());
    answers(&mut session, &process, "HELLO 3 SETNAME a; SELECT 4; CLIENT REPLY OFF");
    (session.subscriptions, session.queued_commands) = ([1, 2, 3], Some(2));
    let mut out = Vec::new();
    let outcome = process::execute(&wire::words("RESET"), &mut session, &process, &mut out);
    assert_eq!((outcome, &out[..]), (Outcome::Reset, &b"+RESET\r\n"[..]));
    assert_eq!((session.id, &*session.peer_address, session.database), (5, "127.0.0.1:50005", 0));
    assert_eq!((session.subscriptions, session.queued_commands, &*session.name), ([0; 3], None, ""));
}

#[test]
fn a_command_of_the_data_is_not_the_sessions() {
    let mut out = Vec::new();
    for command in ["GET a", "DEBUG SLEEP 0", "MEMORY USAGE a", "SUBSCRIBE a", "SHUTDOWN"] {
        let words = wire::words(command);
        let outcome = process::execute(&words, &mut process::session(1), &Process::default(), &mut out);
        assert_eq!((outcome, out.len()), (Outcome::NotMine, 0), "{command}");
    }
}
