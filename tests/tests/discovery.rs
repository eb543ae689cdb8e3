//! Nodes that are found by a name: processes, and a name server that is changed, silenced and emptied.

use ringmaster_tests::chaos::name_server::{NameServer, Naming};
use ringmaster_tests::chaos::processes::Processes;
use ringmaster_tests::wire::Wire;

/// One node or proxy as a process.
const PROGRAM: &str = env!("CARGO_BIN_EXE_member");

/// Keys that must not be missed.
const KEYS: usize = 300;

/// A cluster of three nodes that the name server tells, with keys in it.
fn started(server: &NameServer) -> Processes {
    let all = Processes::builder(PROGRAM).found_by(server).start();
    let mut wire = Wire::connect(all.proxies()[0]);
    for key in 0..KEYS {
        assert_eq!(wire.ask(&format!("SET key:{key} {key}")), r"+OK\r\n");
    }
    all
}

/// Every key is read at every proxy, and written anew.
#[track_caller]
fn nothing_is_missed(all: &Processes) {
    for proxy in all.proxies() {
        let mut wire = Wire::connect(proxy);
        for key in 0..KEYS {
            let value = key.to_string();
            assert_eq!(wire.ask(&format!("GET key:{key}")), format!(r"${}\r\n{value}\r\n", value.len()));
            assert_eq!(wire.ask(&format!("SET key:{key} {key}")), r"+OK\r\n");
        }
    }
}

#[test]
fn a_node_joins_when_the_name_server_names_it_and_keeps_its_name_at_another_address() {
    let server = NameServer::start();
    let mut all = started(&server);
    all.await_redundancy();
    all.add_node();
    all.write_file();
    all.await_entry(3);
    all.await_redundancy();
    nothing_is_missed(&all);
    all.terminate(3);
    all.restart_elsewhere(3);
    all.await_addresses();
    all.await_redundancy();
    nothing_is_missed(&all);
}

#[test]
fn a_name_server_that_is_silent_empty_or_short_of_a_node_takes_nothing_away() {
    let server = NameServer::start();
    let mut all = started(&server);
    all.await_redundancy();
    let before = all.view().expect("there is a view");
    for naming in [Naming::Silent, Naming::Empty] {
        server.answer(naming);
        server.await_questions(2);
        nothing_is_missed(&all);
    }
    all.leave_out(1, true);
    all.write_file();
    server.await_questions(2);
    all.leave_out(1, false);
    // A proxy that starts meanwhile, and has never heard of the node by its name, keeps it, too.
    all.add_node();
    all.leave_out(1, true);
    all.write_file();
    all.add_proxy();
    all.await_service();
    all.await_entry(3);
    nothing_is_missed(&all);
    let after = all.view().expect("there is a view");
    for member in before.members() {
        let index = after.member_named(&member.name).expect("it is a member yet");
        assert_eq!(after.member(index).weight, 1, "{} has its share", member.name);
    }
}

#[test]
fn a_proxy_waits_for_the_first_answer() {
    let server = NameServer::start();
    let mut all = started(&server);
    server.answer(Naming::Silent);
    let late = server.clone();
    let records = all.records();
    let answering = std::thread::spawn(move || {
        late.await_questions(3);
        late.answer(Naming::Records(records));
    });
    all.add_proxy();
    answering.join().expect("the name server is asked");
    all.await_service();
    nothing_is_missed(&all);
}
