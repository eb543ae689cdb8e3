//! The rare command that cannot be done at once: it waits for a slot or a key, walks over all slots, or is carried out
//! by others.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use ringmaster_protocol::command::Spec;
use ringmaster_protocol::extension::{Say, put_refusal};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::slot::HashSlot;

use super::{Begun, Waiting};
use crate::cluster::claims::Seat;
use crate::engine::{Journey, Sight, Turn};
use crate::server::batch::Planned;
use crate::server::connection::{Connection, Fate};
use crate::server::membership;

impl Connection {
    /// The rare command that had to wait for a slot, or that walks over all slots.
    #[cold]
    pub(super) async fn wait(
        &mut self,
        mut waiting: Waiting,
        command: &Planned,
        spec: &'static Spec,
        args: Args<'_>,
    ) -> io::Result<Fate> {
        loop {
            match waiting {
                Waiting::Slot(slot) => {
                    if let Some(text) = self.wait_unless_busy(slot).await {
                        self.refuse(text);
                        return Ok(Fate::Open);
                    }
                    // Each try may have done a part: of what is due in a hash, only so much goes at once.
                    self.look_at_clock().await;
                    match self.begin(command, spec, args) {
                        Begun::Done(fate) => return Ok(fate),
                        Begun::Waiting(again) => waiting = again,
                    }
                }
                Waiting::Walk(journey) => {
                    self.walk(journey).await;
                    self.stale = true;
                    return Ok(Fate::Open);
                }
                Waiting::Key(waiter) => {
                    self.note_wait(spec, args);
                    return self.wait_for_key(&waiter).await;
                }
                Waiting::Debug => return self.debug(args).await,
                Waiting::Snapshot => {
                    self.snapshot(spec, args).await;
                    return Ok(Fate::Open);
                }
                Waiting::Transaction(step) => {
                    return Ok(match self.must_not_ask(spec) {
                        Some(text) => self.abort_transaction(&text).await,
                        None => self.step(step, args).await,
                    });
                }
                Waiting::Script => return Ok(self.script(spec, args).await),
                Waiting::Long => {
                    self.run_aside(spec, args).await;
                    return Ok(Fate::Open);
                }
            }
        }
    }

    /// Waits until `slot` was free a moment ago; then it is later.
    pub(in crate::server::connection) async fn wait_for_slot(&mut self, slot: HashSlot) {
        let began = self.begin_wait();
        poll_fn(|context| self.worker.shared.engine.store().poll_free(slot, context)).await;
        self.stale = true;
        self.end_wait(began);
    }

    /// As [`Connection::wait_for_slot`], unless a script holds the slot that is over its time: returns the refusal
    /// then.
    pub(in crate::server::connection) async fn wait_unless_busy(
        &mut self,
        slot: HashSlot,
    ) -> Option<&'static str> {
        let began = self.begin_wait();
        let shared = &self.worker.shared;
        let refusal = poll_fn(|context| {
            let free = shared.engine.store().poll_free(slot, context);
            match shared.scripts.keeps_waiting(slot) {
                Some(text) => Poll::Ready(Some(text)),
                None => free.map(|()| None),
            }
        })
        .await;
        self.stale = true;
        self.end_wait(began);
        refusal
    }

    /// Carries a walk out. For a proxy it goes over the slots that are read here by the view of that proxy, and ends where
    /// that is not the node's any more, or the slot is fenced: all of its nodes together pass by no slot.
    pub(in crate::server::connection) async fn walk(&mut self, mut journey: Journey) {
        let seat = self.attached.clone();
        if seat.is_some() {
            journey = journey.of_several();
        }
        loop {
            journey = match self.walk_on(journey, seat.as_deref()) {
                Turn::Arrived(journey) => {
                    let mut reply = Reply::bounded(&mut self.output, self.session.protocol);
                    return self.worker.shared.engine.arrive(journey, &mut reply);
                }
                Turn::Tired(journey) => {
                    let began = self.begin_wait();
                    tokio::task::yield_now().await;
                    self.end_wait(began);
                    journey
                }
                Turn::Busy(journey, slot) => {
                    if let Some(text) = self.wait_unless_busy(slot).await {
                        return self.refuse(text);
                    }
                    journey
                }
                Turn::Overtaken => {
                    let epoch = self.worker.shared.member.epoch();
                    return put_refusal(&mut self.output, &Say::Stale(epoch));
                }
            };
        }
    }

    /// One turn of a walk, for who is attached by this seat or for everybody.
    fn walk_on(&self, journey: Journey, seat: Option<&Seat>) -> Turn {
        let shared = &self.worker.shared;
        let Some(seat) = seat else { return shared.engine.walk(journey) };
        let (store, mut late) = (shared.engine.store(), Vec::new());
        let turn = shared.engine.walk_by(journey, &mut |number, slot| {
            membership::with_place(shared, |place| slot.adopt(number, store, place, &mut late));
            // R17: asked for while the slot is held. 0, which no view has, when a later connection took its place.
            let under = seat.epoch();
            // Asked for behind the row, which may be of a later view than the epoch says.
            let is_same = shared.member.view().is_some_and(|view| view.epoch() == under);
            // A fence says that a later view may hold elsewhere, and writes be acknowledged without this node.
            let checked = slot.replica().map_or(Ok(()), |of| of.check_attached(under, store.replicas()));
            if is_same && checked.is_ok() { Sight::of(slot) } else { Sight::Changed }
        });
        membership::deliver(shared, late);
        turn
    }
}
