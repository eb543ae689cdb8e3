//! What a node says of itself and of its slots to who asks as a proxy does.

use std::net::SocketAddr;

use bytes::Bytes;
use ringmaster_protocol::extension::{Ask, Attach, Report, Say, put_ask, put_attach};
use ringmaster_protocol::heartbeat::{Beat, Pulse};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::varint;
use ringmaster_protocol::view::{ClusterId, Epoch, View};

use crate::wire::Wire;

/// How a node is; it tells its view to who knows none. `None` if it does not know heartbeats.
#[must_use]
pub fn pulse_of(node: SocketAddr) -> Option<Pulse> {
    let (cluster, post, full) = (ClusterId(0), Bytes::new(), Vec::new());
    let mut message = Vec::new();
    Beat { cluster, epoch: Epoch(0), proxy: 0, post, full }.encode(&mut message);
    let mut wire = Wire::connect(node);
    wire.command(&[b"RM.BEAT", &message]);
    Pulse::decode(&message_of(&wire.reply()?)?).ok()
}

/// The last bulk string of a frame.
fn message_of(frame: &[u8]) -> Option<Bytes> {
    let dollar = frame.iter().position(|byte| *byte == b'$')?;
    let line = dollar + frame[dollar..].iter().position(|byte| *byte == b'\n')?;
    Some(Bytes::copy_from_slice(frame.get(line + 1..frame.len() - 2)?))
}

/// A connection to one member, attached.
pub struct Asking(Wire);

impl Asking {
    /// Attaches at the epoch of `view`; `None` if the node would not.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn attach(node: SocketAddr, view: &View) -> Option<Self> {
        let pulse = pulse_of(node)?;
        let (cluster, epoch) = (view.cluster(), view.epoch());
        let attach = Attach { cluster, epoch, incarnation: pulse.incarnation, boot: pulse.boot };
        let (mut wire, mut request) = (Wire::connect(node), Vec::new());
        put_attach(&mut request, &attach);
        wire.send(&request);
        (wire.reply()? == b"+OK\r\n").then_some(Self(wire))
    }

    fn ask(&mut self, ask: &Ask) -> Say {
        let mut request = Vec::new();
        put_ask(&mut request, 1, ask);
        self.0.send(&request);
        let frame = self.0.reply().expect("the node answers");
        let message = message_of(&frame).expect("an answer carries a message");
        Say::decode(&message).expect("an answer can be read")
    }

    /// What it holds of all slots.
    ///
    /// # Panics
    /// If it says something else.
    pub fn reports(&mut self) -> Vec<Report> {
        match self.ask(&Ask::Report { slots: HashSlot::all().collect() }) {
            Say::Reports(reports) => reports,
            other => panic!("{other:?}"),
        }
    }

    /// The entries of a slot that it holds in-sync, as effects that make them, in ascending order: that of a table depends
    /// on what it has held before.
    pub fn entries(&mut self, slot: HashSlot) -> Option<Vec<Vec<u8>>> {
        match self.ask(&Ask::Export { slot }) {
            Say::Contents(contents) => Some(sorted(&contents.effects)),
            _ => None,
        }
    }
}

/// Effects one by one, each with its length before it.
fn sorted(mut rest: &[u8]) -> Vec<Vec<u8>> {
    let mut effects = Vec::new();
    while let Some(len) = varint::take(&mut rest) {
        let (effect, behind) = rest.split_at(usize::try_from(len).expect("it fits memory"));
        effects.push(effect.to_vec());
        rest = behind;
    }
    effects.sort_unstable();
    effects
}

/// The slots of which the entries of the chain differ: in their history, or, in every `sample`-th slot, in their content.
///
/// # Panics
/// If a member does not answer.
#[must_use]
pub fn unequal(view: &View, sample: usize) -> Vec<HashSlot> {
    let mut members: Vec<_> = view
        .members()
        .iter()
        .map(|member| {
            let address = member.address.to_string().parse().expect("an address of this machine");
            let mut asking = Asking::attach(address, view).expect("a member of the view");
            let reports = asking.reports();
            (asking, reports)
        })
        .collect();
    let mut unequal = Vec::new();
    for slot in HashSlot::all() {
        let entries: Vec<usize> = view.chain(slot).entries.iter().map(|entry| entry.member.index()).collect();
        let version = |at: &usize| members[*at].1[slot.index()].history.version();
        let is_equal = entries.iter().all(|at| version(at) == version(&entries[0]));
        let has_content = slot.index() % sample == 0;
        let mut content = |at: &usize| members[*at].0.entries(slot);
        let first = if has_content { content(&entries[0]) } else { None };
        if !is_equal || has_content && !entries.iter().all(|at| content(at) == first) {
            unequal.push(slot);
        }
    }
    unequal
}
