//! Linearizability: is there an order of the calls, true to the times at which they were sent and answered, in which one
//! slot would have given these replies?
//!
//! The search is that of Wing and Gong (1993) with the memo of Lowe (2017): a set of calls that leads to a state from
//! which there is no way on is not tried again. The order that the members of the chain have is tried first, so that a
//! good history is checked in one go; it is no more than a hint.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::Version;

use super::Promises;
use crate::simulation::command::State;
use crate::simulation::history::{Call, History};

/// Steps of one search: more are needed only where the history is wrong.
const STEPS_MAX: usize = 100_000;

/// A call as the search sees it.
struct Item<'h> {
    at: usize,
    call: &'h Call,
    sent: (Duration, usize),
    /// When it was answered; never, if its outcome is not known.
    answered: Duration,
    /// The call of the same client that takes effect before it.
    behind: Option<usize>,
    /// Where the chain has it.
    hint: u64,
}

/// One step back.
struct Frame {
    /// Calls that could be next, the likely one last.
    candidates: Vec<usize>,
    /// What the calls before left.
    state: State,
    /// The call that was taken.
    taken: Option<usize>,
}

struct Search<'h> {
    items: Vec<Item<'h>>,
    done: Vec<bool>,
    certain_left: usize,
    first_left: usize,
    memo: HashSet<u64>,
}

pub(super) fn check(
    history: &History,
    slot: HashSlot,
    journal: &[Version],
    promises: Promises,
) -> Result<(), String> {
    let mut search = Search::new(items(history, slot, journal, promises));
    let (mut deepest, mut stuck) = (0, String::new());
    let mut frames = vec![search.frame(State::default())];
    for _ in 0..STEPS_MAX {
        if search.certain_left == 0 {
            return Ok(());
        }
        let depth = frames.len();
        let Some(frame) = frames.last_mut() else { break };
        if let Some(taken) = frame.taken.take() {
            search.put_back(taken);
        }
        let Some(next) = frame.candidates.pop() else {
            if depth > deepest {
                (deepest, stuck) = (depth, search.describe(&frame.state));
            }
            frames.pop();
            continue;
        };
        if let Some(state) = search.take(next, &frame.state) {
            frame.taken = Some(next);
            frames.push(search.frame(state));
        }
    }
    let against = search.against_the_chain();
    let how = if frames.is_empty() { "not linearizable" } else { "no order was found" };
    Err(format!("{how}; {against}; furthest after {deepest} calls: {stuck}"))
}

/// The calls of the slot that had an effect, or showed something, or may have had.
fn items<'h>(history: &'h History, slot: HashSlot, journal: &[Version], promises: Promises) -> Vec<Item<'h>> {
    let places: HashMap<Version, u64> = journal.iter().copied().zip(1..).collect();
    let made: HashMap<usize, u64> = journal
        .iter()
        .zip(1..)
        .filter_map(|(version, at)| Some((history.call_of(slot, *version)?, at)))
        .collect();
    let mut last: HashMap<u64, usize> = HashMap::new();
    let mut items: Vec<Item<'h>> = Vec::new();
    for (at, call) in history.calls.iter().enumerate() {
        let is_idle = call.command.is_timed()
            || promises.leaves_out(call)
            || call.is_void()
            || (!call.is_certain() && call.command.is_read());
        if call.slot != slot || is_idle {
            continue;
        }
        let shown = history.seen_by(at).and_then(|version| places.get(&version)).copied();
        let hint = match made.get(&at) {
            Some(place) => place * 2,
            None if call.is_certain() => shown.unwrap_or_default() * 2 + 1,
            None => u64::MAX,
        };
        let behind = if call.is_certain() { last.insert(call.client, items.len()) } else { None };
        let answered = call.certain_at().unwrap_or(Duration::MAX);
        items.push(Item { at, call, sent: call.invoked, answered, behind, hint });
    }
    items
}

impl<'h> Search<'h> {
    fn new(items: Vec<Item<'h>>) -> Self {
        let certain_left = items.iter().filter(|item| item.answered < Duration::MAX).count();
        let done = vec![false; items.len()];
        Self { items, done, certain_left, first_left: 0, memo: HashSet::new() }
    }

    /// A frame with all calls that could be next.
    fn frame(&mut self, state: State) -> Frame {
        while self.done.get(self.first_left) == Some(&true) {
            self.first_left += 1;
        }
        let mut until = Duration::MAX;
        let mut candidates = Vec::new();
        for (place, item) in self.items.iter().enumerate().skip(self.first_left) {
            if item.sent.0 > until {
                break;
            }
            if !self.done[place] {
                until = until.min(item.answered);
                candidates.push(place);
            }
        }
        candidates.retain(|place| {
            let item = &self.items[*place];
            item.sent.0 <= until && item.behind.is_none_or(|before| self.done[before])
        });
        candidates.sort_by_key(|place| std::cmp::Reverse((self.items[*place].hint, *place)));
        Frame { candidates, state, taken: None }
    }

    /// The state behind a call, if it could give the reply that was seen and leads somewhere new.
    fn take(&mut self, place: usize, state: &State) -> Option<State> {
        let mut state = state.clone();
        let item = &self.items[place];
        let (replies, _) = state.execute(&item.call.command, 0);
        if item.call.replies().is_some_and(|seen| *seen != replies) {
            return None;
        }
        self.done[place] = true;
        let mut hasher = DefaultHasher::new();
        self.done.hash(&mut hasher);
        state.hash(&mut hasher);
        if !self.memo.insert(hasher.finish()) {
            self.done[place] = false;
            return None;
        }
        self.certain_left -= usize::from(self.items[place].answered < Duration::MAX);
        Some(state)
    }

    fn put_back(&mut self, place: usize) {
        self.done[place] = false;
        self.certain_left += usize::from(self.items[place].answered < Duration::MAX);
        self.first_left = self.first_left.min(place);
    }

    /// Where the order that the chain has is not what the clients saw: the first call that differs.
    fn against_the_chain(&self) -> String {
        let mut order: Vec<&Item<'h>> = self.items.iter().filter(|item| item.hint < u64::MAX).collect();
        order.sort_by_key(|item| (item.hint, item.sent));
        let (mut state, mut latest) = (State::default(), None::<&Item<'h>>);
        for item in order {
            let Item { at, call, sent, answered, hint, .. } = item;
            let (replies, _) = state.execute(&call.command, 0);
            if let Some(seen) = call.replies().filter(|seen| **seen != *replies) {
                let command = &call.command.0;
                return format!(
                    "call {at} {command:?} at {hint} was told {seen:?}, the chain says {replies:?}"
                );
            }
            if let Some(before) = latest.filter(|before| *answered < before.sent.0) {
                return format!("call {at} at {hint} was answered before call {} was sent", before.at);
            }
            latest = latest.filter(|before| before.sent > *sent).or(Some(item));
        }
        let overtakes =
            |item: &&Item<'h>| item.behind.is_some_and(|before| self.items[before].hint > item.hint);
        match self.items.iter().find(overtakes) {
            Some(item) => format!("call {} overtook an earlier one of its client", item.at),
            None => "the chain has them in another order than one client".to_owned(),
        }
    }

    /// What could not go on: the first calls that are left, and the state.
    fn describe(&self, state: &State) -> String {
        let left = (self.first_left..self.items.len()).filter(|place| !self.done[*place]);
        let calls: Vec<String> = left
            .filter(|place| self.items[*place].answered < Duration::MAX)
            .take(4)
            .map(|place| {
                let Item { at, call, sent, answered, .. } = &self.items[place];
                format!("call {at} {:?} → {:?} in {:?}..{answered:?}", call.command.0, call.replies(), sent.0)
            })
            .collect();
        format!("{state:?}; then {}", calls.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::command::{Command, Reply, Step};
    use crate::simulation::proxy::Told;

    /// A history of calls: client, step, sent, answered, and reply; no reply is an unknown outcome.
    fn verdict(calls: &[(u64, Step, u64, u64, Option<Reply>)]) -> Result<(), String> {
        let ms = Duration::from_millis;
        let call = |(client, step, sent, answered, reply): &(u64, Step, u64, u64, Option<Reply>)| Call {
            client: *client,
            slot: HashSlot::default(),
            command: Command(vec![step.clone()]),
            invoked: (ms(*sent), 0),
            answered: Some((
                ms(*answered),
                reply.clone().map_or(Told::Maybe, |reply| Told::Done(vec![reply])),
            )),
        };
        let history = History { calls: calls.iter().map(call).collect(), ..History::default() };
        check(&history, HashSlot::default(), &[], Promises::ALL)
    }

    fn text(text: &str) -> Option<Reply> {
        Some(Reply::Text(Some(text.to_owned())))
    }

    #[test]
    fn a_read_between_may_show_either_and_then_never_back() {
        let set = |value| Step::Set(0, value);
        let done = Some(Reply::Set(true));
        let both = [(1, set(1), 0, 1, done.clone()), (1, set(2), 2, 9, done)];
        let with = |reads: &[(u64, Step, u64, u64, Option<Reply>)]| verdict(&[&both[..], reads].concat());
        assert!(with(&[(2, Step::Get(0), 3, 4, text("1")), (2, Step::Get(0), 5, 6, text("2"))]).is_ok());
        assert!(with(&[(2, Step::Get(0), 3, 4, text("2")), (3, Step::Get(0), 5, 6, text("1"))]).is_err());
        assert!(with(&[(2, Step::Get(0), 10, 11, text("1"))]).is_err());
    }

    #[test]
    fn an_unknown_outcome_takes_effect_once_at_any_later_time_or_never() {
        let unknown = (1, Step::Incr(0), 0, 1, None);
        let read = |sent, value| (2, Step::Get(0), sent, sent + 1, value);
        assert!(verdict(&[unknown.clone(), read(5, Some(Reply::Text(None))), read(9, text("1"))]).is_ok());
        assert!(verdict(&[unknown.clone(), read(5, Some(Reply::Text(None)))]).is_ok());
        assert!(verdict(&[unknown, read(5, text("1")), read(9, text("2"))]).is_err());
    }

    #[test]
    fn one_clients_calls_take_effect_in_their_order() {
        let push = |client, id, len| (client, Step::Push(3, id), 0, 9, Some(Reply::Number(len)));
        assert!(verdict(&[push(1, 5, 2), push(2, 6, 1)]).is_ok());
        assert!(verdict(&[push(1, 5, 2), push(1, 6, 1)]).is_err());
    }
}
