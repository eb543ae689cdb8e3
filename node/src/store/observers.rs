//! Who waits for something to happen to a key of a slot: transactions that watch it, clients that block on it or keep
//! its value.
//!
//! A slot that nobody observes has none of this but a null pointer; the one door looks at that pointer after each
//! change. What an observed change does here is short: it marks. The marks are read by who holds the slot, before
//! letting go of it ([`crate::engine::Engine::serve`]), and by the transaction at its EXEC.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ringmaster_protocol::extension::put_rung;

use super::effect::Effect;
use super::key::Key;
use super::saving::Saving;
use super::slot::Slot;
use super::tracked::Tracked;
use crate::mail::{Mail, Recipient};
use crate::waiting::Waiter;

/// The watch of one connection over all its watched keys: raised when one of them was changed.
#[derive(Default)]
pub struct Watch {
    is_raised: AtomicBool,
    /// Who is told at once, and by which number.
    bell: Option<(Arc<dyn Recipient>, u64)>,
}

impl Watch {
    /// One that tells `who` once when it is raised, by this number, and ends so.
    pub(crate) fn with_bell(who: Arc<dyn Recipient>, number: u64) -> Self {
        Self { is_raised: AtomicBool::new(false), bell: Some((who, number)) }
    }

    /// Whether a watched key was changed.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.is_raised.load(Ordering::Relaxed)
    }

    /// Notes a change.
    pub fn raise(&self) {
        let was_raised = self.is_raised.swap(true, Ordering::Relaxed);
        if let Some((who, number)) = self.bell.as_ref().filter(|_| !was_raised) {
            let mut rung = Vec::new();
            put_rung(&mut rung, *number);
            who.receive(Mail::Line(rung.into()));
        }
    }

    /// Whether it is raised, and nobody asks it.
    fn is_over(&self) -> bool {
        self.bell.is_some() && self.is_raised()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("is_raised", &self.is_raised()).finish_non_exhaustive()
    }
}

/// A key with its database in front: what observers are found by.
pub(super) type Name = Vec<u8>;

pub(super) fn name_of(key: Key<'_>) -> Name {
    let mut name = Vec::with_capacity(1 + key.bytes.len());
    name.push(key.database);
    name.extend_from_slice(key.bytes);
    name
}

fn key_of(name: &[u8]) -> Key<'_> {
    Key::new(&name[1..], name[0])
}

/// The clients that wait for one key, the first come first.
#[derive(Default)]
struct Queue {
    waiters: VecDeque<Arc<Waiter>>,
    /// How many of them want to know when the key goes, too.
    mourners: usize,
}

/// The observers of one slot.
#[derive(Default)]
pub(crate) struct Observers {
    watched: HashMap<Name, Vec<Arc<Watch>>>,
    waiting: HashMap<Name, Queue>,
    /// Keys with waiters that were changed and not served since.
    ready: Vec<Name>,
    /// Keys that clients have read and keep.
    pub(super) tracked: Tracked,
    /// The snapshot that is being taken of the slot.
    pub(super) saving: Option<Box<Saving>>,
}

impl Observers {
    fn is_empty(&self) -> bool {
        let nobody_else = self.tracked.is_empty() && self.saving.is_none();
        self.watched.is_empty() && self.waiting.is_empty() && nobody_else
    }

    /// Marks who observes `name`: those that watch it, and those that wait for it if the change `wakes` them.
    fn touch(&mut self, name: &Name, wakes: bool) {
        if let Some(watches) = self.watched.get_mut(name) {
            watches.iter().for_each(|watch| watch.raise());
            watches.retain(|watch| !watch.is_over());
            if watches.is_empty() {
                self.watched.remove(name);
            }
        }
        if wakes && self.waiting.contains_key(name) && !self.ready.contains(name) {
            self.ready.push(name.clone());
        }
    }

    /// The observed names of the databases for which `concerns` holds.
    fn names(&self, concerns: impl Fn(u8) -> bool) -> Vec<Name> {
        let names = self.watched.keys().chain(self.waiting.keys());
        names.filter(|name| concerns(name[0])).cloned().collect()
    }
}

impl Slot {
    /// Marks who observes a key that `effect` has changed.
    #[cold]
    pub(super) fn tell_observers(&mut self, effect: &Effect<'_>) {
        let Some(observers) = &mut self.observers else { return };
        for key in effect.keys().into_iter().flatten() {
            observers.touch(&name_of(key), effect.wakes());
        }
        self.forget_observers();
    }

    /// Marks who observes a key that `effect` is about to sweep away or bring in with a whole database, and has the
    /// snapshot keep what it is about to change.
    #[cold]
    pub(super) fn foretell_observers(&mut self, effect: &Effect<'_>) {
        self.save_images(effect);
        let Some(observers) = &self.observers else { return };
        let (swept, others) = match *effect {
            Effect::Clear { database } => {
                (observers.names(|own| database.is_none_or(|swept| swept == own)), None)
            }
            Effect::SwapDatabases { first, second } => {
                (observers.names(|own| own == first || own == second), Some((first, second)))
            }
            _ => return,
        };
        let present = |key: Key<'_>| self.find(key, self.time).is_some();
        let concerned = |name: &Name| {
            let key = key_of(name);
            let twin = others.map(|(first, second)| if key.database == first { second } else { first });
            present(key) || twin.is_some_and(|database| present(key.in_database(database)))
        };
        let touched: Vec<Name> = swept.into_iter().filter(concerned).collect();
        if let Some(observers) = &mut self.observers {
            touched.iter().for_each(|name| observers.touch(name, true));
        }
    }

    /// Raises `watch` when `key` is changed from now on.
    pub(crate) fn watch(&mut self, key: Key<'_>, watch: &Arc<Watch>) {
        let observers = self.observers.get_or_insert_default();
        observers.watched.entry(name_of(key)).or_default().push(Arc::clone(watch));
    }

    /// Ends a watch over `key`.
    pub(crate) fn unwatch(&mut self, key: Key<'_>, watch: &Arc<Watch>) {
        let Some(observers) = &mut self.observers else { return };
        let name = name_of(key);
        if let Some(watches) = observers.watched.get_mut(&name) {
            watches.retain(|known| !Arc::ptr_eq(known, watch));
            if watches.is_empty() {
                observers.watched.remove(&name);
            }
        }
        self.forget_observers();
    }

    /// Puts a waiter at the end of the queue of `key`.
    pub(crate) fn wait(&mut self, key: Key<'_>, waiter: &Arc<Waiter>) {
        let observers = self.observers.get_or_insert_default();
        let queue = observers.waiting.entry(name_of(key)).or_default();
        // A key that a command names twice comes twice in a row.
        if !queue.waiters.back().is_some_and(|last| Arc::ptr_eq(last, waiter)) {
            queue.mourners += usize::from(waiter.mourns());
            queue.waiters.push_back(Arc::clone(waiter));
        }
    }

    /// Takes a waiter out of the queue of `key`.
    pub(crate) fn stop_waiting(&mut self, key: Key<'_>, waiter: &Arc<Waiter>) {
        let Some(observers) = &mut self.observers else { return };
        let name = name_of(key);
        if let Some(queue) = observers.waiting.get_mut(&name) {
            if let Some(place) = queue.waiters.iter().position(|known| Arc::ptr_eq(known, waiter)) {
                queue.waiters.remove(place);
                queue.mourners -= usize::from(waiter.mourns());
            }
            if queue.waiters.is_empty() {
                observers.waiting.remove(&name);
            }
        }
        self.forget_observers();
    }

    /// Frees the observers when the last is gone.
    pub(super) fn forget_observers(&mut self) {
        self.observers.take_if(|observers| observers.is_empty());
    }

    /// Whether a key that clients wait for was changed.
    #[inline]
    pub(crate) fn has_ready(&self) -> bool {
        self.observers.as_ref().is_some_and(|observers| !observers.ready.is_empty())
    }

    /// The next key that clients wait for and that was changed, with its database in front.
    pub(crate) fn next_ready(&mut self) -> Option<Vec<u8>> {
        let observers = self.observers.as_mut()?;
        (!observers.ready.is_empty()).then(|| observers.ready.remove(0))
    }

    /// The waiter at `place` in the queue of `key`; if the key is `gone`, only while somebody wants to know that.
    pub(crate) fn waiter(&self, key: Key<'_>, place: usize, gone: bool) -> Option<Arc<Waiter>> {
        let queue = self.observers.as_ref()?.waiting.get(&name_of(key))?;
        if gone && queue.mourners == 0 {
            return None;
        }
        queue.waiters.get(place).cloned()
    }

    /// Clients that wait for keys of this slot; one that waits for several counts for each.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let queues = self.observers.iter().flat_map(|observers| observers.waiting.values());
        queues.map(|queue| queue.waiters.len()).sum()
    }
}
