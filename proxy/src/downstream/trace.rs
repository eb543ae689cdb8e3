//! A command that is traced: carried out as any other, and looked at from its coming to its reply.

use std::rc::Rc;

use ringmaster_protocol::command::{self, Spec};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::trace::TraceContext;
use ringmaster_runtime::traces::Value;

use super::Connection;
use crate::output::Sequence;
use crate::thread::Routes;
use crate::traces::Traced;

/// A command while it is carried out, of which its client or the countdown says that it is traced.
pub(super) struct Tracing {
    /// What its client said that it is a part of.
    parent: Option<Box<TraceContext>>,
    /// `None` where the client says that nothing of it is recorded.
    begun: Option<Begun>,
}

/// One that is recorded.
struct Begun {
    traced: Rc<Traced>,
    route: Vec<(&'static str, Value)>,
    /// Where its reply will stand, and the bytes that its client had waiting before.
    place: Sequence,
    held_bytes: usize,
    /// The command that was current before.
    before: Option<Rc<Traced>>,
}

impl Connection {
    /// Whether the next command is, or its client says what it is a part of.
    #[inline]
    pub(super) fn is_traced(&self) -> bool {
        self.thread.tracer().is_due() || self.session.parent.is_some()
    }

    /// Begins to trace the command at hand of so many bytes, which is carried out next, if it is one to be traced.
    #[cold]
    pub(super) fn begin_trace(
        &mut self,
        args: Args<'_>,
        bytes: usize,
        routes: &mut Routes,
    ) -> Option<Box<Tracing>> {
        let spec = command::resolve(&args).ok().filter(|spec| self.is_one(spec))?;
        let parent = self.session.parent.take();
        let thread = Rc::clone(&self.thread);
        let traces = thread.tracer().traces()?;
        if parent.as_ref().is_some_and(|parent| !parent.is_sampled) {
            return Some(Box::new(Tracing { parent, begun: None }));
        }
        let traced = Traced::begin(traces, spec, parent.as_deref().copied());
        self.describe(&traced, (spec, args), bytes);
        let begun = Begun {
            route: self.route_of((spec, args), routes),
            place: self.output.next_place(),
            held_bytes: self.output.bytes(),
            before: thread.tracer().replace(Some(Rc::clone(&traced))),
            traced,
        };
        Some(Box::new(Tracing { parent, begun: Some(begun) }))
    }

    /// The command was carried out, or has to wait and comes again: what its client said of it stays for then.
    #[cold]
    pub(super) fn end_trace(&mut self, tracing: Tracing, is_done: bool) {
        let Tracing { parent, begun } = tracing;
        if !is_done {
            self.session.parent = parent;
        }
        let Some(Begun { traced, route, place, held_bytes, before }) = begun else { return };
        self.thread.tracer().replace(before);
        if !is_done {
            traced.forget();
        } else if self.output.trace(place, &traced) {
            traced.routed(route);
        } else {
            traced.answered_here(self.output.bytes().saturating_sub(held_bytes));
        }
    }

    /// Whether a command is one to be traced. A transaction is one, at its end.
    fn is_one(&self, spec: &Spec) -> bool {
        let is_queued = self.is_in_transaction() && !matches!(spec.name, "exec" | "discard");
        !is_queued && !matches!(spec.name, "client|trace" | "multi")
    }

    /// Says of a command what is known before it is sent; never a key, a value or an argument.
    fn describe(&self, traced: &Traced, (spec, args): (&'static Spec, Args<'_>), bytes: usize) {
        let (keys, slot) = keys_of(spec, args);
        traced.note("db.namespace", u64::from(self.session.database));
        traced.note("ringmaster.keys", keys);
        if let Some(slot) = slot {
            traced.note("ringmaster.slot", u64::from(slot.number()));
        }
        traced.note("ringmaster.request.bytes", bytes);
        let user = self.session.login.user().name();
        traced.note("user.name", String::from_utf8_lossy(user).into_owned());
    }

    /// Where a command goes, as far as that is one place.
    fn route_of(
        &self,
        (spec, args): (&'static Spec, Args<'_>),
        routes: &mut Routes,
    ) -> Vec<(&'static str, Value)> {
        let (_, Some(slot)) = keys_of(spec, args) else { return Vec::new() };
        let mut route: Vec<(&'static str, Value)> =
            vec![("ringmaster.slot", u64::from(slot.number()).into())];
        match &self.replicated {
            Some(replicated) => {
                let (epoch, chain) = replicated.chain_of(slot);
                route.push(("ringmaster.epoch", epoch.0.into()));
                route.push(("ringmaster.chain", chain.join(" > ").into()));
            }
            None => {
                let (topology, links) = routes.parts();
                let node = links.node(topology.node_of(slot).index()).name().to_owned();
                route.push(("ringmaster.chain", node.into()));
            }
        }
        route
    }
}

/// How many keys a command names, and the slot of all, where it is one.
fn keys_of(spec: &'static Spec, args: Args<'_>) -> (usize, Option<HashSlot>) {
    let mut positions: Vec<u32> = Vec::new();
    // Arguments that contradict themselves name no keys.
    let _ = spec.key_positions(&args, &mut positions);
    let mut slots = positions.iter().filter_map(|at| args.get(*at as usize)).map(HashSlot::of);
    let first = slots.next();
    (positions.len(), first.filter(|first| slots.all(|slot| slot == *first)))
}
