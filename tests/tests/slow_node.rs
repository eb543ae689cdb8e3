//! A node that stands still (SIGSTOP): every command is answered within its deadline, says what became of it, and holds up no
//! command for another node.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ringmaster_tests::chaos::processes::Processes;
use ringmaster_tests::wait::eventually;
use ringmaster_tests::wire::{Wire, encoded, text};

const PROGRAM: &str = env!("CARGO_BIN_EXE_member");

/// `timeouts.request` of these clusters.
const DEADLINE: Duration = Duration::from_secs(1);

/// What a machine that others use, too, may add to it.
const SLACK: Duration = Duration::from_secs(4);

/// One key that this node alone holds, and one that it does not hold.
fn keys(proxy: SocketAddr, node: SocketAddr) -> [String; 2] {
    let (mut through, mut at) = (Wire::connect(proxy), Wire::connect(node));
    let mut found = [None, None];
    for n in 0.. {
        let key = format!("key:{n}");
        assert_eq!(through.ask(&format!("SET {key} v")), r"+OK\r\n");
        let place = usize::from(at.ask(&format!("EXISTS {key}")) == r":0\r\n");
        found[place].get_or_insert(key);
        if let [Some(_), Some(_)] = found {
            break;
        }
    }
    found.map(Option::unwrap_or_default)
}

/// Sends all of it at once; the replies, and how long the last took.
fn pipelined(client: &mut Wire, lines: &[String]) -> (Vec<String>, Duration) {
    let begun = Instant::now();
    let words = |line: &String| encoded(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>());
    client.send(&lines.iter().flat_map(words).collect::<Vec<u8>>());
    let replies = lines.iter().map(|_| text(&client.reply().expect("the proxy answers"))).collect();
    (replies, begun.elapsed())
}

fn start(copies: usize, more: &str) -> Processes {
    let yaml = format!("timeouts: {{request: 1s{more}}}");
    Processes::builder(PROGRAM).members(3, 1).copies(copies).yaml(&yaml).start()
}

#[test]
fn commands_behind_one_for_a_node_that_stands_still_go_on_at_its_deadline() {
    let processes = start(1, "");
    let proxy = processes.proxies()[0];
    let [sick, well] = keys(proxy, processes.nodes()[0]);
    let [mut client, mut other] = [0; 2].map(|_| Wire::connect(proxy));
    processes.pause(0, true);
    let lines =
        [format!("SET {sick} w"), format!("GET {sick}"), format!("SET {well} w"), format!("GET {well}")];
    let (replies, took) = pipelined(&mut client, &lines);
    assert!(replies[0].starts_with("-MAYBE node 'node-0'"), "{replies:?}");
    assert!(replies[0].ends_with(r"the command may have been executed\r\n"), "{replies:?}");
    assert!(replies[1].starts_with("-TRYAGAIN node 'node-0'"), "{replies:?}");
    assert!(replies[1].ends_with(r"nothing was changed\r\n"), "{replies:?}");
    assert_eq!(replies[2..], [r"+OK\r\n", r"$1\r\nw\r\n"]);
    assert!((DEADLINE..DEADLINE + SLACK).contains(&took), "{took:?}");
    // From here on its commands are refused, and those for others served, at once.
    eventually("they are refused at once", || {
        let (replies, took) = pipelined(&mut client, &[format!("SET {sick} x"), format!("GET {well}")]);
        assert_eq!(replies[1], r"$1\r\nw\r\n");
        took < DEADLINE / 2 && replies[0].starts_with("-CLUSTERDOWN node 'node-0'")
    });
    assert_eq!(other.ask(&format!("GET {well}")), r"$1\r\nw\r\n");
    processes.pause(0, false);
    eventually("it serves again", || client.ask(&format!("SET {sick} y")) == r"+OK\r\n");
}

#[test]
fn clients_of_other_nodes_do_not_notice() {
    let processes = start(1, "");
    let proxy = processes.proxies()[0];
    let [sick, well] = keys(proxy, processes.nodes()[0]);
    let [mut client, mut other] = [0; 2].map(|_| Wire::connect(proxy));
    processes.pause(0, true);
    client.command(&[b"GET", sick.as_bytes()]);
    let (replies, _) = pipelined(&mut other, &vec![format!("GET {well}"); 100]);
    assert!(replies.iter().all(|reply| reply == r"$1\r\nv\r\n"), "{replies:?}");
    let stream = client.stream();
    stream.set_nonblocking(true).unwrap();
    let waits = stream.peek(&mut [0]).is_err();
    stream.set_nonblocking(false).unwrap();
    assert!(waits, "a hundred commands for another node were answered in less than the deadline of one");
    assert!(text(&client.reply().unwrap()).starts_with("-TRYAGAIN"));
    processes.pause(0, false);
}

#[test]
fn what_spans_nodes_or_waits_is_answered_in_time_too() {
    let processes = start(1, "");
    let proxy = processes.proxies()[0];
    let [sick, well] = keys(proxy, processes.nodes()[0]);
    for (lines, outcome) in [
        (vec![format!("MGET {sick} {well}")], "-TRYAGAIN"),
        (vec!["DBSIZE".to_owned()], "-TRYAGAIN"),
        (vec![format!("BLPOP list{{{sick}}} 0.1")], "-MAYBE"),
        (vec!["MULTI".to_owned(), format!("SET {sick} z"), "EXEC".to_owned()], "-MAYBE"),
        (vec!["SUBSCRIBE news".to_owned()], "*3"),
        (vec!["HELLO 3".to_owned(), "CLIENT TRACKING ON".to_owned()], "+OK"),
        // Now that the proxy listens to the nodes.
        (vec!["SUBSCRIBE other".to_owned()], "*3"),
    ] {
        // Each time anew: a connection that was found to be dead would refuse the next at once.
        processes.pause(0, false);
        eventually("it serves", || Wire::connect(proxy).ask(&format!("SET {sick} v")) == r"+OK\r\n");
        processes.pause(0, true);
        let (replies, took) = pipelined(&mut Wire::connect(proxy), &lines);
        let last = &replies[replies.len() - 1];
        let is_late = last.starts_with(outcome) || last.starts_with("-CLUSTERDOWN");
        assert!(is_late, "{lines:?}: {last}");
        assert!(took < DEADLINE + SLACK, "{lines:?}: {took:?}");
    }
    processes.pause(0, false);
}

#[test]
fn info_says_which_node_told_nothing_and_why() {
    for copies in [1, 2] {
        // With copies it stays a member: it is suspected only later.
        let processes = start(copies, ", failure: 30s, lease: 10s");
        let mut client = Wire::connect(processes.proxies()[0]);
        processes.pause(1, true);
        let (replies, took) = pipelined(&mut client, &["INFO".to_owned(), "PING".to_owned()]);
        assert!(took < DEADLINE + SLACK, "{took:?}");
        assert!(replies[0].contains(r"# Node node-0\r\nnode_node-0:reached=1"), "{}", replies[0]);
        assert!(
            replies[0].contains(r"# Node node-1\r\nnode_node-1:reached=0,keys=0\r\nnode_node-1_error:"),
            "{}",
            replies[0]
        );
        assert!(replies[0].contains("no reply within 1000 ms"), "{}", replies[0]);
        assert_eq!(replies[1], r"+PONG\r\n");
        processes.pause(1, false);
    }
}

#[test]
fn a_member_of_chains_that_stands_still_keeps_nobody_beyond_the_deadline() {
    // It stays a member for as long as the test looks: no failover helps.
    let processes = start(2, ", failure: 30s, lease: 10s");
    let mut client = Wire::connect(processes.proxies()[0]);
    let keys: Vec<String> = (0..50).map(|n| format!("key:{n}")).collect();
    let writes: Vec<String> = keys.iter().map(|key| format!("SET {key} v")).collect();
    let reads: Vec<String> = keys.iter().map(|key| format!("GET {key}")).collect();
    let lines: Vec<String> = writes.iter().chain(&reads).cloned().collect();
    let (replies, _) = pipelined(&mut client, &lines);
    assert!(replies.iter().all(|reply| !reply.starts_with('-')), "{replies:?}");
    processes.pause(0, true);
    let (replies, took) = pipelined(&mut client, &lines);
    assert!(took < DEADLINE + SLACK, "{took:?}");
    let (written, read) = replies.split_at(keys.len());
    let told = |reply: &String| reply.starts_with("-MAYBE ") || reply.starts_with("-TRYAGAIN ");
    assert!(written.iter().all(|reply| reply == r"+OK\r\n" || told(reply)), "{written:?}");
    assert!(read.iter().all(|reply| reply == r"$1\r\nv\r\n" || reply.starts_with("-TRYAGAIN ")), "{read:?}");
    let is_served = |reply: &&String| !reply.starts_with('-');
    for half in [written, read] {
        let served = half.iter().filter(is_served).count();
        assert!((1..keys.len()).contains(&served), "those of the other nodes, and no others: {half:?}");
    }
    processes.pause(0, false);
    processes.await_service();
}
