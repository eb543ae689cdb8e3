//! Members that keep logs: what they have and have promised after a restart.

use std::convert::Infallible;

use ringmaster_node::config::{Config, Persistence};
use ringmaster_node::log::Fsync;
use ringmaster_node::{Node, offline};
use ringmaster_protocol::extension::{Ask, Outcome, Say, refusal};
use ringmaster_protocol::heartbeat::NodeState;
use ringmaster_protocol::register::{Answer, Refusal};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, ClusterId, Epoch, Incarnation, SlotChains, Version, View};

use super::pair::{Pair, Wire, node, view};

/// A node that keeps everything in `directory`.
fn durable_node(directory: &std::path::Path) -> Node {
    let any = "127.0.0.1:0".parse().unwrap();
    let (data_dir, persistence, fsync) = (directory.to_owned(), Persistence::Wal, Fsync::Always);
    let config =
        Config { listen: any, admin: any, threads: 1, persistence, fsync, data_dir, ..Config::default() };
    Node::start(config).unwrap()
}

/// What a member says of two slots: started empty, and version.
fn reported(pair: &mut Pair, at: usize) -> Vec<(Epoch, Version)> {
    pair.asks[at].ask(9, &Ask::Report { slots: vec![HashSlot::of(b"k"), HashSlot::of(b"other")] });
    let (_, Say::Reports(reports)) = pair.asks[at].said() else { panic!("no reports") };
    reports.iter().map(|report| (report.born, report.history.version())).collect()
}

#[test]
fn members_with_logs_come_back_with_their_slots_and_their_promises() {
    for with_snapshot in [false, true] {
        let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let nodes = || directories.each_ref().map(|directory| durable_node(directory.path()));
        let mut pair = Pair::of(nodes());
        pair.write(&["SET", "k", "v"]);
        let (note, _) = pair.data[0].noted(&["SET", "other", "w"]);
        assert!(matches!(note, Some(Outcome::Made(_))), "{note:?}");
        let slot = HashSlot::of(b"other");
        pair.asks[0].ask(1, &Ask::Export { slot });
        let (_, Say::Contents(contents)) = pair.asks[0].said() else { panic!("no contents") };
        pair.asks[1].ask(2, &Ask::Import { slot, since: Epoch(1), contents });
        assert_eq!(pair.asks[1].said(), (2, Say::Done));
        if with_snapshot {
            for at in 0..2 {
                assert_eq!(Wire::to(&pair.nodes[at]).call(&[b"SAVE"]), b"+OK\r\n");
            }
        }
        pair.write(&["APPEND", "k", "w"]);
        let before = reported(&mut pair, 1);
        let old = pair.identities.clone();
        pair.stop();

        let mut pair = Pair::blank(nodes());
        for (at, (incarnation, boot)) in old.into_iter().enumerate() {
            let pulse = pair.data[at].pulse(1);
            assert_eq!((pulse.epoch, pulse.state, pulse.is_durable), (Epoch(1), NodeState::Ready, true));
            assert_eq!(pulse.incarnation, incarnation);
            assert_ne!(pulse.boot, boot, "another process");
            pair.identities.push((pulse.incarnation, pulse.boot));
            pair.attach(at, 1);
        }
        assert_eq!(refusal(&pair.data[1].noted(&["GET", "k"]).1), Some(Epoch(1)), "it is no entry any more");
        assert_eq!([reported(&mut pair, 0), reported(&mut pair, 1)], [before.clone(), before]);
        let again = view(2, &pair.identities, &[0, 1]);
        pair.commit(&again);
        (0..2).for_each(|at| pair.attach(at, 2));
        assert_eq!(pair.data[1].noted(&["GET", "k"]).1, b"$2\r\nvw\r\n");
        assert_eq!(pair.data[1].noted(&["GET", "other"]).1, b"$1\r\nw\r\n");
        pair.stop();
    }
}

/// All slots began anew in the second view.
fn reborn(chains: &mut SlotChains) {
    let Ok(()) = chains.alter_all(|chain| {
        chain.born = Epoch(2);
        Ok::<_, Infallible>(())
    });
}

#[test]
fn what_a_slot_lost_before_it_began_anew_does_not_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let version = |changed, n| Version { changed: Epoch(changed), n };
    let mut pair = Pair::of([durable_node(directory.path()), node()]);
    for n in 1..=5 {
        let (note, _) = pair.data[0].noted(&["RPUSH", "k", "x"]);
        let Some(Outcome::Made(operation)) = note else { panic!("{note:?}") };
        assert_eq!(operation.new.n, n);
    }
    let mut parts = view(2, &pair.identities, &[0]).parts();
    reborn(&mut parts.chains);
    let anew = View::new(parts).unwrap();
    pair.commit(&anew);
    pair.attach(0, 2);
    let (note, _) = pair.data[0].noted(&["SET", "k", "new"]);
    assert_eq!(note, Some(Outcome::Alone(version(2, 1))));
    pair.stop();

    let mut pair = Pair::blank([durable_node(directory.path()), node()]);
    let pulse = pair.data[0].pulse(2);
    pair.identities.push((pulse.incarnation, pulse.boot));
    pair.attach(0, 2);
    assert_eq!(reported(&mut pair, 0)[0], (Epoch(2), version(2, 1)));
    let foreign = plain_view_of_another_cluster(&pair.identities);
    let answer = pair.data[0].commit(&foreign);
    assert!(matches!(answer, Answer::Refused(Refusal::Foreign(ClusterId(1)))), "{answer:?}");
    let mut parts = view(3, &[pair.identities[0], (Incarnation(9), Boot(9))], &[0]).parts();
    reborn(&mut parts.chains);
    assert!(matches!(pair.data[0].commit(&View::new(parts).unwrap()), Answer::Committed));
    pair.attach(0, 3);
    assert_eq!(pair.data[0].noted(&["GET", "k"]).1, b"$3\r\nnew\r\n");
    pair.stop();
    let any_file = std::path::Path::new(env!("CARGO_MANIFEST_PATH"));
    let refused = offline::import(directory.path(), any_file, &mut |_| {}).err().unwrap().to_string();
    assert!(refused.contains("belongs to a member"), "{refused}");
}

/// A second view of another cluster, with these nodes.
fn plain_view_of_another_cluster(identities: &[(Incarnation, Boot)]) -> View {
    let mut parts = view(3, identities, &[0]).parts();
    parts.cluster = ClusterId(2);
    View::new(parts).unwrap()
}

#[test]
fn a_directory_without_its_register_is_refused_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    durable_node(directory.path()).stop();
    for name in ["register-a", "register-b"] {
        std::fs::remove_file(directory.path().join(name)).unwrap();
    }
    let any = "127.0.0.1:0".parse().unwrap();
    let (data_dir, persistence) = (directory.path().to_owned(), Persistence::Wal);
    let config = Config { listen: any, admin: any, threads: 1, persistence, data_dir, ..Config::default() };
    let why = Node::start(config).err().expect("it does not start").to_string();
    assert!(why.contains("both copies of the register are missing"), "{why}");
    assert!(why.contains("start with an empty one"), "{why}");
}
