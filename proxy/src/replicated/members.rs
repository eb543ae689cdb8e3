//! The connections of a thread to the members of the view that serve slots.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::extension::{Ask, Attach, MESSAGE_BYTES_MAX, Preface};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Member, MemberIndex, View};
use tokio::time::sleep;

use super::inbox::{Event, Inbox};
use super::lane::{DataLane, OTHER_VIEW, Reading, Sender, Sending};
use super::walking::{Place, Untold};
use crate::chain::{Handed, Links, Target, Wire};
use crate::link::{Answers, Asks, LinkLimits};
use crate::output::Output;
use crate::shared::Shared;
use crate::telemetry::NodeStatus;
use crate::traces::Tracer;
use crate::upstream::{LANES, Lane, TakePart, Upstream, UpstreamContext};

/// Time that a member which serves nothing any more has for its last answers.
const LAST_ANSWERS: Duration = Duration::from_millis(250);

/// The connections to one process.
struct MemberLinks {
    member: Member,
    status: Arc<NodeStatus>,
    lanes: [Option<DataLane>; LANES],
    asks: Asks,
}

impl MemberLinks {
    fn is_of(&self, member: &Member) -> bool {
        let known = &self.member;
        (known.boot, known.incarnation) == (member.boot, member.incarnation)
            && (&known.name, &known.address) == (&member.name, &member.address)
    }

    /// Ends all connections when their last answers have come, or had the time to.
    fn leave(self) {
        let upstreams: Vec<Rc<Upstream>> =
            self.lanes.iter().flatten().map(|lane| Rc::clone(lane.upstream())).collect();
        // Dropping the lanes retires them: they close when nobody waits for them any more.
        drop(self);
        tokio::task::spawn_local(async move {
            sleep(LAST_ANSWERS).await;
            upstreams.iter().for_each(|upstream| upstream.abandon());
        });
    }
}

/// The connections to all members that serve slots.
pub(super) struct Members {
    /// By place in the view.
    links: Vec<Option<MemberLinks>>,
    view: Option<Arc<View>>,
    untold: Untold,
    inbox: Rc<Inbox>,
    reading: Reading,
    sender: Rc<Sender>,
    shared: Arc<Shared>,
    context: Rc<UpstreamContext>,
}

impl Members {
    pub(super) fn new(
        inbox: &Rc<Inbox>,
        reading: Reading,
        shared: &Arc<Shared>,
        context: &Rc<UpstreamContext>,
    ) -> Self {
        let (inbox, shared, context) = (Rc::clone(inbox), Arc::clone(shared), Rc::clone(context));
        let sender = Rc::new(Sender::new());
        Self {
            links: Vec::new(),
            view: None,
            untold: Untold::default(),
            inbox,
            reading,
            sender,
            shared,
            context,
        }
    }

    /// Takes over a view: connections to processes that serve on are kept.
    pub(super) fn adopt(&mut self, view: &Arc<View>) {
        let chains = HashSlot::all().flat_map(|slot| &view.chain(slot).entries);
        let serving: HashSet<MemberIndex> = chains.map(|entry| entry.member).collect();
        let mut old: Vec<MemberLinks> = std::mem::take(&mut self.links).into_iter().flatten().collect();
        for (member, place) in view.members().iter().zip(0..) {
            let is_serving = serving.contains(&MemberIndex::new(place));
            let links = is_serving.then(|| {
                let known = old.iter().position(|links| links.is_of(member));
                known.map_or_else(|| self.open(member), |known| old.swap_remove(known))
            });
            self.links.push(links);
        }
        old.into_iter().for_each(MemberLinks::leave);
        self.view = Some(Arc::clone(view));
        self.untold = Untold::of(view);
        for place in 0..self.links.len() {
            // So that the first command does not wait, and it is known whether the node answers.
            self.lane(place, Lane::FIRST);
        }
    }

    fn open(&self, member: &Member) -> MemberLinks {
        let topology = self.shared.topology.load();
        let timeouts = &topology.file().timeouts;
        let limits = LinkLimits {
            connect: timeouts.connect.duration(),
            silence: timeouts.request.duration(),
            reply_bytes_max: MESSAGE_BYTES_MAX,
        };
        let answers = Rc::clone(&self.inbox) as Rc<dyn Answers>;
        MemberLinks {
            member: member.clone(),
            status: self.shared.nodes.status_of_member(member),
            lanes: [const { None }; LANES],
            asks: Asks::open(member.address.to_string(), limits, &self.shared.credentials, answers),
        }
    }

    fn lane(&mut self, place: usize, lane: Lane) -> Option<&DataLane> {
        let links = self.links.get_mut(place)?.as_mut()?;
        let (status, context, inbox) = (&links.status, &self.context, &self.inbox);
        let open = || {
            let upstream = Upstream::open(Arc::clone(status), lane, Rc::clone(context));
            DataLane::new(upstream, lane, inbox, &self.reading, &self.sender)
        };
        Some(links.lanes[lane.index()].get_or_insert_with(open))
    }

    fn attach(&self, place: usize) -> Option<Attach> {
        let (view, links) = (self.view.as_ref()?, self.links.get(place)?.as_ref()?);
        let Member { incarnation, boot, .. } = links.member;
        Some(Attach { cluster: view.cluster(), epoch: view.epoch(), incarnation, boot })
    }

    /// As whom a connection to `to` is attached; `None` if the view has another process there by now.
    fn attach_to(&self, to: &Target) -> Option<Attach> {
        let attach = self.attach(to.member.index())?;
        (attach.boot == to.boot && attach.epoch == to.epoch).then_some(attach)
    }

    /// Sends a command; it is [lost](Event::Lost) if that cannot be now.
    pub(super) fn execute(&mut self, wire: Wire, to: &Target, lane: Lane, request: &[u8], writes: bool) {
        let attach = self.attach_to(to);
        let (Some(attach), Some(lane)) = (attach, self.lane(to.member.index(), lane)) else {
            self.inbox.fail(Event::Lost(wire, false));
            return;
        };
        let sending = Sending { attach: &attach, at_least: to.changed, request, writes };
        lane.execute(wire, &sending);
    }

    /// Sends a read straight to the tail of its slot; `false` if it is to go through the chains.
    #[inline]
    pub(super) fn read(
        &self,
        client: &Rc<Output>,
        (slot, request): (HashSlot, &[u8]),
        lane: Lane,
        wanted: bool,
    ) -> bool {
        let Some((tail, changed)) = self.reading.straight.tail(slot) else { return false };
        let links = self.links.get(tail.index()).and_then(Option::as_ref);
        let lane = links.and_then(|links| links.lanes[lane.index()].as_ref());
        let attach = || self.attach(tail.index());
        lane.is_some_and(|lane| lane.read(client, (slot, request), (changed, wanted), attach))
    }

    /// Asks about a slot; `false` if that cannot be now.
    pub(super) fn ask(&self, wire: Wire, to: &Target, ask: &Ask) -> bool {
        self.ask_for(wire, to, ask, None)
    }

    /// As [`Members::ask`], with this in front.
    pub(super) fn ask_for(&self, wire: Wire, to: &Target, ask: &Ask, preface: Option<&Preface>) -> bool {
        let Some(attach) = self.attach_to(to) else { return false };
        let links = self.links[to.member.index()].as_ref();
        links.is_some_and(|links| links.asks.ask_for(wire.0, (&attach, to.changed), ask, preface))
    }

    /// What is traced here.
    #[inline]
    pub(super) fn tracer(&self) -> &Tracer {
        &self.context.tracer
    }

    /// What a member is called.
    pub(super) fn name_of(&self, member: MemberIndex) -> &str {
        let links = self.links.get(member.index()).and_then(Option::as_ref);
        links.map_or("", |links| links.status.name())
    }

    /// Has an entry apply an operation, which is there as bytes; `false` if that cannot be now.
    #[inline]
    pub(super) fn apply(&self, handed: &Handed, operation: &[u8], preface: Option<&Preface>) -> bool {
        let Some(attach) = self.attach_to(&handed.to) else { return false };
        let links = self.links[handed.to.member.index()].as_ref();
        let to = (handed.slot, handed.since);
        let attach = (&attach, handed.to.changed);
        links.is_some_and(|links| links.asks.apply(handed.wire.0, attach, to, operation, preface))
    }

    /// The number of the connection over which the thread hears of keys that change at a member.
    pub(super) fn line_to(&self, member: MemberIndex) -> Option<u64> {
        let links = self.links.get(member.index()).and_then(Option::as_ref)?;
        self.context.lines.of(links.status.address())
    }

    /// Sends part `index` of a command for several members.
    pub(super) fn send_part(
        &mut self,
        member: MemberIndex,
        lane: Lane,
        request: &[u8],
        (to, index): (&Rc<dyn TakePart>, u32),
    ) {
        let attach = self.attach(member.index());
        let (Some(attach), Some(lane)) = (attach, self.lane(member.index(), lane)) else {
            return Rc::clone(to).take_part(index, OTHER_VIEW);
        };
        let sending = Sending { attach: &attach, at_least: attach.epoch, request, writes: false };
        lane.send_part(to, index, &sending);
    }

    /// The member that tells of `slot`; `None` while there is no view.
    pub(super) fn tail(&self, slot: HashSlot) -> Option<MemberIndex> {
        self.view.as_ref().map(|view| view.tail(slot))
    }

    /// Whether every slot between these places is told of by a node, if all are asked.
    pub(super) fn tell_of(&self, from: Place, to: Place) -> bool {
        !self.untold.has_one(from, to)
    }

    /// Some bits of the process that serves the reads of `slot` by its chain; `None` while there is no view.
    pub(super) fn process_that_reads(&self, slot: HashSlot) -> Option<u16> {
        let boot = self.view.as_ref()?.chain(slot).tail().boot;
        #[expect(clippy::cast_possible_truncation, reason = "drawn at random: any of them will do")]
        let some = boot.0 as u16;
        Some(some)
    }

    /// The members that serve slots, in the order of their names, which is not that of a view.
    pub(super) fn by_name(&self) -> Vec<(MemberIndex, Arc<NodeStatus>)> {
        let known = self.links.iter().zip(0..);
        let mut members: Vec<_> = known
            .filter_map(|(links, place)| Some((MemberIndex::new(place), Arc::clone(&links.as_ref()?.status))))
            .collect();
        members.sort_by(|one, other| one.1.name().cmp(other.1.name()));
        members
    }
}

impl Links for Members {
    fn is_up(&self, member: MemberIndex) -> bool {
        let Some(Some(links)) = self.links.get(member.index()) else { return false };
        let first = links.lanes[Lane::FIRST.index()].as_ref();
        links.asks.is_up() && first.is_some_and(|lane| !lane.upstream().is_down())
    }
}
