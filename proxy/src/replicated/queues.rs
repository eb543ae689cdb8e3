//! The queues of clients that wait for keys, and the bells that tell when a queue is worth another try.
//!
//! Clients that wait with the same command for the same keys are one queue, in the order in which they came.
//! ```text
//!                                                 all were served: twice as many
//!  the first comes ──────────────────────► trying ◄─────────┐
//!                    hung, or it cannot be  ▲  │ └──────────┘
//!  hanging ────────────────────────────────┘  │ one found nothing
//!     ▲  ▲── no bell hangs, or it has rung ─────┤
//!     └──── it rings, or time ─── resting ◄─────┘
//! ```
//! A bell is hung before the clients are tried again, so that nothing comes between; it rings once. Whoever finds nothing
//! stays where it was in the queue. No I/O here and no clock: messages in, messages out.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use ringmaster_protocol::slot::HashSlot;

use crate::upstream::Lane;

/// First and longest pause where no bell hangs; it doubles from one to the other.
const UNHUNG: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Pause where one hangs: should it not be heard, that is noticed by then.
const HUNG: Duration = Duration::from_secs(5);

/// Clients of one queue that are tried at once, at most.
const WIDTH_MAX: usize = 64;

/// What a queue waits with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Wish {
    /// The database and protocol.
    pub(super) lane: Lane,
    pub(super) slot: HashSlot,
    /// It only reads: by the tail.
    pub(super) at_tail: bool,
    /// The command, without its time.
    pub(super) request: Bytes,
}

/// A client that waits, by number.
pub(super) type Waiter = u64;

/// A queue and its bell, by number.
pub(super) type Number = u64;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Hang the bell of this number, in place of the one that hung.
    Hang(Number),
    /// Take it down.
    TakeDown(Number),
    /// Try the command for this client.
    Try(Waiter),
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Hanging,
    /// So many tries are under way; whether all that came back have served their clients.
    Trying(usize, bool),
    Resting,
}

/// Clients that wait with the same wish.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) wish: Wish,
    pub(super) keys: Vec<Bytes>,
    waiting: VecDeque<Waiter>,
    /// Those of them whose command is under way.
    trying: Vec<Waiter>,
    stage: Stage,
    width: usize,
    is_hung: bool,
    /// It is to be hung anew before the clients rest.
    has_rung: bool,
    pause: Duration,
    /// When it is looked after though nothing has rung, while it rests.
    due: Duration,
}

/// All queues of a thread.
#[derive(Debug, Default)]
pub(super) struct Queues {
    queues: HashMap<Number, Queue>,
    by_wish: HashMap<Wish, Number>,
    of: HashMap<Waiter, Number>,
    due: BTreeSet<(Duration, Number)>,
    last: Number,
    out: VecDeque<Act>,
}

impl Queues {
    /// The queue of this number.
    pub(super) fn get(&self, number: Number) -> Option<&Queue> {
        self.queues.get(&number)
    }

    /// The next thing to be done.
    pub(super) fn next(&mut self) -> Option<Act> {
        self.out.pop_front()
    }

    /// A client begins to wait, behind those with the same wish.
    pub(super) fn join(&mut self, waiter: Waiter, wish: &Wish, keys: Vec<Bytes>) {
        if let Some(number) = self.by_wish.get(wish).copied() {
            self.of.insert(waiter, number);
            if let Some(queue) = self.queues.get_mut(&number) {
                queue.waiting.push_back(waiter);
            }
            return;
        }
        self.last += 1;
        let (number, (pause, _)) = (self.last, UNHUNG);
        let queue = Queue {
            wish: wish.clone(),
            keys,
            waiting: VecDeque::from([waiter]),
            trying: Vec::new(),
            stage: Stage::Resting,
            width: 1,
            is_hung: false,
            has_rung: true,
            pause,
            due: Duration::ZERO,
        };
        self.queues.insert(number, queue);
        self.by_wish.insert(wish.clone(), number);
        self.of.insert(waiter, number);
        self.try_some(number);
    }

    /// A client waits no longer. False if it is being tried: what comes of that decides.
    pub(super) fn leave(&mut self, waiter: Waiter) -> bool {
        let Some(number) = self.of.get(&waiter).copied() else { return true };
        let Some(queue) = self.queues.get_mut(&number) else { return true };
        if queue.trying.contains(&waiter) {
            return false;
        }
        queue.waiting.retain(|other| *other != waiter);
        self.of.remove(&waiter);
        if queue.waiting.is_empty() && queue.stage == Stage::Resting {
            self.end(number);
        }
        true
    }

    /// The bell hangs, or cannot be hung.
    pub(super) fn hung(&mut self, number: Number, is_hung: bool) {
        let Some(queue) = self.queues.get_mut(&number).filter(|queue| queue.stage == Stage::Hanging) else {
            return;
        };
        (queue.is_hung, queue.width) = (is_hung, 1);
        self.try_some(number);
    }

    /// The bell has rung.
    pub(super) fn rung(&mut self, number: Number) {
        let Some(queue) = self.queues.get_mut(&number) else { return };
        (queue.is_hung, queue.has_rung) = (false, true);
        if queue.stage == Stage::Resting {
            self.hang(number);
        }
    }

    /// Something came of a try: the client was served, or it found nothing and waits on.
    pub(super) fn tried(&mut self, waiter: Waiter, is_over: bool, now: Duration) {
        let Some(number) = self.of.get(&waiter).copied() else { return };
        let Some(queue) = self.queues.get_mut(&number) else { return };
        queue.trying.retain(|other| *other != waiter);
        if is_over {
            queue.waiting.retain(|other| *other != waiter);
            self.of.remove(&waiter);
        }
        let Stage::Trying(under_way, all_served) = &mut queue.stage else { return };
        *under_way = under_way.saturating_sub(1);
        *all_served &= is_over;
        if *under_way == 0 {
            let all_served = *all_served;
            self.tried_all(number, all_served, now);
        }
    }

    fn tried_all(&mut self, number: Number, all_served: bool, now: Duration) {
        let Some(queue) = self.queues.get_mut(&number) else { return };
        if queue.waiting.is_empty() {
            return self.end(number);
        }
        if all_served {
            queue.width = (queue.width * 2).min(WIDTH_MAX);
            return self.try_some(number);
        }
        if queue.has_rung {
            return self.hang(number);
        }
        queue.stage = Stage::Resting;
        queue.pause = if queue.is_hung { HUNG } else { (queue.pause * 2).clamp(UNHUNG.0, UNHUNG.1) };
        queue.due = now + queue.pause;
        self.due.insert((queue.due, number));
    }

    fn try_some(&mut self, number: Number) {
        let Some(queue) = self.queues.get_mut(&number) else { return };
        queue.trying = queue.waiting.iter().take(queue.width).copied().collect();
        if queue.trying.is_empty() {
            return self.end(number);
        }
        queue.stage = Stage::Trying(queue.trying.len(), true);
        self.out.extend(queue.trying.iter().copied().map(Act::Try));
    }

    fn hang(&mut self, number: Number) {
        let Some(queue) = self.queues.get_mut(&number) else { return };
        self.due.remove(&(queue.due, number));
        // What rings until it hangs may be the one before, or that it is lost already: the clients are tried once more.
        (queue.stage, queue.has_rung) = (Stage::Hanging, false);
        self.out.push_back(Act::Hang(number));
    }

    fn end(&mut self, number: Number) {
        let Some(queue) = self.queues.remove(&number) else { return };
        self.due.remove(&(queue.due, number));
        self.by_wish.remove(&queue.wish);
        // One that has rung does not hang at its other keys any more than here.
        if queue.is_hung || queue.keys.len() > 1 {
            self.out.push_back(Act::TakeDown(number));
        }
    }

    /// Bells are hung anew where `is_lost` says that they do not hang any more where they should.
    pub(super) fn hang_anew(&mut self, is_lost: impl Fn(Number, &Queue) -> bool) {
        let lost: Vec<Number> = self
            .queues
            .iter()
            .filter(|(number, queue)| is_lost(**number, queue))
            .map(|(number, _)| *number)
            .collect();
        lost.into_iter().for_each(|number| self.rung(number));
    }

    /// Looks after those whose time has come.
    pub(super) fn poll(&mut self, now: Duration) {
        while let Some((_, number)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
            self.hang(number);
        }
    }

    /// When [`Queues::poll`] is to be called, if ever.
    pub(super) fn wakes_at(&self) -> Option<Duration> {
        self.due.first().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn wish(request: &'static [u8]) -> Wish {
        Wish {
            lane: Lane::FIRST,
            slot: HashSlot::of(b"k"),
            at_tail: false,
            request: Bytes::from_static(request),
        }
    }

    fn with(waiters: impl IntoIterator<Item = Waiter>) -> Queues {
        let mut queues = Queues::default();
        waiters
            .into_iter()
            .for_each(|waiter| queues.join(waiter, &wish(b"pop"), vec![Bytes::from_static(b"k")]));
        queues
    }

    fn acts(queues: &mut Queues) -> Vec<Act> {
        std::iter::from_fn(|| queues.next()).collect()
    }

    /// They have found nothing, and the bell hangs.
    fn hung_with(waiters: impl IntoIterator<Item = Waiter>) -> Queues {
        let mut queues = with(waiters);
        queues.tried(1, false, NOW);
        queues.hung(1, true);
        queues.out.clear();
        queues
    }

    #[test]
    fn who_finds_nothing_is_tried_again_when_the_bell_hangs_and_when_it_rings() {
        let mut queues = with([1, 2]);
        assert_eq!(acts(&mut queues), [Act::Try(1)]);
        queues.tried(1, false, NOW);
        assert_eq!(acts(&mut queues), [Act::Hang(1)], "one bell for both");
        queues.hung(1, true);
        assert_eq!(acts(&mut queues), [Act::Try(1)], "it may have come before the bell hung");
        queues.tried(1, false, NOW);
        assert_eq!((acts(&mut queues), queues.wakes_at()), (vec![], Some(NOW + HUNG)));
        queues.rung(1);
        assert_eq!(acts(&mut queues), [Act::Hang(1)], "hung before it is tried");
        assert_eq!(queues.wakes_at(), None);
    }

    #[test]
    fn who_came_first_is_served_first_and_more_are_tried_as_long_as_all_are_served() {
        let mut queues = with(1..=9);
        let (mut order, mut tried) = (Vec::new(), acts(&mut queues));
        while tried != [Act::Hang(1)] {
            order.push(tried.len());
            for act in tried {
                let Act::Try(waiter) = act else { panic!("{act:?}") };
                queues.tried(waiter, waiter <= 5, NOW);
            }
            tried = acts(&mut queues);
        }
        assert_eq!(order, [1, 2, 4], "6 and 7 found nothing");
        queues.hung(1, true);
        assert_eq!(acts(&mut queues), [Act::Try(6)], "and wait where they stood");
    }

    #[test]
    fn what_rings_while_clients_are_tried_is_not_forgotten() {
        let mut queues = hung_with([1]);
        queues.rung(1);
        queues.tried(1, false, NOW);
        assert_eq!(acts(&mut queues), [Act::Hang(1)]);
    }

    #[test]
    fn where_no_bell_hangs_clients_are_tried_again_from_time_to_time() {
        let mut queues = with([1]);
        queues.tried(1, false, NOW);
        let (mut now, mut pauses) = (NOW, Vec::new());
        for _ in 0..6 {
            queues.poll(now);
            queues.hung(1, false);
            queues.tried(1, false, now);
            let next = queues.wakes_at().unwrap();
            pauses.push((next - now).as_millis());
            now = next;
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000]);
    }

    #[test]
    fn the_bell_goes_with_the_last_and_who_is_being_tried_stays() {
        let mut queues = hung_with([1, 2]);
        assert!(!queues.leave(1) && queues.leave(2) && queues.leave(7));
        acts(&mut queues);
        queues.tried(1, false, NOW);
        assert!(queues.leave(1));
        assert_eq!(acts(&mut queues), [Act::TakeDown(1)]);
        assert!(queues.by_wish.is_empty() && queues.wakes_at().is_none());
        assert!(queues.queues.is_empty() && queues.of.is_empty() && queues.due.is_empty());
    }

    #[test]
    fn bells_are_hung_anew_where_they_were_lost() {
        let mut queues = hung_with([1]);
        queues.tried(1, false, NOW);
        queues.hang_anew(|_, _| false);
        assert_eq!(acts(&mut queues), []);
        queues.hang_anew(|number, queue| number == 1 && queue.wish.slot == HashSlot::of(b"k"));
        assert_eq!(acts(&mut queues), [Act::Hang(1)]);
    }
}
