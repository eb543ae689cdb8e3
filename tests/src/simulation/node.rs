//! A simulated node: the acceptor and the replicas of a real one, with a disk that can forget.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ringmaster_node::cluster::Ticket;
use ringmaster_node::cluster::acceptor::Acceptor;
use ringmaster_node::cluster::claims::{Claims, Seat};
use ringmaster_node::cluster::posts::Posts;
use ringmaster_node::cluster::replica::{Access, Asker, Late, Replica, Shared};
use ringmaster_node::cluster::row::{Role, Row};
use ringmaster_protocol::extension::{Ask, Claim, Operation, Outcome, Rule, Rules, Say};
use ringmaster_protocol::heartbeat::{Beat, NodeState, Pulse};
use ringmaster_protocol::register::{Answer, Refusal, Request};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, ClusterId, Epoch, Incarnation, MemberIndex, Version, View};

use super::command::{self, Command};
use super::content::{Keys, Record};
use super::message::{ConnectionId, Down, Id, Response, Up};

/// Bytes of recent operations and of held ones that a node keeps; small, so that runs meet their end.
const RECENT_BYTES: usize = 16 << 10;
const HELD_BYTES: usize = 256 << 10;

/// How much of its data a node has after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All that was written.
    All,
    /// The register, and so many records of the slots.
    Some(usize),
    /// Not even the register: it is another data directory.
    Nothing,
}

/// Answers, each with the connection on which it goes.
pub type Answers = Vec<(ConnectionId, Down)>;

/// One slot of a node.
#[derive(Debug)]
pub struct Slot {
    /// Which.
    pub slot: HashSlot,
    /// Its place in its chain.
    pub replica: Replica,
    /// What it holds.
    pub keys: Keys,
    /// Epoch of the view that it has adopted.
    adopted: Epoch,
}

/// A node.
#[derive(Debug)]
pub struct Node {
    /// Its name, as views have it.
    pub name: String,
    /// Its data directory.
    pub incarnation: Incarnation,
    /// Its process.
    pub boot: Boot,
    /// Whether the process runs.
    pub is_up: bool,
    /// Milliseconds by which its clock is ahead.
    pub ahead_ms: u64,
    /// Its slots.
    pub slots: Vec<Slot>,
    /// Whether it says that it is about to stop.
    pub is_leaving: bool,
    acceptor: Acceptor,
    /// What it keeps for proxies.
    posts: Posts,
    /// What the disk has of the register.
    register: Vec<u8>,
    /// What it has of the slots, by the slot's place, oldest first.
    disk: Vec<(usize, Record)>,
    shared: Shared,
    /// By what each connection is attached, if it is.
    attached: BTreeMap<ConnectionId, Seat>,
    claims: Claims,
    /// Who waits for a late answer.
    waiting: BTreeMap<Ticket, (ConnectionId, Id)>,
    last_ticket: u64,
}

impl Node {
    /// A blank node.
    #[must_use]
    pub fn new(name: String, incarnation: Incarnation, boot: Boot, slots: &[HashSlot], rules: Rules) -> Self {
        let shared = Shared { rules, ..Shared::new(RECENT_BYTES, HELD_BYTES) };
        let acceptor = Acceptor::default();
        let register = acceptor.encode();
        Self {
            name,
            incarnation,
            boot,
            is_up: true,
            ahead_ms: 0,
            slots: slots.iter().map(|slot| Slot::recover(*slot, 0, &[])).collect(),
            is_leaving: false,
            acceptor,
            posts: Posts::default(),
            register,
            disk: Vec::new(),
            shared,
            attached: BTreeMap::new(),
            claims: Claims::default(),
            waiting: BTreeMap::new(),
            last_ticket: 0,
        }
    }

    /// The view that it knows to be decided.
    #[must_use]
    pub fn view(&self) -> Option<&Arc<View>> {
        self.acceptor.committed()
    }

    /// Records of its slots on its disk.
    #[must_use]
    pub fn written(&self) -> usize {
        self.disk.len()
    }

    /// The process ends; what the disk has stays.
    pub fn crash(&mut self) {
        self.is_up = false;
        // It was made durable before each answer; so it is as it was in memory.
        self.register = self.acceptor.encode();
        self.attached.clear();
        self.claims = Claims::default();
        self.waiting.clear();
    }

    /// A new process starts, on what is left of the data; `drawn` names it, and its directory where that is new.
    pub fn restart(&mut self, kept: Kept, drawn: u128) {
        let left = match kept {
            Kept::All => self.disk.len(),
            Kept::Some(count) => count,
            Kept::Nothing => {
                self.incarnation = Incarnation(drawn);
                self.register = Acceptor::default().encode();
                0
            }
        };
        self.disk.truncate(left);
        self.boot = Boot(drawn);
        self.acceptor = Acceptor::decode(&self.register).expect("the register is whole");
        let slots: Vec<HashSlot> = self.slots.iter().map(|slot| slot.slot).collect();
        let recovered = slots.iter().enumerate().map(|(at, slot)| Slot::recover(*slot, at, &self.disk));
        self.slots = recovered.collect();
        let Shared { rules, .. } = self.shared;
        self.shared = Shared { rules, ..Shared::new(RECENT_BYTES, HELD_BYTES) };
        self.posts = Posts::default();
        (self.is_up, self.is_leaving) = (true, false);
    }

    /// Takes a message.
    pub fn receive(&mut self, now: Duration, from: ConnectionId, message: Up) -> Answers {
        match message {
            Up::Attach { id, cluster, epoch, incarnation, boot, claim } => {
                self.attach((from, id), (cluster, epoch), (incarnation, boot), claim)
            }
            Up::Command { id, slot, command, unless, is_any, .. } => {
                let (response, late) = self.command((from, slot), now, (&command, unless, is_any));
                let mut answers = vec![(from, Down::Response { id, response })];
                answers.extend(late);
                answers
            }
            Up::Ask { id, ask } => self.ask(now, (from, id), ask),
            Up::Beat { id, beat } => {
                let pulse = Box::new(self.beat(now, &beat));
                vec![(from, Down::Pulse { id, pulse })]
            }
            Up::Register { id, incarnation, request } => {
                let answer = self.register(incarnation, &request);
                let (incarnation, boot) = (self.incarnation, self.boot);
                vec![(from, Down::Answer { id, answer, incarnation, boot })]
            }
        }
    }

    fn attach(
        &mut self,
        (from, id): (ConnectionId, Id),
        (cluster, epoch): (ClusterId, Epoch),
        (incarnation, boot): (Incarnation, Boot),
        claim: Option<Claim>,
    ) -> Answers {
        let committed = self.acceptor.epoch();
        let is_own = incarnation == self.incarnation && boot == self.boot;
        let is_own = is_own || !self.shared.rules.keep(Rule::BootsAreEntries);
        let is_own = is_own && self.acceptor.cluster() == Some(cluster);
        self.attached.remove(&from);
        let claim = claim.filter(|_| self.shared.rules.keep(Rule::LatestConnectionOnly));
        if is_own && epoch <= committed && epoch > Epoch::default() {
            let seat = claim.map_or_else(|| Some(Seat::new(epoch)), |claim| self.claims.take(&claim, epoch));
            if let Some(seat) = seat {
                self.attached.insert(from, seat);
                return Vec::new();
            }
        }
        vec![(from, Down::Detached { id, committed })]
    }

    /// Its clock: each node's is some milliseconds ahead of the world's.
    fn unix_millis(&self, now: Duration) -> u64 {
        now.as_millis() as u64 + self.ahead_ms
    }

    /// Slots with something due of which it is the head, where others have to be told.
    fn due(&self, now: Duration) -> Vec<HashSlot> {
        let time = self.unix_millis(now);
        let is_due = |slot: &&Slot| slot.replica.row().is_head_of_several() && slot.keys.state.is_due(time);
        self.slots.iter().filter(is_due).map(|slot| slot.slot).collect()
    }

    fn beat(&mut self, now: Duration, beat: &Beat) -> Pulse {
        self.posts.keep(now, beat.proxy, beat.post.clone());
        let cluster = self.acceptor.cluster();
        let lease = match cluster {
            Some(own) if beat.cluster != ClusterId::default() && own != beat.cluster => {
                Answer::Refused(Refusal::Foreign(own))
            }
            _ => self.acceptor.answer(&Request::Confirm { epoch: beat.epoch }).answer,
        };
        let state = match (self.is_leaving, self.acceptor.is_blank()) {
            (true, _) => NodeState::Leaving,
            (_, true) => NodeState::Blank,
            _ => NodeState::Ready,
        };
        Pulse {
            cluster,
            epoch: self.acceptor.epoch(),
            incarnation: self.incarnation,
            boot: self.boot,
            is_durable: false,
            state,
            lease,
            posts: self.posts.of_others(now, beat.proxy),
            used_memory: 0,
            keys: 0,
            pressure: 0,
            excess: 0,
            due: self.due(now),
            clock_ms: self.unix_millis(now),
        }
    }

    fn register(&mut self, incarnation: Incarnation, request: &Request) -> Answer {
        if incarnation != Incarnation::default() && incarnation != self.incarnation {
            return Answer::Refused(Refusal::Reborn(self.incarnation));
        }
        self.acceptor.answer(request).answer
    }

    /// The slot's place, when the connection is attached; the slot has adopted the committed view then.
    fn place(&mut self, from: ConnectionId, slot: HashSlot) -> Result<(usize, Epoch, Vec<Late>), Say> {
        let stale = Say::Stale(self.acceptor.epoch());
        let attached = self.attached.get(&from).ok_or(stale.clone())?.epoch();
        let place = self.slots.iter().position(|known| known.slot == slot).ok_or(stale)?;
        let late = self.adopt(place);
        Ok((place, attached, late))
    }

    /// Has a slot adopt the committed view.
    fn adopt(&mut self, place: usize) -> Vec<Late> {
        let Some(view) = self.acceptor.committed().cloned() else { return Vec::new() };
        let slot = &mut self.slots[place];
        if slot.adopted >= view.epoch() {
            return Vec::new();
        }
        slot.adopted = view.epoch();
        let own = view.members().iter().position(|member| member.name.as_str() == self.name);
        let own = own.map(|at| MemberIndex::new(at as u16));
        let entry = view.chain(slot.slot).entries.iter().find(|entry| Some(entry.member) == own);
        let boot = match entry {
            Some(entry) if !self.shared.rules.keep(Rule::BootsAreEntries) => entry.boot,
            _ => self.boot,
        };
        let born = slot.replica.born();
        let mut late = Vec::new();
        slot.replica.adopt(Row::of(&view, slot.slot, own, boot), &mut slot.keys, &self.shared, &mut late);
        if slot.replica.born() > born {
            slot.keys.unwritten.push(Record::Born(slot.replica.born()));
        }
        self.write(place);
        late
    }

    /// Has all slots adopt the committed view, as a node does that has time.
    pub fn adopt_all(&mut self) -> Answers {
        let late = (0..self.slots.len()).flat_map(|place| self.adopt(place)).collect::<Vec<_>>();
        self.late(late)
    }

    fn write(&mut self, place: usize) {
        let records = std::mem::take(&mut self.slots[place].keys.unwritten);
        self.disk.extend(records.into_iter().map(|record| (place, record)));
    }

    fn late(&mut self, late: Vec<Late>) -> Answers {
        let known = |(ticket, say)| {
            let (connection, id) = self.waiting.remove(&ticket)?;
            Some((connection, Down::Say { id, say }))
        };
        late.into_iter().filter_map(known).collect()
    }

    fn command(
        &mut self,
        (from, slot): (ConnectionId, HashSlot),
        now: Duration,
        order: (&Command, Option<Version>, bool),
    ) -> (Response, Answers) {
        let (place, attached, late) = match self.place(from, slot) {
            Ok(placed) => placed,
            Err(refusal) => return (Response::Refused(refusal), Vec::new()),
        };
        let late = self.late(late);
        let shared = self.shared.clone();
        let time = self.unix_millis(now);
        let response = self.slots[place].command(attached, &shared, time, order);
        self.write(place);
        (response, late)
    }

    fn ask(&mut self, now: Duration, (from, id): (ConnectionId, Id), ask: Ask) -> Answers {
        let say = |say| vec![(from, Down::Say { id, say })];
        match ask {
            Ask::Fence { slots, epoch } => return say(self.fence(from, &slots, epoch)),
            Ask::Report { slots } => return say(self.report(from, &slots)),
            _ => {}
        }
        let Some(slot) = ask.slot() else { return say(Say::Stale(self.acceptor.epoch())) };
        let (place, attached, mut late) = match self.place(from, slot) {
            Ok(placed) => placed,
            Err(refusal) => return say(refusal),
        };
        self.last_ticket += 1;
        let asker = Asker { ticket: Ticket(self.last_ticket), attached };
        self.waiting.insert(asker.ticket, (from, id));
        let Slot { replica, keys, .. } = &mut self.slots[place];
        if let Some(say) = replica.ask(ask, asker, keys, (&self.shared, now), &mut late) {
            late.push((asker.ticket, say));
        }
        self.write(place);
        self.late(late)
    }

    fn fence(&mut self, from: ConnectionId, slots: &[HashSlot], epoch: Epoch) -> Say {
        if !self.attached.contains_key(&from) {
            return Say::Stale(self.acceptor.epoch());
        }
        let all = self.slots.iter_mut().filter(|slot| slots.contains(&slot.slot));
        all.for_each(|slot| slot.replica.fence(epoch));
        Say::Done
    }

    /// Needs no role, and no attachment to a chain that is lost.
    fn report(&mut self, from: ConnectionId, slots: &[HashSlot]) -> Say {
        if !self.attached.contains_key(&from) {
            return Say::Stale(self.acceptor.epoch());
        }
        let all = self.slots.iter().filter(|slot| slots.contains(&slot.slot));
        Say::Reports(all.map(|slot| slot.replica.report(slot.slot)).collect())
    }

    /// Tells those that have waited long enough.
    pub fn wake(&mut self, now: Duration) -> Answers {
        let mut late = Vec::new();
        for slot in &mut self.slots {
            slot.replica.poll(&self.shared, now, &mut late);
        }
        self.late(late)
    }

    /// When [`Node::wake`] is to be called.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Duration> {
        self.slots.iter().filter_map(|slot| slot.replica.wakes_at()).min()
    }
}

impl Slot {
    fn recover(slot: HashSlot, place: usize, disk: &[(usize, Record)]) -> Self {
        let records = disk.iter().filter(|(at, _)| *at == place).map(|(_, record)| record);
        let (keys, born, history) = Keys::recover(records);
        Self { slot, replica: Replica::recovered(born, history), keys, adopted: Epoch::default() }
    }

    fn command(
        &mut self,
        attached: Epoch,
        shared: &Shared,
        now: u64,
        (command, unless, is_any): (&Command, Option<Version>, bool),
    ) -> Response {
        let access = match command.is_read() {
            true if is_any => Access::ReadAny,
            true => Access::Read,
            false => Access::Execute,
        };
        if let Err(refusal) = self.replica.check(attached, access, shared) {
            return Response::Refused(refusal);
        }
        match unless.map(|version| self.replica.history().has(version)) {
            Some(Some(true)) => return Response::Done(Vec::new(), Outcome::HasIt),
            Some(None) => return Response::Done(Vec::new(), Outcome::Forgotten),
            _ => {}
        }
        // The head decides time, and so does a chain of one; a tail that knows better asks for it.
        let time = self.keys.time.max(now);
        let is_due = self.keys.state.is_due(time);
        if command.is_read() && command.is_timed() && is_due && self.replica.row().is_shared {
            return Response::Expiring;
        }
        let (replies, effects) = self.keys.state.clone().execute(command, time);
        let version = self.replica.history().version();
        let is_idle = effects.is_empty() && (!is_due || self.replica.row().role != Role::Head);
        if is_idle {
            return Response::Done(replies, Outcome::Saw(version));
        }
        let operation = Operation {
            previous: version,
            new: self.replica.next_version(),
            time,
            effects: command::encode(&effects),
        };
        let mut encoded = Vec::new();
        let passing = operation.passing(&mut encoded);
        let applied = ringmaster_node::cluster::replica::Content::apply(&mut self.keys, &passing);
        applied.expect("it was made here");
        self.replica.executed(&passing, shared);
        let is_alone = !self.replica.row().is_shared;
        let made = if is_alone { Outcome::Alone(operation.new) } else { Outcome::Made(operation) };
        Response::Done(replies, made)
    }
}
