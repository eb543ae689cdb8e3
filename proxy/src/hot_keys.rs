//! Hot keys: which come so often that the node that has them feels it.
//!
//! Each data thread looks at one command of [`SAMPLE_EVERY`], at random distances, counts its keys ([`sketch`]), and once
//! a second tells all who ask ([`Board`]). Between, a command costs the thread one subtraction.
//! While a key is hot, reads that are the same and not sent yet are sent as one ([`crate::upstream`]).

mod sketch;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ringmaster_protocol::command::Spec;
use ringmaster_protocol::resp::Args;

use crate::clock;
use crate::route::changes;
use sketch::{Counted, Sketch};

/// Commands from one that is looked at to the next, in the mean.
const SAMPLE_EVERY: u32 = 64;

/// Time from one look at the counters to the next.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a thread said is too old from then on: nothing comes to it any more.
const STALE_AFTER: Duration = Duration::from_secs(5);

/// Keys of a command that are counted.
const KEYS_OF_A_COMMAND: usize = 16;

/// Bytes of the longest key that is counted.
const KEY_BYTES_MAX: usize = 1024;

/// Keys that are told.
const TOLD: usize = 32;

/// A key is hot from this part of all looked at keys on …
const HOT_SHARE: u64 = 50;

/// … if it was seen so often in about two seconds: some 500 commands a second.
const HOT_SEEN: u32 = 16;

/// A key that comes often.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HotKey {
    pub(crate) key: Box<[u8]>,
    pub(crate) database: u8,
    /// Commands a second, over this proxy, estimated.
    pub(crate) per_second: f64,
    /// Part of them that change it: 0 to 1.
    pub(crate) writes: f64,
    /// Part of all commands with keys: 0 to 1.
    pub(crate) share: f64,
}

/// What one thread says.
#[derive(Debug, Default)]
struct Told {
    at: Duration,
    /// Keys a second, of all.
    all_per_second: f64,
    keys: Vec<HotKey>,
}

/// What all threads say. Written once a second.
#[derive(Debug)]
pub(crate) struct Board(Vec<ArcSwap<Told>>);

impl Board {
    /// Of so many threads.
    pub(crate) fn new(threads: usize) -> Self {
        Self((0..threads).map(|_| ArcSwap::default()).collect())
    }

    /// The keys that come most often, most often first.
    pub(crate) fn hottest(&self) -> Vec<HotKey> {
        self.hottest_at(clock::now())
    }

    fn hottest_at(&self, now: Duration) -> Vec<HotKey> {
        let told: Vec<Arc<Told>> = self.0.iter().map(ArcSwap::load_full).collect();
        let told = told.iter().filter(|told| now.saturating_sub(told.at) < STALE_AFTER);
        let (mut keys, mut all) = (HashMap::<(u8, &[u8]), HotKey>::new(), 0.0);
        for told in told {
            all += told.all_per_second;
            for told in &told.keys {
                let key = keys.entry((told.database, &told.key)).or_insert_with(|| HotKey {
                    per_second: 0.0,
                    writes: 0.0,
                    ..told.clone()
                });
                // Weighted by how much comes to each thread.
                let per_second = key.per_second + told.per_second;
                key.writes += (told.writes - key.writes) * told.per_second / per_second;
                key.per_second = per_second;
            }
        }
        let mut keys: Vec<HotKey> = keys.into_values().collect();
        keys.iter_mut().for_each(|key| key.share = key.per_second / all);
        keys.sort_by(|a, b| b.per_second.total_cmp(&a.per_second).then_with(|| a.key.cmp(&b.key)));
        keys.truncate(TOLD);
        keys
    }
}

/// The hot keys of one data thread.
#[derive(Debug)]
pub(crate) struct HotKeys {
    /// Commands until the next that is looked at.
    left: Cell<u32>,
    random: Cell<u32>,
    is_hot: Cell<bool>,
    counting: RefCell<Counting>,
    board: Arc<Board>,
    thread: usize,
}

#[derive(Debug, Default)]
struct Counting {
    sketch: Sketch,
    looked_at: Duration,
    /// Seconds for which the counters stand, those before the last look counted for half, and so on.
    span: f64,
}

impl HotKeys {
    /// Of data thread `thread`.
    pub(crate) fn new(board: &Arc<Board>, thread: usize) -> Self {
        Self {
            left: Cell::new(SAMPLE_EVERY),
            random: Cell::new(rand::random::<u32>() | 1),
            is_hot: Cell::new(false),
            counting: RefCell::new(Counting { looked_at: clock::now(), ..Counting::default() }),
            board: Arc::clone(board),
            thread,
        }
    }

    /// For a thread of a test.
    #[cfg(test)]
    pub(crate) fn alone() -> std::rc::Rc<Self> {
        std::rc::Rc::new(Self::new(&Arc::new(Board::new(1)), 0))
    }

    /// Whether the command at hand is one that is to be [looked at](Self::look_at). To be asked once for each.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        let left = self.left.get().wrapping_sub(1);
        self.left.set(left);
        left == 0
    }

    /// Whether some key of this thread is hot.
    #[inline]
    pub(crate) fn is_hot(&self) -> bool {
        self.is_hot.get()
    }

    /// Counts the keys of a command.
    #[cold]
    pub(crate) fn look_at(&self, spec: &Spec, args: Args<'_>, database: u8) {
        self.left.set(self.next_distance());
        let mut positions: Vec<u32> = Vec::new();
        if spec.key_positions(&args, &mut positions).is_err() {
            return;
        }
        let keys = positions.iter().filter_map(|at| args.get(*at as usize));
        let keys = keys.filter(|key| key.len() <= KEY_BYTES_MAX).take(KEYS_OF_A_COMMAND);
        let mut counting = self.counting.borrow_mut();
        keys.for_each(|key| counting.sketch.count(key, database, changes(spec)));
        let now = clock::now();
        if now.saturating_sub(counting.looked_at) >= LOOK_EVERY {
            self.tell(&mut counting, now);
        }
    }

    /// From 1 to twice the mean: a fixed distance might see one command of a pattern for ever.
    fn next_distance(&self) -> u32 {
        let mut random = self.random.get();
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        self.random.set(random);
        1 + random % (2 * SAMPLE_EVERY - 1)
    }

    fn tell(&self, counting: &mut Counting, now: Duration) {
        let span = counting.span + (now - counting.looked_at).as_secs_f64();
        let per_second = |count: u64| count as f64 * f64::from(SAMPLE_EVERY) / span;
        let seen = counting.sketch.seen();
        let key = |counted: &Counted| HotKey {
            key: counted.key.clone(),
            database: counted.database,
            per_second: per_second(counted.count.into()),
            writes: f64::from(counted.writes) / f64::from(counted.count - counted.over).max(1.0),
            share: f64::from(counted.count) / seen as f64,
        };
        let counters = counting.sketch.counters();
        let is_hot = |counted: &Counted| {
            let sure = counted.count - counted.over;
            sure >= HOT_SEEN && u64::from(sure) * HOT_SHARE >= seen
        };
        self.is_hot.set(counters.iter().any(is_hot));
        // One that was seen once may be any.
        let keys = counters.iter().filter(|counted| counted.count - counted.over > 1).map(key).collect();
        let told = Told { at: now, all_per_second: per_second(seen), keys };
        self.board.0[self.thread].store(Arc::new(told));
        counting.sketch.fade();
        (counting.looked_at, counting.span) = (now, span / 2.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringmaster_protocol::command::lookup;
    use ringmaster_protocol::resp::Span;
    use ringmaster_protocol::resp::request::{self, RequestLimits, Resume, Step};

    /// A command of these words has come so often.
    fn come(hot: &HotKeys, words: &[&[u8]], times: usize) {
        let mut request = Vec::new();
        ringmaster_protocol::extension::put_request(&mut request, words);
        let mut spans: Vec<Span> = Vec::new();
        let limits = RequestLimits::default();
        let step = request::parse(&request, 0, &mut spans, &mut Resume::default(), &limits);
        assert!(matches!(step, Ok(Step::Command { .. })));
        let args = Args::new(&request, &spans);
        for _ in 0..times {
            if hot.is_due() {
                hot.look_at(lookup(words[0]).unwrap(), args, 0);
            }
        }
    }

    /// A second passes.
    fn pass(hot: &HotKeys) {
        let mut counting = hot.counting.borrow_mut();
        let now = counting.looked_at + Duration::from_secs(1);
        hot.tell(&mut counting, now);
    }

    fn one() -> (Arc<Board>, HotKeys) {
        let board = Arc::new(Board::new(1));
        let hot = HotKeys::new(&board, 0);
        (board, hot)
    }

    #[test]
    fn a_key_that_comes_often_is_told_with_its_rate_and_share() {
        let (board, hot) = one();
        for second in 0..5 {
            for n in 0..400 {
                come(&hot, &[b"GET", b"hot"], 40);
                come(&hot, &[b"SET", b"hot", b"v"], 10);
                come(&hot, &[b"GET", format!("cold:{second}:{n}").as_bytes()], 50);
            }
            pass(&hot);
        }
        let now = hot.counting.borrow().looked_at;
        let hottest = &board.hottest_at(now)[0];
        assert_eq!(*hottest.key, *b"hot");
        assert!((16_000.0..24_000.0).contains(&hottest.per_second), "{hottest:?}, 20,000 came");
        assert!((0.4..0.6).contains(&hottest.share), "{hottest:?}");
        assert!((0.1..0.3).contains(&hottest.writes), "{hottest:?}");
        assert!(hot.is_hot());
        assert_eq!(board.hottest_at(now + STALE_AFTER), [], "it may have ended since");
    }

    #[test]
    fn nothing_is_hot_where_all_keys_come_alike() {
        let (_, hot) = one();
        for n in 0..200_000 {
            come(&hot, &[b"GET", (n % 1000_u32).to_string().as_bytes()], 1);
        }
        pass(&hot);
        assert!(!hot.is_hot());
    }

    #[test]
    fn what_was_hot_is_so_no_more_when_it_comes_no_more() {
        let (board, hot) = one();
        come(&hot, &[b"MGET", b"a", b"b"], 10_000);
        pass(&hot);
        assert!(hot.is_hot());
        (0..10).for_each(|_| pass(&hot));
        assert!(!hot.is_hot());
        assert_eq!(board.hottest_at(hot.counting.borrow().looked_at), []);
    }

    #[test]
    fn threads_are_added_up() {
        let board = Arc::new(Board::new(2));
        for thread in 0..2 {
            let hot = HotKeys::new(&board, thread);
            come(&hot, &[b"GET", b"k"], 64_000);
            pass(&hot);
        }
        let hottest = board.hottest_at(clock::now());
        assert_eq!(hottest.len(), 1);
        assert!((115_000.0..140_000.0).contains(&hottest[0].per_second), "{hottest:?}, 128,000 came");
    }
}
