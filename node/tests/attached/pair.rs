//! Two nodes as a head and a tail, and connections as a proxy has them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringmaster_node::Node;
use ringmaster_node::config::Config;
use ringmaster_protocol::config::Millis;
use ringmaster_protocol::extension::{
    Ask, Attach, Claim, Note, Operation, Outcome, Say, put_ask, put_attach, put_attach_as, put_request,
    split_attribute,
};
use ringmaster_protocol::heartbeat::{Beat, NodeState, Pulse};
use ringmaster_protocol::register::{Answer, Request};
use ringmaster_protocol::resp::scan::Scanner;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{
    Boot, Chain, ClusterId, ConfigDigest, Entry, Epoch, Incarnation, Member, MemberIndex, SlotChains, View,
    ViewParts,
};

pub(super) fn node() -> Node {
    let any = "127.0.0.1:0".parse().unwrap();
    Node::start(Config { listen: any, admin: any, threads: 2, ..Config::default() }).unwrap()
}

pub(super) struct Wire {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Wire {
    pub(super) fn to(node: &Node) -> Self {
        let stream = TcpStream::connect(node.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { stream, input: Vec::new() }
    }

    pub(super) fn send(&mut self, request: &[u8]) {
        self.stream.write_all(request).unwrap();
    }

    /// The next whole frame.
    pub(super) fn frame(&mut self) -> Vec<u8> {
        loop {
            let len =
                if self.input.is_empty() { None } else { Scanner::default().frame(&self.input).unwrap() };
            if let Some(len) = len {
                return self.input.drain(..len).collect();
            }
            let mut more = [0; 4096];
            let count = self.stream.read(&mut more).unwrap();
            assert!(count > 0, "the node closed the connection");
            self.input.extend_from_slice(&more[..count]);
        }
    }

    pub(super) fn call(&mut self, args: &[&[u8]]) -> Vec<u8> {
        let mut request = Vec::new();
        put_request(&mut request, args);
        self.send(&request);
        self.frame()
    }

    /// A command, its note and its reply.
    pub(super) fn noted(&mut self, args: &[&str]) -> (Option<Outcome>, Vec<u8>) {
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        let frame = self.call(&args);
        taken_apart(&frame)
    }

    pub(super) fn ask(&mut self, id: u64, ask: &Ask) {
        let mut request = Vec::new();
        put_ask(&mut request, id, ask);
        self.send(&request);
    }

    pub(super) fn said(&mut self) -> (u64, Say) {
        let frame = self.frame();
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).unwrap().parse::<u64>().unwrap();
        let mut lines = frame.splitn(4, |byte| *byte == b'\n');
        assert_eq!(lines.next(), Some(&b"*2\r"[..]));
        let id = lines.next().unwrap();
        lines.next();
        let message = lines.next().unwrap();
        let say = Say::decode(&Bytes::copy_from_slice(&message[..message.len() - 2])).unwrap();
        (text(&id[1..id.len() - 1]), say)
    }

    pub(super) fn blob(&mut self, name: &[u8], message: &[u8]) -> Bytes {
        let frame = self.call(&[name, message]);
        assert_eq!(frame[0], b'$', "{}", String::from_utf8_lossy(&frame));
        let line = frame.iter().position(|byte| *byte == b'\n').unwrap();
        Bytes::copy_from_slice(&frame[line + 1..frame.len() - 2])
    }

    pub(super) fn pulse(&mut self, epoch: u64) -> Pulse {
        let beat = Beat {
            cluster: ClusterId(1),
            epoch: Epoch(epoch),
            proxy: 9,
            post: Bytes::new(),
            full: Vec::new(),
        };
        let mut message = Vec::new();
        beat.encode(&mut message);
        Pulse::decode(&self.blob(b"RM.BEAT", &message)).unwrap()
    }

    pub(super) fn commit(&mut self, view: &View) -> Answer {
        let mut message = Vec::new();
        Request::Commit { view: Arc::new(view.clone()) }.encode(&mut message);
        Answer::decode(&self.blob(b"RM.REGISTER", &message)).unwrap()
    }

    /// Attaches in the first epoch as the connection of this generation of a sender.
    pub(super) fn attach_as(&mut self, (incarnation, boot): (Incarnation, Boot), generation: u64) -> Vec<u8> {
        let mut request = Vec::new();
        let attach = Attach { cluster: ClusterId(1), epoch: Epoch(1), incarnation, boot };
        put_attach_as(&mut request, &attach, &Claim { sender: 5, lane: 2, generation });
        self.send(&request);
        self.frame()
    }

    pub(super) fn attach(&mut self, epoch: u64, incarnation: Incarnation, boot: Boot) -> Vec<u8> {
        let mut request = Vec::new();
        let attach = Attach { cluster: ClusterId(1), epoch: Epoch(epoch), incarnation, boot };
        put_attach(&mut request, &attach);
        self.send(&request);
        self.frame()
    }
}

pub(super) fn taken_apart(frame: &[u8]) -> (Option<Outcome>, Vec<u8>) {
    let (note, reply) = split_attribute(frame);
    let note = note.map(|note| Note::decode(&Bytes::copy_from_slice(note)).unwrap().outcome);
    (note, reply.to_vec())
}

/// A view of the nodes with these identities: all slots have these entries, in-sync.
pub(super) fn view(epoch: u64, identities: &[(Incarnation, Boot)], entries: &[u16]) -> View {
    let member = |(at, (incarnation, boot)): (usize, &(Incarnation, Boot))| Member {
        name: format!("n{at}").parse().unwrap(),
        address: format!("127.0.0.1:{}", at + 1).parse().unwrap(),
        zone: String::new(),
        weight: 1,
        incarnation: *incarnation,
        boot: *boot,
        is_durable: false,
        word: ringmaster_protocol::view::Word::None,
    };
    let entry = |at: &u16| Entry {
        member: MemberIndex::new(*at),
        boot: identities[usize::from(*at)].1,
        since: Epoch(1),
    };
    let entries: Vec<Entry> = entries.iter().map(entry).collect();
    let in_sync = entries.len();
    let chain = Chain { changed: Epoch(epoch), born: Epoch(1), unsealed: None, entries, in_sync };
    View::new(ViewParts {
        cluster: ClusterId(1),
        epoch: Epoch(epoch),
        members: identities.iter().enumerate().map(member).collect(),
        acceptors: vec![MemberIndex::new(0)],
        lease: Millis::new(500),
        longest_lease: Millis::new(500),
        hash_seed: 1,
        config: ConfigDigest::default(),
        superseded: Vec::new(),
        chains: SlotChains::all(chain),
    })
    .unwrap()
}

/// A head and a tail, each with a connection for data and one for questions, attached in the first epoch.
pub(super) struct Pair {
    pub(super) nodes: [Node; 2],
    pub(super) identities: Vec<(Incarnation, Boot)>,
    pub(super) data: [Wire; 2],
    pub(super) asks: [Wire; 2],
}

impl Pair {
    pub(super) fn new() -> Self {
        Self::of([node(), node()])
    }

    /// These nodes, of which nothing is known.
    pub(super) fn blank(nodes: [Node; 2]) -> Self {
        let (data, asks) = (nodes.each_ref().map(Wire::to), nodes.each_ref().map(Wire::to));
        Self { nodes, identities: Vec::new(), data, asks }
    }

    /// These nodes, in a first view.
    pub(super) fn of(nodes: [Node; 2]) -> Self {
        let mut pair = Self::blank(nodes);
        for at in 0..2 {
            let pulse = pair.data[at].pulse(0);
            assert_eq!((pulse.state, pulse.epoch), (NodeState::Blank, Epoch(0)));
            pair.identities.push((pulse.incarnation, pulse.boot));
        }
        pair.commit(&view(1, &pair.identities, &[0, 1]));
        for at in 0..2 {
            pair.attach(at, 1);
        }
        pair
    }

    pub(super) fn commit(&mut self, view: &View) {
        for wire in &mut self.data {
            assert!(matches!(wire.commit(view), Answer::Committed));
        }
    }

    pub(super) fn attach(&mut self, at: usize, epoch: u64) {
        let (incarnation, boot) = self.identities[at];
        assert_eq!(self.data[at].attach(epoch, incarnation, boot), b"+OK\r\n");
        assert_eq!(self.asks[at].attach(epoch, incarnation, boot), b"+OK\r\n");
    }

    /// Executes a command at the head, and brings it to the tail.
    pub(super) fn write(&mut self, args: &[&str]) -> Operation {
        let (note, _) = self.data[0].noted(args);
        let Some(Outcome::Made(operation)) = note else { panic!("{note:?}") };
        assert_eq!(self.apply(&operation), Say::Done);
        operation
    }

    pub(super) fn apply(&mut self, operation: &Operation) -> Say {
        let slot = HashSlot::of(b"k");
        self.asks[1].ask(5, &Ask::Apply { slot, since: Epoch(1), operation: operation.clone() });
        self.asks[1].said().1
    }

    pub(super) fn stop(self) {
        let Self { nodes, data, asks, .. } = self;
        drop((data, asks));
        nodes.into_iter().for_each(Node::stop);
    }
}
