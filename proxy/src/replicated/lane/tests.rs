//! Lanes whose node is played by the test.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use ringmaster_protocol::extension::Say;
use ringmaster_protocol::extension::{Outcome, put_attribute, put_refusal};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, ClusterId, Incarnation, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use crate::hot_keys::HotKeys;
use crate::telemetry::{NodeStatus, ThreadMetrics};
use crate::traces::Tracer;
use crate::turn::Turn;
use crate::upstream::{Lane, UpstreamContext, UpstreamLimits};

/// A lane to a node that the test plays.
async fn lane() -> (DataLane, Rc<Inbox>, TcpListener) {
    let limits = UpstreamLimits {
        connect: Duration::from_secs(20),
        request: Duration::from_secs(20),
        pause_bytes: 1 << 20,
        reply_bytes_max: 1 << 20,
    };
    let turn = Rc::new(Turn::default());
    tokio::task::spawn_local(Rc::clone(&turn).run());
    let metrics = Arc::new(ThreadMetrics::default());
    let context = Rc::new(UpstreamContext {
        turn,
        limits: Cell::new(limits),
        metrics,
        thread: 0,
        credentials: Arc::default(),
        hot_keys: HotKeys::alone(),
        tracer: Tracer::new(None),
        lines: Rc::default(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let node = NodeStatus::for_test_at(&listener.local_addr().unwrap().to_string());
    let inbox = Rc::new(Inbox::default());
    let chains = crate::chain::Chains::new(ringmaster_protocol::extension::Rules::ALL, Default::default());
    let reading =
        Reading { straight: Rc::clone(chains.straight()), published: Published::new(Arc::default()).0 };
    let lane = {
        let upstream = Upstream::open(node, Lane::FIRST, context);
        DataLane::new(upstream, Lane::FIRST, &inbox, &reading, &Rc::new(Sender::new()))
    };
    (lane, inbox, listener)
}

/// Accepts the connection and answers its set-up.
async fn accept(listener: &TcpListener) -> TcpStream {
    let mut node = listener.accept().await.unwrap().0;
    assert!(read(&mut node, 1).await.ends_with("PING\r\n"));
    node.write_all(b"+PONG\r\n").await.unwrap();
    node
}

/// Reads until this many requests have come.
async fn read(node: &mut TcpStream, count: usize) -> String {
    let mut text = String::new();
    while text.matches('*').count() < count || !text.ends_with("\r\n") {
        let mut bytes = Vec::new();
        assert!(node.read_buf(&mut bytes).await.unwrap() > 0);
        text.push_str(std::str::from_utf8(&bytes).unwrap());
    }
    text
}

/// The names of requests.
fn names(text: &str) -> Vec<&str> {
    text.lines().filter(|line| ["RM.ATTACH", "PING"].contains(line)).collect()
}

/// The sender and the generation of the attachment in front.
fn claimed(text: &str) -> (String, u64) {
    let args: Vec<&str> = text.lines().skip(1).filter(|line| !line.starts_with('$')).collect();
    (args[5].to_owned(), args[7].parse().unwrap())
}

/// Sends a command that was decided under a view of `epoch` for a chain that was changed in `changed`.
fn execute(lane: &DataLane, wire: u64, epoch: u64, changed: u64) {
    let (cluster, incarnation, boot) = (ClusterId(1), Incarnation(2), Boot(3));
    let attach = Attach { cluster, epoch: Epoch(epoch), incarnation, boot };
    let request = b"*1\r\n$4\r\nPING\r\n";
    lane.execute(Wire(wire), &Sending { attach: &attach, at_least: Epoch(changed), request, writes: true });
}

async fn events(inbox: &Inbox, count: usize) -> Vec<Event> {
    let mut events = Vec::new();
    while events.len() < count {
        inbox.notify.notified().await;
        let mut more = VecDeque::new();
        inbox.take(&mut more);
        more.iter().for_each(|_| inbox.tell_next());
        events.extend(more);
    }
    events
}

#[tokio::test]
async fn a_lane_is_attached_in_front_of_the_first_command_that_needs_it() {
    let test = async {
        let (lane, inbox, listener) = lane().await;
        execute(&lane, 1, 5, 3);
        execute(&lane, 2, 6, 5);
        execute(&lane, 3, 7, 6);
        execute(&lane, 4, 6, 6);
        let refused = events(&inbox, 1).await;
        let why = "attached beyond the view that it was decided by";
        assert!(matches!(refused[..], [Event::Lost(Wire(4), false)]), "{why}");
        let mut node = accept(&listener).await;
        let text = read(&mut node, 5).await;
        assert_eq!(names(&text), ["RM.ATTACH", "PING", "PING", "RM.ATTACH", "PING"]);
        node.write_all(b"+OK\r\n+PONG\r\n+PONG\r\n-STALE 6 behind\r\n-STALE 6 behind\r\n").await.unwrap();
        let events = events(&inbox, 4).await;
        assert!(matches!(events[2], Event::Differs(Epoch(6))));
        assert!(matches!(events[3], Event::Answered(Wire(3), Answered::Refused(Epoch(6)))));
        execute(&lane, 5, 7, 6);
        assert_eq!(names(&read(&mut node, 2).await), ["RM.ATTACH", "PING"], "a refused one is made again");
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn a_lane_that_was_lost_is_attached_anew() {
    let test = async {
        let (lane, inbox, listener) = lane().await;
        execute(&lane, 1, 5, 3);
        let mut node = accept(&listener).await;
        let first = read(&mut node, 2).await;
        drop(node);
        assert!(matches!(events(&inbox, 1).await[..], [Event::Lost(Wire(1), true)]));
        let mut node = accept(&listener).await;
        while !lane.upstream().takes_more() {
            tokio::task::yield_now().await;
        }
        execute(&lane, 2, 5, 3);
        let second = read(&mut node, 2).await;
        assert_eq!(names(&second), ["RM.ATTACH", "PING"]);
        let [first, second] = [first, second].map(|text| claimed(&text));
        assert_eq!(first.0, second.0, "the same sender");
        assert!(first.1 < second.1, "R17: it takes the place of the first: {first:?} {second:?}");
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn nothing_overtakes_what_stands_behind_a_refused_attachment() {
    let test = async {
        let (lane, inbox, listener) = lane().await;
        execute(&lane, 1, 5, 3);
        execute(&lane, 2, 5, 3);
        let mut node = accept(&listener).await;
        read(&mut node, 3).await;
        // The refusals come one by one, and the chains are told of each as late as can be.
        node.write_all(b"-STALE 4 behind\r\n").await.unwrap();
        assert!(matches!(events(&inbox, 1).await[..], [Event::Differs(Epoch(4))]));
        execute(&lane, 3, 5, 3);
        assert!(
            matches!(events(&inbox, 1).await[..], [Event::Lost(Wire(3), false)]),
            "1 and 2 have no answer"
        );
        node.write_all(b"-STALE 4 behind\r\n-STALE 4 behind\r\n").await.unwrap();
        inbox.notify.notified().await;
        assert!(inbox.has_failure());
        execute(&lane, 4, 5, 3);
        let failed = |event: &Event| match event {
            Event::Answered(Wire(wire), Answered::Refused(_)) | Event::Lost(Wire(wire), false) => *wire,
            _ => panic!("something else"),
        };
        inbox.notify.notify_one();
        let told = events(&inbox, 3).await;
        assert_eq!(
            told.iter().map(failed).collect::<Vec<_>>(),
            [1, 2, 4],
            "the chains did not know of 1 and 2"
        );
        execute(&lane, 5, 5, 3);
        assert_eq!(names(&read(&mut node, 2).await), ["RM.ATTACH", "PING"]);
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn nothing_overtakes_what_was_lost_before_it_was_sent() {
    let test = async {
        let (lane, inbox, listener) = lane().await;
        let mut node = accept(&listener).await;
        drop(listener);
        execute(&lane, 1, 5, 3);
        read(&mut node, 2).await;
        drop(node);
        inbox.notify.notified().await;
        let (upstream, claim) = (lane.upstream(), lane.receiver.claim.get());
        // It is as if it served for long: commands wait for the next connection.
        upstream.take_for_test();
        assert!(upstream.takes_more());
        execute(&lane, 2, 5, 3);
        inbox.notify.notify_one();
        let told = events(&inbox, 2).await;
        assert!(matches!(told[..], [Event::Lost(Wire(1), true), Event::Lost(Wire(2), false)]));
        execute(&lane, 3, 5, 3);
        assert!(claim.generation < lane.receiver.claim.get().generation);
        assert_eq!(lane.receiver.expected.borrow().len(), 2, "an attachment and the command");
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn a_command_that_finds_no_room_behind_its_attachment_shifts_no_replies() {
    let test = async {
        let (lane, inbox, listener) = lane().await;
        let (cluster, incarnation, boot) = (ClusterId(1), Incarnation(2), Boot(3));
        let attach = |epoch| Attach { cluster, epoch: Epoch(epoch), incarnation, boot };
        // Not connected yet: what is sent stays here, up to the very bound.
        let full = vec![b' '; 2 << 20];
        let (first, second) = (attach(5), attach(6));
        let sending =
            |attach, at_least, request| Sending { attach, at_least: Epoch(at_least), request, writes: true };
        lane.execute(Wire(1), &sending(&first, 3, b"*1\r\n$4\r\nPING\r\n"));
        let used = lane.upstream().unsent_for_test();
        lane.execute(Wire(2), &sending(&first, 3, &full[used..]));
        assert_eq!(lane.upstream().unsent_for_test(), full.len());
        lane.execute(Wire(3), &sending(&second, 6, b"*1\r\n$4\r\nPING\r\n"));
        lane.execute(Wire(4), &sending(&second, 6, b"*1\r\n$4\r\nPING\r\n"));
        assert!(
            matches!(events(&inbox, 1).await[..], [Event::Lost(Wire(4), false)]),
            "only what finds no room"
        );
        drop(listener);
    };
    LocalSet::new().run_until(test).await;
}

#[test]
fn a_reply_a_note_and_a_refusal_are_told_apart() {
    let wire = Wire(1);
    let Event::Answered(_, Answered::Done { note: None, reply }) = answer(wire, b"+OK\r\n") else {
        panic!("a plain reply")
    };
    assert_eq!(&reply[..], b"+OK\r\n");
    let outcome = Outcome::Saw(Version { changed: Epoch(3), n: 4 });
    let mut frame = Vec::new();
    put_attribute(&mut frame, &Note { slot: HashSlot::default(), outcome: outcome.clone() });
    frame.extend_from_slice(b"-ERR no\r\n");
    let Event::Answered(_, Answered::Done { note, reply }) = answer(wire, &frame) else {
        panic!("a reply with a note")
    };
    assert_eq!((note, &reply[..]), (Some(outcome), &b"-ERR no\r\n"[..]));
    let mut refused = Vec::new();
    put_refusal(&mut refused, &Say::Stale(Epoch(9)));
    let event = answer(wire, &refused);
    assert!(matches!(event, Event::Answered(_, Answered::Refused(Epoch(9)))));
}

#[test]
fn a_note_that_cannot_be_read_is_an_unknown_outcome() {
    let event = answer(Wire(1), b"|1\r\n$2\r\nrm\r\n$1\r\n\xff\r\n+OK\r\n");
    assert!(matches!(event, Event::Lost(Wire(1), true)));
}
