//! What a subscription listens to, and what of it the server has not been told yet.
//!
//! It is kept as sets of names and not as a queue of changes: however fast they change and however slow the server
//! is, there is nothing that grows, and who changes them never waits.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::change::{Change, KINDS, Kind};
use crate::error::Error;

/// Most names of a subscription, of all kinds together: 2^20.
pub const SUBSCRIBED_MAX: usize = 1 << 20;

/// Most names of one command.
const COMMAND_NAMES_MAX: usize = 1024;

/// All that is listened to.
#[derive(Debug, Default)]
pub(super) struct Wanted([Names; 3]);

/// Of one kind. `add` and `alone` are part of `all` and have nothing in common; `remove` has nothing of `all`.
#[derive(Debug, Default)]
struct Names {
    all: BTreeSet<Bytes>,
    /// To be asked for.
    add: BTreeSet<Bytes>,
    /// To be asked for one by one: together with others they were refused.
    alone: BTreeSet<Bytes>,
    /// To be given up.
    remove: BTreeSet<Bytes>,
}

impl Wanted {
    /// Takes in what the subscription's owner asks for.
    ///
    /// # Errors
    /// [`Error::NotSent`]: it would be more than [`SUBSCRIBED_MAX`] names; nothing is changed then.
    pub(super) fn note(&mut self, change: &Change) -> Result<(), Error> {
        let count: usize = self.0.iter().map(|names| names.all.len()).sum();
        if change.adds && count + change.names.len() > SUBSCRIBED_MAX {
            return Err(Error::refused(format!("more than {SUBSCRIBED_MAX} names in a subscription")));
        }
        let names = &mut self.0[change.kind as usize];
        for name in &change.names {
            if change.adds { names.want(name) } else { names.give_up(name) }
        }
        Ok(())
    }

    /// A new connection: the server has been told nothing.
    pub(super) fn begin(&mut self) {
        for names in &mut self.0 {
            *names =
                Names { add: names.all.clone(), all: std::mem::take(&mut names.all), ..Names::default() };
        }
    }

    /// The next thing to tell the server, which counts as told from now on.
    pub(super) fn next(&mut self) -> Option<Change> {
        KINDS.into_iter().find_map(|kind| self.0[kind as usize].next(kind))
    }

    /// Whether the server has been told everything.
    pub(super) fn is_told(&self) -> bool {
        self.0.iter().all(|names| names.add.is_empty() && names.alone.is_empty() && names.remove.is_empty())
    }

    /// The server has refused `change` for the moment: it is told again.
    pub(super) fn again(&mut self, change: &Change) {
        let names = &mut self.0[change.kind as usize];
        for name in &change.names {
            match names.all.contains(name) {
                true if change.adds && !names.alone.contains(name) => drop(names.add.insert(name.clone())),
                false if !change.adds => drop(names.remove.insert(name.clone())),
                _ => {}
            }
        }
    }

    /// The server has refused `change`. True if its names are asked for one by one now, since one of them may be to
    /// blame; else they are wanted no longer.
    pub(super) fn refused(&mut self, change: &Change) -> bool {
        let names = &mut self.0[change.kind as usize];
        let is_shared = change.names.len() > 1;
        for name in change.names.iter().filter(|_| change.adds) {
            names.add.remove(name);
            if is_shared && names.all.contains(name) {
                names.alone.insert(name.clone());
            } else {
                names.alone.remove(name);
                names.all.remove(name);
            }
        }
        change.adds && is_shared
    }

    /// The server has stopped to send a channel without being asked: the slot of a shard channel has moved.
    pub(super) fn lost(&mut self, kind: Kind, name: &Bytes) -> bool {
        let names = &mut self.0[kind as usize];
        let is_wanted = names.all.contains(name) && !names.alone.contains(name);
        if is_wanted {
            names.add.insert(name.clone());
        }
        is_wanted
    }
}

impl Names {
    fn want(&mut self, name: &Bytes) {
        if self.all.insert(name.clone()) && !self.remove.remove(name) {
            self.add.insert(name.clone());
        }
    }

    fn give_up(&mut self, name: &Bytes) {
        if self.all.remove(name) && !self.add.remove(name) && !self.alone.remove(name) {
            self.remove.insert(name.clone());
        }
    }

    fn next(&mut self, kind: Kind) -> Option<Change> {
        // A shard channel is one slot's: in a cluster each is asked for by itself.
        let most = if kind == Kind::Shard { 1 } else { COMMAND_NAMES_MAX };
        let (from, count, adds) = if !self.remove.is_empty() {
            (&mut self.remove, most, false)
        } else if !self.add.is_empty() {
            (&mut self.add, most, true)
        } else {
            (&mut self.alone, 1, true)
        };
        let names: Vec<Bytes> = std::iter::from_fn(|| from.pop_first()).take(count).collect();
        (!names.is_empty()).then_some(Change { kind, adds, names })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(wanted: &mut Wanted) -> Vec<String> {
        std::iter::from_fn(|| wanted.next()).map(|change| change.shown()).collect()
    }

    fn wanted(names: &[&str]) -> Wanted {
        let mut wanted = Wanted::default();
        wanted.note(&Change::add(Kind::Channel, names)).unwrap();
        wanted
    }

    #[test]
    fn all_that_is_wanted_is_asked_for_again_over_a_new_connection() {
        let mut wanted = wanted(&["b", "a", "c"]);
        wanted.note(&Change::add(Kind::Shard, ["s", "t"])).unwrap();
        let want = ["SUBSCRIBE a b c", "SSUBSCRIBE s", "SSUBSCRIBE t"];
        assert_eq!(told(&mut wanted), want);
        assert!(wanted.is_told());
        wanted.begin();
        assert_eq!(told(&mut wanted), want);
    }

    #[test]
    fn only_the_difference_is_told() {
        let mut wanted = wanted(&["a", "b"]);
        wanted.note(&Change::remove(Kind::Channel, ["a", "none"])).unwrap();
        assert_eq!(told(&mut wanted), ["SUBSCRIBE b"]);
        wanted.note(&Change::add(Kind::Channel, ["b", "c"])).unwrap();
        wanted.note(&Change::remove(Kind::Channel, ["b"])).unwrap();
        assert_eq!(told(&mut wanted), ["UNSUBSCRIBE b", "SUBSCRIBE c"]);
        wanted.note(&Change::remove(Kind::Channel, ["c"])).unwrap();
        wanted.note(&Change::add(Kind::Channel, ["c"])).unwrap();
        assert!(wanted.is_told());
    }

    #[test]
    fn what_is_refused_together_is_asked_for_one_by_one_and_what_is_refused_alone_no_more() {
        let mut wanted = wanted(&["a", "b"]);
        let both = wanted.next().unwrap();
        assert!(wanted.refused(&both));
        let alone = wanted.next().unwrap();
        assert_eq!(alone.shown(), "SUBSCRIBE a");
        assert!(!wanted.refused(&alone));
        assert_eq!(told(&mut wanted), ["SUBSCRIBE b"]);
        wanted.begin();
        assert_eq!(told(&mut wanted), ["SUBSCRIBE b"]);
    }

    #[test]
    fn what_is_refused_for_the_moment_is_told_again_unless_it_has_changed() {
        let mut wanted = wanted(&["a", "b"]);
        let both = wanted.next().unwrap();
        wanted.note(&Change::remove(Kind::Channel, ["a"])).unwrap();
        wanted.again(&both);
        assert_eq!(told(&mut wanted), ["UNSUBSCRIBE a", "SUBSCRIBE b"]);
        wanted.again(&Change::remove(Kind::Channel, ["a", "b"]));
        assert_eq!(told(&mut wanted), ["UNSUBSCRIBE a"]);
    }

    #[test]
    fn names_and_the_names_of_a_command_have_a_limit() {
        let many: Vec<String> = (0..SUBSCRIBED_MAX).map(|number| number.to_string()).collect();
        let mut wanted = Wanted::default();
        wanted.note(&Change::add(Kind::Pattern, &many)).unwrap();
        assert!(wanted.note(&Change::add(Kind::Channel, ["one more"])).is_err());
        let told = std::iter::from_fn(|| wanted.next()).map(|change| change.names.len());
        assert!(told.eq(std::iter::repeat_n(COMMAND_NAMES_MAX, SUBSCRIBED_MAX / COMMAND_NAMES_MAX)));
    }
}
