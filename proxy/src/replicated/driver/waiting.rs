//! Clients that wait for keys: carries out what their queues say.

use std::rc::Rc;

use ringmaster_protocol::extension::{Ask, Say};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, Epoch, View};

use super::Driver;
use crate::chain::{Target, Wire};
use crate::clock;
use crate::replicated::blocking::Waiting;
use crate::replicated::inbox::Owner;
use crate::replicated::queues::{Act, Number};

/// Numbers of questions about bells begin here: beyond those of the chains, below those about victims.
const FIRST_WIRE: u64 = 1 << 61;

/// The number of questions whose answers do not matter.
const NOBODY: Number = 0;

/// Whether an answer to this question is about a bell.
pub(super) fn is_about_bell(wire: Wire) -> bool {
    (FIRST_WIRE..2 * FIRST_WIRE).contains(&wire.0)
}

fn wire_of(number: Number) -> Wire {
    Wire(FIRST_WIRE + number)
}

impl Driver {
    /// A client waits from now on, or takes what is there.
    pub(in crate::replicated) fn join(&mut self, waiting: &Rc<Waiting>) {
        self.waiters_drawn += 1;
        let waiter = self.waiters_drawn;
        waiting.begin_waiting(waiter);
        self.waiters.insert(waiter, Rc::clone(waiting));
        self.queues.join(waiter, &waiting.wish(), waiting.keys.clone());
        self.serve_queues();
    }

    /// A client that waits was tried.
    pub(super) fn tried(&mut self, waiting: &Waiting, reply: &[u8]) {
        let Some(waiter) = waiting.waiter() else { return };
        let is_answered = waiting.is_answered_by(reply);
        let is_over = is_answered || waiting.is_over();
        if is_over {
            self.waiters.remove(&waiter);
            waiting.finish(Some(reply).filter(|_| is_answered));
        }
        self.queues.tried(waiter, is_over, clock::now());
    }

    /// The time of a client has passed, it was told to end, or has gone.
    pub(super) fn gives_up(&mut self, waiting: &Waiting) {
        let Some(waiter) = waiting.waiter().filter(|waiter| self.waiters.contains_key(waiter)) else {
            return;
        };
        if self.queues.leave(waiter) {
            self.waiters.remove(&waiter);
            waiting.finish(None);
        }
    }

    /// A question about a bell was answered, or will not be (`None`).
    pub(super) fn hung(&mut self, wire: Wire, say: Option<&Say>) {
        self.queues.hung(wire.0 - FIRST_WIRE, say == Some(&Say::Done));
    }

    /// Another view holds, or a connection was made anew: bells that hang elsewhere, or nowhere, are hung where they belong.
    pub(super) fn look_after_bells(&mut self, are_lost: bool) {
        let (Some(view), hung_at) = (self.chains.view().cloned(), &self.hung_at) else { return };
        self.queues.hang_anew(|number, queue| {
            let belongs = entry_of(&view, queue.wish.slot, queue.wish.at_tail).boot;
            are_lost || hung_at.get(&number) != Some(&belongs)
        });
    }

    /// Does what the queues say.
    pub(super) fn serve_queues(&mut self) {
        self.queues.poll(clock::now());
        while let Some(act) = self.queues.next() {
            match act {
                Act::Hang(number) => self.hang(number),
                Act::TakeDown(number) => self.take_down(number),
                Act::Try(waiter) => {
                    let Some(waiting) = self.waiters.get(&waiter).map(Rc::clone) else { continue };
                    self.submit(waiting.submission(Owner::Part(Rc::clone(&waiting) as _, 0)));
                }
            }
        }
    }

    fn hang(&mut self, number: Number) {
        let (Some(queue), Some(view)) = (self.queues.get(number), self.chains.view()) else {
            return self.queues.hung(number, false);
        };
        let (slot, at_tail) = (queue.wish.slot, queue.wish.at_tail);
        let (keys, database) = (queue.keys.clone(), queue.wish.lane.database());
        let to = entry_of(view, slot, at_tail);
        if self.hung_at.get(&number).is_some_and(|boot| *boot != to.boot) {
            self.take_down(number);
        }
        let ask = Ask::Hang { slot, at_tail, database, keys, bell: number };
        if self.members.ask(wire_of(number), &to, &ask) {
            self.hung_at.insert(number, to.boot);
        } else {
            self.queues.hung(number, false);
        }
    }

    /// Where it hangs, if that node is there still; else it went with the connection.
    fn take_down(&mut self, number: Number) {
        let (Some(boot), Some(view)) = (self.hung_at.remove(&number), self.chains.view()) else { return };
        if let Some(to) = process_of(view, boot) {
            self.members.ask(wire_of(NOBODY), &to, &Ask::TakeDown { bell: number });
        }
    }
}

/// The head of a slot, or its tail.
fn entry_of(view: &View, slot: HashSlot, at_tail: bool) -> Target {
    let chain = view.chain(slot);
    let entry = if at_tail { chain.tail() } else { chain.head() };
    Target { member: entry.member, boot: entry.boot, epoch: view.epoch(), changed: chain.changed }
}

/// A process, whatever it serves.
fn process_of(view: &View, boot: Boot) -> Option<Target> {
    let chains = view.chains().iter().flat_map(|chain| &chain.entries);
    let entry = chains.into_iter().find(|entry| entry.boot == boot)?;
    Some(Target { member: entry.member, boot, epoch: view.epoch(), changed: Epoch::FIRST })
}
