//! Writes that go as most do, in little memory.
//!
//! A write to a slot whose chain is settled, and in which nothing else is under way, needs no more than to be remembered
//! on its way from entry to entry. It is held here, in a few cache lines that the next one uses again. As soon as
//! anything else happens in its slot, all of the slot's writes are put into its line as what they are, and go on there:
//!
//! ```text
//! write ──settled, no line──► at the head ──operation──► at entry 1 … last ──lease held──► answered
//!                                  └───────── anything else ─────────┴──► the line of the slot
//! ```
//! Anything else is: a command that is no such write, a reply that is no operation, another answer than Done, a loss, a
//! view, an answer out of its client's order, no lease, and [`PATIENCE`].

use std::time::Duration;

use bytes::Bytes;
use ringmaster_protocol::extension::Operation;
use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};
use ringmaster_protocol::view::{Boot, Chain, Epoch};

use super::action::{ClientId, Command, Kind, OperationId, Wire};
use super::operation::{Active, State};

/// Time after which a write is put into its line, where all timeouts are kept.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);

/// The reply of most writes.
const OK: &[u8] = b"+OK\r\n";

/// Most writes under way; a power of two.
const WRITES_MAX: usize = 1 << 20;

/// Bits of a [`Wire`]: its kind, the entry, the place here. The serial number of the write is above them.
const ENTRY_BITS: u32 = 4;
const PLACE_BITS: u32 = 20;
const SERIAL_BITS: u32 = 36;

/// A buffer that is larger than this is given back.
const KEEP_BYTES: usize = 1 << 10;

/// No place.
const NONE: u32 = u32::MAX;

/// A write under way.
#[derive(Debug)]
pub(super) struct Write {
    /// Rises with each write; below 2^[`SERIAL_BITS`].
    serial: u64,
    pub(super) id: OperationId,
    client: ClientId,
    begun: Duration,
    slot: HashSlot,
    /// Place of the entry at which it is; behind the last it waits to be answered. [`FREE`] where nothing is held.
    entry: u8,
    /// The next write of the slot.
    next: u32,
    request_len: u32,
    operation_len: u32,
    /// The request, the operation that the head made of it, and its reply unless that is OK.
    bytes: Vec<u8>,
}

/// Nothing is held at this place.
const FREE: u8 = (1 << ENTRY_BITS) - 1;

/// The writes of one slot, in their order.
#[derive(Clone, Copy, Debug)]
struct List {
    first: u32,
    last: u32,
    count: u32,
}

const EMPTY: List = List { first: NONE, last: NONE, count: 0 };

/// What a line has to know of the view under which the writes of a slot were sent.
#[derive(Clone, Copy)]
pub(super) struct Sent<'v> {
    pub(super) epoch: Epoch,
    pub(super) chain: &'v Chain,
    pub(super) tries: u64,
}

/// All such writes.
#[derive(Debug)]
pub(super) struct Plain {
    writes: Vec<Write>,
    free: Vec<u32>,
    lists: Box<[List]>,
    serial: u64,
    looks_at: Duration,
}

impl Plain {
    pub(super) fn new() -> Self {
        let lists = vec![EMPTY; SLOT_COUNT].into();
        Self { writes: Vec::new(), free: Vec::new(), lists, serial: 0, looks_at: Duration::ZERO }
    }

    /// None, and no serial number is used again.
    pub(super) fn anew(&self) -> Self {
        Self { serial: self.serial, ..Self::new() }
    }

    /// Writes under way.
    pub(super) fn len(&self) -> usize {
        self.writes.len() - self.free.len()
    }

    /// Writes under way in a slot.
    #[inline]
    pub(super) fn count(&self, slot: HashSlot) -> usize {
        self.lists[index(slot)].count as usize
    }

    /// Takes a write that is sent to its head; `None` if there are too many.
    #[inline]
    pub(super) fn begin(
        &mut self,
        (id, client, slot): (OperationId, ClientId, HashSlot),
        request: &[u8],
        now: Duration,
    ) -> Option<Wire> {
        let place = self.place()?;
        self.serial = (self.serial + 1) & ((1 << SERIAL_BITS) - 1);
        let write = &mut self.writes[place as usize];
        (write.serial, write.id, write.client, write.slot) = (self.serial, id, client, slot);
        (write.begun, write.entry, write.next) = (now, 0, NONE);
        (write.request_len, write.operation_len) = (length(request.len())?, 0);
        write.bytes.extend_from_slice(request);
        let wire = write.wire(place);
        if self.len() == 1 {
            self.looks_at = now + PATIENCE;
        }
        let list = &mut self.lists[index(slot)];
        let last = std::mem::replace(&mut list.last, place);
        list.count += 1;
        match last {
            NONE => list.first = place,
            last => self.writes[last as usize].next = place,
        }
        Some(wire)
    }

    /// A place that holds nothing.
    #[inline]
    fn place(&mut self) -> Option<u32> {
        if let Some(place) = self.free.pop() {
            return Some(place);
        }
        let place = length(self.writes.len()).filter(|_| self.writes.len() < WRITES_MAX)?;
        self.writes.push(Write {
            serial: 0,
            id: OperationId(0),
            client: ClientId(0),
            begun: Duration::ZERO,
            slot: HashSlot::default(),
            entry: FREE,
            next: NONE,
            request_len: 0,
            operation_len: 0,
            bytes: Vec::new(),
        });
        Some(place)
    }

    /// The place of the write that waits for this answer.
    #[inline]
    fn find(&self, wire: Wire) -> Option<u32> {
        let place = place_of(wire)?;
        (self.writes.get(place as usize)?.wire(place) == wire).then_some(place)
    }

    /// The slot of the write that waits for this answer.
    pub(super) fn slot_of(&self, wire: Wire) -> Option<HashSlot> {
        self.find(wire).map(|place| self.writes[place as usize].slot)
    }

    /// The write that waits for this answer, by its number.
    pub(super) fn operation_of(&self, wire: Wire) -> Option<OperationId> {
        self.find(wire).map(|place| self.writes[place as usize].id)
    }

    /// The head of the write has made this operation of it; the message to the next entry is `wire`.
    #[inline]
    pub(super) fn made(&mut self, wire: Wire, operation: &[u8], reply: &[u8]) -> Option<(HashSlot, Wire)> {
        let place = self.find(wire)?;
        let write = &mut self.writes[place as usize];
        if write.entry != 0 {
            return None;
        }
        write.operation_len = length(operation.len())?;
        write.bytes.extend_from_slice(operation);
        if reply != OK {
            write.bytes.extend_from_slice(reply);
        }
        write.entry = 1;
        Some((write.slot, write.wire(place)))
    }

    /// The entry of the write has applied it: its slot, the entry that is next, and the message to that.
    #[inline]
    pub(super) fn applied(&mut self, wire: Wire) -> Option<(HashSlot, usize, Wire)> {
        let place = self.find(wire)?;
        let write = &mut self.writes[place as usize];
        if write.entry == 0 {
            return None;
        }
        write.entry += 1;
        Some((write.slot, usize::from(write.entry), write.wire(place)))
    }

    /// The operation of the write, to be handed to the next entry.
    #[inline]
    pub(super) fn operation(&self, wire: Wire) -> Option<&[u8]> {
        place_of(wire).and_then(|place| self.writes.get(place as usize)).map(Write::operation)
    }

    /// Whether nothing that its client sent before this write is under way in its slot.
    #[inline]
    pub(super) fn is_in_order(&self, wire: Wire) -> bool {
        let Some(place) = place_of(wire) else { return false };
        let client = self.writes[place as usize].client;
        let before = self.places(self.writes[place as usize].slot).take_while(|before| *before != place);
        before.map(|before| &self.writes[before as usize]).all(|write| write.client != client)
    }

    /// Takes out the write that all entries have applied: whose it is and its reply. The second says whether it was the
    /// last of its slot.
    #[inline]
    pub(super) fn finish(&mut self, wire: Wire) -> Option<(OperationId, Bytes, bool)> {
        let place = place_of(wire)?;
        let slot = self.writes[place as usize].slot;
        let before = self.places(slot).take_while(|before| *before != place).last();
        let write = &mut self.writes[place as usize];
        let (id, reply, next) = (write.id, write.reply(), write.next);
        write.clear();
        self.free.push(place);
        match before {
            Some(before) => self.writes[before as usize].next = next,
            None => self.lists[index(slot)].first = next,
        }
        let list = &mut self.lists[index(slot)];
        list.count -= 1;
        if next == NONE {
            list.last = before.unwrap_or(NONE);
        }
        Some((id, reply, list.count == 0))
    }

    fn places(&self, slot: HashSlot) -> impl Iterator<Item = u32> {
        let first = Some(self.lists[index(slot)].first);
        let next = |place: &u32| Some(self.writes[*place as usize].next).filter(|next| *next != NONE);
        std::iter::successors(first.filter(|first| *first != NONE), next)
    }

    /// Takes all writes of a slot out, in their order, as what they are in its line.
    pub(super) fn take_slot(&mut self, slot: HashSlot, sent: Sent<'_>) -> Vec<Active> {
        let places: Vec<u32> = self.places(slot).collect();
        self.lists[index(slot)] = EMPTY;
        let take = |place: u32| {
            let write = &mut self.writes[place as usize];
            let active = write.active(place, sent);
            write.clear();
            self.free.push(place);
            active
        };
        places.into_iter().map(take).collect()
    }

    /// All slots with writes.
    pub(super) fn slots(&self) -> Vec<HashSlot> {
        self.slots_of(|_| true)
    }

    /// When the writes are to be looked at for their age.
    pub(super) fn looks_at(&self) -> Option<Duration> {
        (self.len() > 0).then_some(self.looks_at)
    }

    /// The slots of the writes that have waited for long, if it is time to look.
    pub(super) fn old(&mut self, now: Duration) -> Vec<HashSlot> {
        if self.looks_at().is_none_or(|at| now < at) {
            return Vec::new();
        }
        self.looks_at = now + PATIENCE;
        self.slots_of(|write| write.begun + PATIENCE <= now)
    }

    fn slots_of(&self, is_meant: impl Fn(&Write) -> bool) -> Vec<HashSlot> {
        let held = self.writes.iter().filter(|write| write.entry != FREE && is_meant(write));
        let mut slots: Vec<HashSlot> = held.map(|write| write.slot).collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }
}

impl Write {
    #[inline]
    fn wire(&self, place: u32) -> Wire {
        let above = self.serial << PLACE_BITS | u64::from(place);
        Wire((above << ENTRY_BITS | u64::from(self.entry)) << 1 | 1)
    }

    fn request(&self) -> &[u8] {
        &self.bytes[..self.request_len as usize]
    }

    fn operation(&self) -> &[u8] {
        let from = self.request_len as usize;
        &self.bytes[from..from + self.operation_len as usize]
    }

    /// The reply, once there is one.
    fn reply(&self) -> Bytes {
        match &self.bytes[(self.request_len + self.operation_len) as usize..] {
            [] => Bytes::from_static(OK),
            reply => Bytes::copy_from_slice(reply),
        }
    }

    fn clear(&mut self) {
        self.entry = FREE;
        self.bytes.clear();
        self.bytes.shrink_to(KEEP_BYTES);
    }

    fn active(&self, place: u32, Sent { epoch, chain, tries }: Sent<'_>) -> Active {
        let request = Bytes::copy_from_slice(self.request());
        let (client, slot, kind) = (self.client, self.slot, Kind::Write);
        let command = Command { client, slot, kind, request, is_behind_reads: false };
        let entry = usize::from(self.entry);
        let state = match entry {
            0 => State::Executing(self.wire(place)),
            _ if entry < chain.entries.len() => State::Passing(self.wire(place), entry),
            _ => State::Finished,
        };
        let sent_to = chain.entries.first().map_or(Boot::default(), |head| head.boot);
        let new = Active::new(self.id, command, self.begun);
        let sent = Active { state, sent_at: epoch, sent_in: tries, changed: chain.changed, sent_to, ..new };
        if entry == 0 {
            return sent;
        }
        // It was whole when it came.
        let operation = Operation::decode(&Bytes::copy_from_slice(self.operation())).ok();
        let version = operation.as_ref().map(|operation| operation.new);
        Active { version, had_under: Some(chain.changed), operation, reply: self.reply(), ..sent }
    }
}

/// The place of a write, if the answer is to one.
#[inline]
fn place_of(wire: Wire) -> Option<u32> {
    let place = wire.0 >> (1 + ENTRY_BITS) & (WRITES_MAX as u64 - 1);
    (wire.0 & 1 == 1).then_some(u32::try_from(place).ok()?)
}

fn index(slot: HashSlot) -> usize {
    usize::from(slot.number())
}

fn length(len: usize) -> Option<u32> {
    u32::try_from(len).ok()
}
