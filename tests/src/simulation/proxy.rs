//! A simulated proxy: the chains and the proposer of a real one, its connections, its clock.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringmaster_protocol::cluster_file::ReadFrom;
use ringmaster_protocol::extension::{Claim, Rules, Say};
use ringmaster_protocol::register::Answer;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, ClusterId, Epoch, Incarnation, MemberIndex, View};
use ringmaster_proxy::chain::{
    Action, Answered, Chains, ClientId, Command as Submitted, Kind, Limits, Links, Moment, OperationId,
    Target, Told as ToldBytes, Wire,
};

use super::clock::Clock;
use super::command::{Command, Reply};
use super::control::Order;
use super::message::{Down, Id, NodeId, Response, Up};
use super::mind::Mind;

/// What a connection is for: what is held on one never delays another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Commands, answered in their order.
    Data,
    /// Questions about slots.
    Chain,
    /// What a view is prepared with.
    Control,
    /// To the acceptor.
    Register,
}

/// A node and what for.
pub type Port = (NodeId, Class);

/// What the world is to do.
#[derive(Debug)]
pub enum Output {
    /// Send this, on a new connection where there is none.
    Send(Port, Up),
    /// End the connection: nothing comes over it any more.
    Close(Port),
    /// Tell a client what came of its command, by its number.
    Answer(usize, Told),
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The replies.
    Done(Vec<Reply>),
    /// It was not executed.
    NotExecuted,
    /// It may have been.
    Maybe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Wire(Wire),
    /// A read that went straight to its tail: which command of the run, and of which client.
    Read(usize, u64),
    Control(Id),
}

/// What a proxy knows of one of its connections.
#[derive(Debug, Default)]
struct Link {
    /// How it is attached.
    attached: Option<(Epoch, Incarnation, Boot)>,
    /// Which connection it is; 0 when the next is another.
    generation: u64,
    /// The numbers of the attaches that were sent.
    attaches: BTreeSet<Id>,
    /// Questions without an answer, and when they were sent.
    unanswered: BTreeMap<Id, (Owner, Duration)>,
    /// After a loss nothing is sent until then.
    down_until: Duration,
}

/// What a proxy is started with.
#[derive(Debug)]
pub struct Start {
    /// Its name: no other process has it.
    pub name: u128,
    /// The rules that are kept.
    pub rules: Rules,
    /// Of its chains.
    pub limits: Limits,
    /// The names of all nodes there ever are.
    pub names: Vec<String>,
    /// Where reads go.
    pub read_from: ReadFrom,
    /// A connection on which a question has waited so long is closed.
    pub answer_max: Duration,
    /// Who changes its views.
    pub mind: Mind,
}

/// A proxy.
#[derive(Debug)]
pub struct Proxy {
    name: u128,
    /// The clock by which it does all.
    pub clock: Clock,
    /// Its views.
    pub control: Mind,
    chains: Chains,
    links: BTreeMap<Port, Link>,
    last_id: Id,
    /// Replies by the number that stands for them as bytes.
    replies: Vec<Vec<Reply>>,
    /// Which command of the run each operation is.
    numbers: BTreeMap<OperationId, usize>,
    commands: BTreeMap<usize, (HashSlot, Command)>,
    names: Vec<String>,
    read_from: ReadFrom,
    answer_max: Duration,
    checks_at: Duration,
    /// Reads under way that went straight, by client.
    reads: BTreeMap<u64, usize>,
    out: Vec<Output>,
}

/// Which members answer, as a proxy knows now.
struct Answering {
    up: Vec<bool>,
}

impl Links for Answering {
    fn is_up(&self, member: MemberIndex) -> bool {
        self.up.get(member.index()).copied().unwrap_or_default()
    }
}

impl Proxy {
    /// One that has just started.
    #[must_use]
    pub fn new(start: Start, clock: Clock, now: Duration) -> Self {
        let Start { name, rules, limits, names, read_from, answer_max, mind } = start;
        let now = clock.shows(now);
        Self {
            name,
            clock,
            control: mind,
            chains: Chains::new(rules, limits),
            links: BTreeMap::new(),
            last_id: 0,
            replies: Vec::new(),
            numbers: BTreeMap::new(),
            commands: BTreeMap::new(),
            names,
            read_from,
            answer_max,
            checks_at: now,
            reads: BTreeMap::new(),
            out: Vec::new(),
        }
    }

    /// The view by which it sends commands.
    #[must_use]
    pub fn view(&self) -> Option<&Arc<View>> {
        self.chains.view()
    }

    /// When [`Proxy::poll`] is to be called, by the world's clock.
    #[must_use]
    pub fn wakes_at(&self) -> Duration {
        let chains = self.chains.wakes_at().unwrap_or(self.checks_at);
        self.clock.when(chains.min(self.checks_at).min(self.control.wakes_at()))
    }

    /// A client's command, the `number`th of the run.
    pub fn submit(
        &mut self,
        world: Duration,
        number: usize,
        client: u64,
        (slot, command): (HashSlot, &Command),
    ) -> Vec<Output> {
        self.commands.insert(number, (slot, command.clone()));
        let kind = match (command.is_read(), self.read_from) {
            (true, ReadFrom::Any) => Kind::ReadAny(number),
            (true, ReadFrom::Tail) => Kind::Read,
            (false, _) => Kind::Write,
        };
        if kind == Kind::Read && self.reads_straight(world, number, client, (slot, command)) {
            return std::mem::take(&mut self.out);
        }
        let submitted = self.submitted(number, client, (slot, kind));
        self.with_chains(world, |proxy, moment, out| {
            proxy.numbers.insert(id_of(number), number);
            proxy.chains.submit(id_of(number), submitted, moment, out);
        })
    }

    fn submitted(&self, number: usize, client: u64, (slot, kind): (HashSlot, Kind)) -> Submitted {
        let request = Bytes::copy_from_slice(&(number as u64).to_le_bytes());
        let is_behind_reads = self.reads.contains_key(&client);
        Submitted { client: ClientId(client), slot, kind, request, is_behind_reads }
    }

    /// Sends a read straight to its tail, if the chain is settled and nothing of the slot is under way.
    fn reads_straight(
        &mut self,
        world: Duration,
        number: usize,
        client: u64,
        (slot, command): (HashSlot, &Command),
    ) -> bool {
        let now = self.clock.shows(world);
        let straight = Rc::clone(self.chains.straight());
        let (Some((tail, changed)), Some(view)) = (straight.tail(slot), self.chains.view().cloned()) else {
            return false;
        };
        let to = Target { member: tail, boot: view.member(tail).boot, epoch: view.epoch(), changed };
        let Some((node, incarnation)) = self.resolve(&to) else { return false };
        let port = (node, Class::Data);
        if self.links.get(&port).is_some_and(|link| link.down_until > now) {
            return false;
        }
        straight.begin(slot);
        *self.reads.entry(client).or_default() += 1;
        self.attach(port, (to.epoch, incarnation, to.boot), changed);
        let id = self.draw(port, Owner::Read(number, client), now);
        let command = command.clone();
        let message = Up::Command { id, slot, number: Some(number), command, is_any: false, unless: None };
        self.out.push(Output::Send(port, message));
        true
    }

    /// The tail answered a read that went straight, or will not: the client is told, or it begins anew.
    fn read_ended(
        &mut self,
        world: Duration,
        (number, client): (usize, u64),
        response: Option<Response>,
    ) -> Vec<Output> {
        let slot = self.commands[&number].0;
        let straight = Rc::clone(self.chains.straight());
        let held = straight.held(self.clock.shows(world), self.control.lease());
        let replies = match response {
            Some(Response::Done(replies, _)) => Some(replies),
            Some(Response::Expiring | Response::Refused(_)) | None => None,
        };
        let is_answered = straight.finish(slot, replies.is_some() && straight.is_held(slot, held));
        if let Some(count) = self.reads.get_mut(&client) {
            *count -= 1;
        }
        self.reads.retain(|_, count| *count > 0);
        if is_answered {
            self.out.push(Output::Answer(number, Told::Done(replies.unwrap_or_default())));
            return self.with_chains(world, |proxy, moment, out| proxy.chains.go_on(slot, moment, out));
        }
        let submitted =
            Submitted { is_behind_reads: false, ..self.submitted(number, client, (slot, Kind::Read)) };
        self.with_chains(world, |proxy, moment, out| {
            proxy.numbers.insert(id_of(number), number);
            proxy.chains.again(id_of(number), submitted, moment, out);
        })
    }

    /// Time has passed.
    pub fn poll(&mut self, world: Duration) -> Vec<Output> {
        let now = self.clock.shows(world);
        if self.checks_at <= now {
            self.checks_at = now + Duration::from_millis(50);
            self.close_silent(world, now);
        }
        self.control.poll(now);
        self.with_chains(world, |proxy, moment, out| proxy.chains.poll(moment, out))
    }

    /// A message came.
    pub fn receive(&mut self, world: Duration, port: Port, message: Down) -> Vec<Output> {
        let now = self.clock.shows(world);
        match message {
            Down::Detached { id, committed } => return self.detached(world, port, (id, committed)),
            Down::Response { id, response } => {
                if matches!(response, Response::Refused(Say::Fenced(_))) {
                    self.detach(port);
                }
                match self.take(port, id) {
                    Some(Owner::Wire(wire)) => {
                        let answered = self.answered(response);
                        return self.with_chains(world, |proxy, moment, out| {
                            proxy.chains.answered(wire, answered, moment, out);
                        });
                    }
                    Some(Owner::Read(number, client)) => {
                        return self.read_ended(world, (number, client), Some(response));
                    }
                    Some(Owner::Control(_)) | None => {}
                }
            }
            Down::Say { id, say } if say_fenced(&say) && self.detach(port) => {
                return self.receive(world, port, Down::Say { id, say });
            }
            Down::Say { id, say } => match self.take(port, id) {
                Some(Owner::Wire(wire)) => {
                    return self.with_chains(world, |proxy, moment, out| {
                        proxy.chains.said(wire, say, moment, out);
                    });
                }
                Some(Owner::Control(id)) => self.control.said(now, id, say),
                Some(Owner::Read(..)) | None => {}
            },
            Down::Pulse { id, pulse } => {
                let Some(Owner::Control(id)) = self.take(port, id) else { return Vec::new() };
                let due = self.control.heard(now, id, *pulse);
                return self.with_chains(world, |proxy, moment, out| {
                    due.into_iter().for_each(|slot| proxy.chains.tick(slot, moment, out));
                });
            }
            Down::Answer { id, answer, incarnation, boot } => {
                self.answer(now, port, id, (answer, incarnation, boot));
            }
        }
        self.with_chains(world, |_, _, _| {})
    }

    fn answer(&mut self, now: Duration, port: Port, id: Id, answer: (Answer, Incarnation, Boot)) {
        if let Some(Owner::Control(id)) = self.take(port, id) {
            self.control.answered(now, id, port.0, answer);
        }
    }

    fn answered(&mut self, response: Response) -> Answered {
        match response {
            Response::Done(replies, outcome) => {
                let reply = Bytes::copy_from_slice(&(self.replies.len() as u64).to_le_bytes());
                self.replies.push(replies);
                Answered::Done { note: Some(outcome), reply }
            }
            Response::Expiring => Answered::Expiring,
            Response::Refused(Say::Stale(epoch) | Say::Fenced(epoch)) => Answered::Refused(epoch),
            Response::Refused(_) => Answered::Refused(Epoch::default()),
        }
    }

    /// The node is behind, or another than was meant. All that was sent behind this attach, and before the next, counts
    /// as refused before anything else is sent: else a later command would overtake it.
    fn detached(&mut self, world: Duration, port: Port, (id, committed): (Id, Epoch)) -> Vec<Output> {
        let now = self.clock.shows(world);
        let Some(link) = self.links.get_mut(&port) else { return Vec::new() };
        let mut unanswered = link.unanswered.split_off(&id);
        match link.attaches.range(id + 1..).next() {
            Some(next) => link.unanswered.append(&mut unanswered.split_off(next)),
            None => link.attached = None,
        }
        link.attaches = link.attaches.split_off(&(id + 1));
        self.control.differs(now, port.0, committed);
        self.end_reads(world, &unanswered);
        self.with_chains(world, |proxy, moment, out| {
            for (owner, _) in unanswered.into_values() {
                match owner {
                    Owner::Read(..) => {}
                    Owner::Wire(wire) if port.1 == Class::Data => {
                        proxy.chains.answered(wire, Answered::Refused(committed), moment, out);
                    }
                    Owner::Wire(wire) => proxy.chains.said(wire, Say::Stale(committed), moment, out),
                    Owner::Control(id) => proxy.control.lost(now, id),
                }
            }
        })
    }

    /// Reads that went straight and are among these questions get no answer.
    fn end_reads(&mut self, world: Duration, unanswered: &BTreeMap<Id, (Owner, Duration)>) {
        for (owner, _) in unanswered.values() {
            if let Owner::Read(number, client) = owner {
                let more = self.read_ended(world, (*number, *client), None);
                self.out.extend(more);
            }
        }
    }

    /// Has the connection attached anew, by the view that is held then, before anything is sent over it; whether it was
    /// attached. A fence stops who is attached below it, also when the chain is the same afterwards.
    fn detach(&mut self, port: Port) -> bool {
        self.links.get_mut(&port).and_then(|link| link.attached.take()).is_some()
    }

    /// Its end of a connection is gone.
    pub fn closed(&mut self, world: Duration, port: Port) -> Vec<Output> {
        let now = self.clock.shows(world);
        let Some(link) = self.links.get_mut(&port) else { return Vec::new() };
        (link.attached, link.generation) = (None, 0);
        link.attaches.clear();
        link.down_until = now + Duration::from_millis(10);
        let unanswered = std::mem::take(&mut link.unanswered);
        self.end_reads(world, &unanswered);
        self.with_chains(world, |proxy, moment, out| {
            for (owner, _) in unanswered.into_values() {
                match owner {
                    Owner::Read(..) => {}
                    Owner::Wire(wire) => proxy.chains.lost(wire, true, moment, out),
                    Owner::Control(id) => proxy.control.lost(now, id),
                }
            }
        })
    }

    /// Ends connections on which a question has waited too long.
    fn close_silent(&mut self, world: Duration, now: Duration) {
        let is_silent =
            |link: &Link| link.unanswered.values().any(|(_, sent)| *sent + self.answer_max <= now);
        let silent: Vec<Port> =
            self.links.iter().filter(|(_, link)| is_silent(link)).map(|(port, _)| *port).collect();
        for port in silent {
            self.out.push(Output::Close(port));
            let more = self.closed(world, port);
            self.out.extend(more);
        }
    }

    /// Has the chains do something, then sends what they and the control side want sent.
    fn with_chains(
        &mut self,
        world: Duration,
        work: impl FnOnce(&mut Self, Moment<'_>, &mut Vec<Action>),
    ) -> Vec<Output> {
        let now = self.clock.shows(world);
        let mut actions = Vec::new();
        let links = self.links_up(now);
        let lease = self.control.lease();
        work(self, Moment { now, lease, links: &links }, &mut actions);
        if let Some(view) = self.control.view().cloned() {
            if self.chains.view().is_some_and(|known| known.cluster() != view.cluster()) {
                self.begin_anew();
            }
            let links = self.links_up(now);
            let lease = self.control.lease();
            self.chains.adopt(&view, Moment { now, lease, links: &links }, &mut actions);
        }
        actions.into_iter().for_each(|action| self.act(now, action));
        self.control.orders().into_iter().for_each(|order| self.order(now, order));
        std::mem::take(&mut self.out)
    }

    /// The cluster was founded anew, or goes on as another: versions of the one before mean nothing in it.
    fn begin_anew(&mut self) {
        self.chains = self.chains.anew();
        for number in std::mem::take(&mut self.numbers).into_values() {
            let is_read = self.commands.get(&number).is_some_and(|(_, command)| command.is_read());
            let told = if is_read { Told::NotExecuted } else { Told::Maybe };
            self.out.push(Output::Answer(number, told));
        }
    }

    fn links_up(&self, now: Duration) -> Answering {
        let Some(view) = self.control.view() else { return Answering { up: Vec::new() } };
        let is_up = |node: NodeId| {
            let link = |class| self.links.get(&(node, class));
            [Class::Data, Class::Chain]
                .into_iter()
                .all(|class| link(class).is_none_or(|link| link.down_until <= now))
        };
        let node = |name: &str| self.names.iter().position(|known| known == name);
        Answering {
            up: view.members().iter().map(|member| node(member.name.as_str()).is_some_and(is_up)).collect(),
        }
    }

    fn act(&mut self, now: Duration, action: Action) {
        match action {
            Action::Execute { wire, to, request, unless, .. } => {
                let Some((node, incarnation)) = self.resolve(&to) else { return };
                // Nobody sent RM.TICK.
                let number = (request.len() == 8).then(|| number(&request) as usize);
                let (slot, command) = match number {
                    Some(number) => self.commands[&number].clone(),
                    None => (ticked(&request), Command(Vec::new())),
                };
                let is_any = command.is_read() && self.read_from == ReadFrom::Any;
                self.attach((node, Class::Data), (to.epoch, incarnation, to.boot), to.changed);
                let id = self.draw((node, Class::Data), Owner::Wire(wire), now);
                let message = Up::Command { id, slot, number, command, is_any, unless };
                self.out.push(Output::Send((node, Class::Data), message));
            }
            Action::Ask { wire, to, ask } => {
                let Some((node, incarnation)) = self.resolve(&to) else { return };
                self.attach((node, Class::Chain), (to.epoch, incarnation, to.boot), to.changed);
                let id = self.draw((node, Class::Chain), Owner::Wire(wire), now);
                self.out.push(Output::Send((node, Class::Chain), Up::Ask { id, ask }));
            }
            Action::Answer { operation, told } => self.tell(operation, &told),
            Action::Differs { member, epoch } => {
                let Some(view) = self.chains.view().cloned() else { return };
                let name = view.member(member).name.as_str();
                if let Some(node) = self.names.iter().position(|known| known == name) {
                    self.control.differs(now, node, epoch);
                }
            }
        }
    }

    fn resolve(&self, to: &Target) -> Option<(NodeId, Incarnation)> {
        let member = self.chains.view()?.member(to.member);
        let node = self.names.iter().position(|known| known == member.name.as_str())?;
        Some((node, member.incarnation))
    }

    fn tell(&mut self, operation: OperationId, outcome: &ToldBytes) {
        let Some(number_of) = self.numbers.remove(&operation) else { return };
        let told = match outcome {
            ToldBytes::Reply(bytes) => Told::Done(self.replies[number(bytes) as usize].clone()),
            ToldBytes::NotExecuted(_) | ToldBytes::TooFewCopies => Told::NotExecuted,
            ToldBytes::Maybe(_) => Told::Maybe,
        };
        self.out.push(Output::Answer(number_of, told));
    }

    fn order(&mut self, now: Duration, order: Order) {
        match order {
            Order::Register { id, node, incarnation, request } => {
                let id = self.draw((node, Class::Register), Owner::Control(id), now);
                let message = Up::Register { id, incarnation, request };
                self.out.push(Output::Send((node, Class::Register), message));
            }
            Order::Beat { id, node, beat } => {
                let id = self.draw((node, Class::Register), Owner::Control(id), now);
                self.out.push(Output::Send((node, Class::Register), Up::Beat { id, beat }));
            }
            Order::Ask { id, node, attach, incarnation, boot, ask } => {
                self.attach((node, Class::Control), (attach, incarnation, boot), attach);
                let id = self.draw((node, Class::Control), Owner::Control(id), now);
                self.out.push(Output::Send((node, Class::Control), Up::Ask { id, ask }));
            }
        }
    }

    /// Attaches a connection anew where it is not attached so that what is decided under `changed` may go over it.
    fn attach(&mut self, port: Port, to: (Epoch, Incarnation, Boot), changed: Epoch) {
        let link = self.links.entry(port).or_default();
        let (epoch, incarnation, boot) = to;
        let fits = |attached: &(Epoch, Incarnation, Boot)| {
            (changed..=epoch).contains(&attached.0) && (attached.1, attached.2) == (incarnation, boot)
        };
        if link.attached.as_ref().is_some_and(fits) {
            return;
        }
        link.attached = Some(to);
        self.last_id += 1;
        let id = self.last_id;
        link.attaches.insert(id);
        if link.generation == 0 {
            link.generation = id;
        }
        let claim = Claim { sender: self.name, lane: 0, generation: link.generation };
        let claim = (port.1 == Class::Data).then_some(claim);
        let cluster = self.control.view().map_or(ClusterId::default(), |view| view.cluster());
        self.out.push(Output::Send(port, Up::Attach { id, cluster, epoch, incarnation, boot, claim }));
    }

    fn draw(&mut self, port: Port, owner: Owner, now: Duration) -> Id {
        self.last_id += 1;
        self.links.entry(port).or_default().unanswered.insert(self.last_id, (owner, now));
        self.last_id
    }

    fn take(&mut self, port: Port, id: Id) -> Option<Owner> {
        self.links.get_mut(&port)?.unanswered.remove(&id).map(|(owner, _)| owner)
    }
}

fn say_fenced(say: &Say) -> bool {
    matches!(say, Say::Fenced(_))
}

/// The slot of a RM.TICK: its last argument.
fn ticked(request: &[u8]) -> HashSlot {
    let text = String::from_utf8_lossy(request);
    let last = text.trim_end().rsplit("\r\n").next().and_then(|number| number.parse().ok());
    last.and_then(HashSlot::new).expect("a slot")
}

fn number(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The number of a command with the chains.
fn id_of(number: usize) -> OperationId {
    OperationId(number as u64 + 1)
}
