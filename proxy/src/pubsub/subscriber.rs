//! One client that is subscribed to something.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use ringmaster_protocol::acl::User;
use ringmaster_protocol::resp::Protocol;

use super::Kind;
use crate::output::Output;

/// A client with its subscriptions.
pub(crate) struct Subscriber {
    id: u64,
    output: Rc<Output>,
    protocol: Cell<Protocol>,
    names: RefCell<[BTreeSet<Rc<[u8]>>; 3]>,
    gone: Cell<bool>,
}

impl Subscriber {
    /// A client that is subscribed to nothing yet.
    pub(crate) fn new(id: u64, output: &Rc<Output>, protocol: Protocol) -> Rc<Self> {
        let output = Rc::clone(output);
        let (protocol, names) = (Cell::new(protocol), RefCell::default());
        Rc::new(Self { id, output, protocol, names, gone: Cell::new(false) })
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn output(&self) -> &Rc<Output> {
        &self.output
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.protocol.get()
    }

    /// The protocol that it speaks from now on.
    pub(crate) fn speaks(&self, protocol: Protocol) {
        self.protocol.set(protocol);
    }

    /// Number of channels, patterns and shard channels that it is subscribed to, or will be once that is confirmed.
    pub(crate) fn counts(&self) -> [u32; 3] {
        let names = self.names.borrow();
        [&names[0], &names[1], &names[2]].map(|names| u32::try_from(names.len()).unwrap_or(u32::MAX))
    }

    /// The number that a change is confirmed with: shard channels count for themselves.
    pub(super) fn confirmed(&self, kind: Kind) -> usize {
        let names = self.names.borrow();
        match kind {
            Kind::ShardChannel => names[2].len(),
            Kind::Channel | Kind::Pattern => names[0].len() + names[1].len(),
        }
    }

    pub(super) fn has(&self, kind: Kind, name: &[u8]) -> bool {
        self.names.borrow()[kind as usize].contains(name)
    }

    pub(super) fn names(&self, kind: Kind) -> Vec<Rc<[u8]>> {
        self.names.borrow()[kind as usize].iter().cloned().collect()
    }

    /// Notes a name; false if it was there.
    pub(super) fn enter(&self, kind: Kind, name: &[u8]) -> bool {
        !self.has(kind, name) && self.names.borrow_mut()[kind as usize].insert(name.into())
    }

    /// Strikes a name out; false if it was not there.
    pub(super) fn leave(&self, kind: Kind, name: &[u8]) -> bool {
        self.names.borrow_mut()[kind as usize].remove(name)
    }

    /// It gets nothing any more.
    pub(super) fn go(&self) {
        self.gone.set(true);
    }

    pub(super) fn has_gone(&self) -> bool {
        self.gone.get()
    }

    /// Takes a message: a push, which in RESP2 is an array.
    pub(super) fn receive(&self, frame: &[u8]) {
        let Some((first, rest)) = frame.split_first() else { return };
        let first = if self.protocol.get() == Protocol::Resp3 { *first } else { b'*' };
        self.output.push(first, rest);
    }

    /// Takes the word that values have changed. It stands behind what is under way: a reply with the old value must not come
    /// after it. RESP2 has no form for it.
    pub(super) fn invalidate(&self, frame: &[u8]) {
        if self.protocol.get() == Protocol::Resp3 {
            self.output.push_behind(frame);
        }
    }

    /// Whether `user` may listen to all that it is subscribed to, or will be.
    pub(crate) fn is_permitted(&self, user: &User) -> bool {
        let names = self.names.borrow();
        Kind::ALL.iter().all(|kind| {
            let is_pattern = *kind == Kind::Pattern;
            names[*kind as usize].iter().all(|name| user.may_listen(name, is_pattern))
        })
    }
}
