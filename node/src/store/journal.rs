//! Who hears of changes, the log and the chain: each operation as a whole, when it ends, while its slots are still held.
//!
//! An operation gathers what it does to each slot in a [`Section`], as the bytes that a record carries. A command on one
//! slot ends with its [`Operation`](super::slot::Operation); one on several when the keyspace lets go of all of them.

use std::cell::RefCell;

use ringmaster_protocol::extension::History;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Epoch, Version};
use smallvec::SmallVec;

use super::effect::Effect;
use super::effect::encoding::{encode, varint};

/// Sections that a thread keeps for its next operations.
const KEPT_SECTIONS: usize = 64;

/// What a kept section keeps of its memory.
const KEPT_BYTES: usize = 16 << 10;

/// Hears of operations.
pub trait Journal: Send + Sync {
    /// An operation that changed these slots ends. They are all held, and ascend; the order of calls for a slot is that
    /// of its versions.
    fn commit(&self, parts: &[(HashSlot, &Section)]);

    /// The content of `slot`, which is held, is another from now on: it was copied from an entry of its chain, or started
    /// empty. Who hears of operations alone needs not hear of that.
    fn replaced(&self, slot: HashSlot, whole: &Whole<'_>) {
        let _ = (slot, whole);
    }

    /// Whether it cannot keep what it hears at present: nothing is to be changed then that can wait.
    fn refuses(&self) -> bool {
        false
    }

    /// Whether [`Journal::look`] is to be called.
    fn looks(&self) -> bool {
        false
    }

    /// This thread has locked `slot` and may show what is there.
    fn look(&self, slot: HashSlot) {
        let _ = slot;
    }
}

/// The whole content of a slot.
#[derive(Clone, Copy, Debug)]
pub struct Whole<'a> {
    /// Epoch in which it started empty; 0 if it never had any.
    pub born: Epoch,
    /// The operations that it contains.
    pub history: &'a History,
    /// The slot's time in Unix milliseconds.
    pub time: u64,
    /// Effects that make it out of nothing, each with its length before it.
    pub effects: &'a [u8],
}

/// What an operation did to one slot.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// Version of the slot after it.
    pub version: Version,
    /// The slot's time in Unix milliseconds.
    pub time: u64,
    count: u64,
    bytes: Vec<u8>,
}

impl Section {
    /// What an operation did that came with its effects encoded, each with its length before it.
    #[must_use]
    pub fn of(version: Version, time: u64, effects: &[u8]) -> Self {
        let mut section = Self { version, time, count: 0, bytes: effects.to_vec() };
        section.count = section.effects().count() as u64;
        section
    }

    /// Adds an effect.
    #[inline]
    pub fn push(&mut self, effect: &Effect<'_>) {
        let start = self.bytes.len();
        self.bytes.push(0);
        encode(effect, &mut self.bytes);
        let len = self.bytes.len() - start - 1;
        if len < 0x80 {
            self.bytes[start] = len as u8;
        } else {
            self.lengthen(start, len);
        }
        self.count += 1;
    }

    /// Makes room for a length that does not fit the one byte at `start`.
    fn lengthen(&mut self, start: usize, len: usize) {
        let mut prefix = Vec::new();
        varint::put(&mut prefix, len as u64);
        self.bytes.splice(start..=start, prefix);
    }

    /// How many effects there are.
    #[inline]
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The effects, each with its length as a varint before it.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The effects one by one, as [`encode`] made them.
    pub fn effects(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let len = varint::take(&mut rest).ok()?;
            let (effect, behind) = rest.split_at(usize::try_from(len).ok()?);
            rest = behind;
            Some(effect)
        })
    }
}

thread_local! {
    /// Empty sections; boxed, so that an operation that changes nothing carries no more than an empty pointer.
    #[expect(clippy::vec_box, reason = "they are handed out in their boxes")]
    static FREE: RefCell<Vec<Box<Section>>> = const { RefCell::new(Vec::new()) };
}

#[inline]
fn take_free() -> Box<Section> {
    FREE.with(|free| free.borrow_mut().pop()).unwrap_or_default()
}

#[inline]
fn give_back(mut section: Box<Section>) {
    section.count = 0;
    section.bytes.clear();
    if section.bytes.capacity() > KEPT_BYTES {
        section.bytes = Vec::new();
    }
    FREE.with(|free| {
        let mut free = free.borrow_mut();
        if free.len() < KEPT_SECTIONS {
            free.push(section);
        }
    });
}

/// What an operation has done so far to its slot and not yet told. It tells when it is dropped.
pub(crate) struct Pending<'j> {
    journal: Option<&'j dyn Journal>,
    slot: HashSlot,
    section: Option<Box<Section>>,
    is_forgotten: bool,
}

impl<'j> Pending<'j> {
    pub(super) fn new(journal: Option<&'j dyn Journal>, slot: HashSlot) -> Self {
        Self { journal, slot, section: None, is_forgotten: false }
    }

    /// Whether somebody hears of it.
    #[inline]
    pub(super) fn is_told(&self) -> bool {
        self.journal.is_some()
    }

    /// Nobody is told of what it does.
    pub(super) fn forget(&mut self) {
        self.is_forgotten = true;
    }

    /// Ends it here: tells the journal, and `tell` the effects, each with its length as a varint before it. False if there
    /// are none.
    #[inline]
    pub(super) fn end(&mut self, tell: impl FnOnce(&[u8])) -> bool {
        let Some(section) = self.section.take() else { return false };
        if let Some(journal) = self.journal {
            journal.commit(&[(self.slot, &section)]);
        }
        tell(section.bytes());
        give_back(section);
        true
    }

    /// Notes an effect.
    #[inline]
    pub(super) fn record(&mut self, version: Version, time: u64, effect: &Effect<'_>) {
        if self.is_forgotten {
            return;
        }
        let section = self.section.get_or_insert_with(take_free);
        (section.version, section.time) = (version, time);
        section.push(effect);
    }
}

impl Drop for Pending<'_> {
    #[inline]
    fn drop(&mut self) {
        if let (Some(section), Some(journal)) = (self.section.take(), self.journal) {
            journal.commit(&[(self.slot, &section)]);
            give_back(section);
        }
    }
}

/// Tells of operations that are one; they come in the order of their slots.
pub(super) fn commit_together<'p, 'j: 'p>(pending: impl Iterator<Item = &'p mut Pending<'j>>) {
    let mut journal = None;
    let mut sections: SmallVec<[_; 4]> = SmallVec::new();
    for pending in pending {
        if let Some(section) = pending.section.take() {
            sections.push((pending.slot, section));
            journal = pending.journal;
        }
    }
    let parts: SmallVec<[(HashSlot, &Section); 4]> =
        sections.iter().map(|(slot, section)| (*slot, &**section)).collect();
    if let (Some(journal), false) = (journal, parts.is_empty()) {
        journal.commit(&parts);
    }
    drop(parts);
    sections.into_iter().for_each(|(_, section)| give_back(section));
}
