//! The lease: how long a proxy may answer under the view that it holds.
//!
//! It holds while a majority of the view's acceptors, each under the incarnation that the view names, confirmed the view
//! to questions *sent* less than `lease` ago. A view is decided only by a majority that confirms no longer, so a lease
//! of the view before ends at the latest `lease` after that decision.

use std::time::Duration;

use ringmaster_protocol::cluster_file::NodeName;
use ringmaster_protocol::view::{Epoch, Incarnation, View};

/// The lease of one view.
#[derive(Clone, Debug)]
pub struct Lease {
    epoch: Epoch,
    length: Duration,
    acceptors: Vec<Acceptor>,
}

#[derive(Clone, Debug)]
struct Acceptor {
    name: NodeName,
    incarnation: Incarnation,
    /// When the latest question that it confirmed was sent.
    sent: Option<Duration>,
}

impl Lease {
    /// The lease of `view`, which nobody has confirmed yet.
    #[must_use]
    pub fn of(view: &View) -> Self {
        let acceptor = |index: &_| {
            let member = view.member(*index);
            Acceptor { name: member.name.clone(), incarnation: member.incarnation, sent: None }
        };
        let acceptors = view.acceptors().iter().map(acceptor).collect();
        Self { epoch: view.epoch(), length: view.lease().duration(), acceptors }
    }

    /// The view's epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// A node confirmed this view to a question that was sent at `sent`. Who is no acceptor does not count.
    pub fn confirmed(&mut self, sent: Duration, node: &NodeName, incarnation: Incarnation) {
        let is_meant =
            |acceptor: &&mut Acceptor| acceptor.name == *node && acceptor.incarnation == incarnation;
        if let Some(acceptor) = self.acceptors.iter_mut().find(is_meant) {
            acceptor.sent = acceptor.sent.max(Some(sent));
        }
    }

    /// When the lease ends or has ended; `None` if no majority has confirmed yet.
    #[must_use]
    pub fn until(&self) -> Option<Duration> {
        let mut sent: Vec<Duration> = self.acceptors.iter().filter_map(|acceptor| acceptor.sent).collect();
        sent.sort_unstable_by(|one, other| other.cmp(one));
        let last_of_majority = sent.get(self.acceptors.len() / 2)?;
        Some(*last_of_majority + self.length)
    }

    /// Whether it is the lease of `epoch` and not over.
    #[must_use]
    pub fn holds(&self, epoch: Epoch, now: Duration) -> bool {
        self.epoch == epoch && self.until().is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ms, name, view};
    use super::*;

    fn lease() -> Lease {
        Lease::of(&view(&["a", "b", "c"], 2))
    }

    #[test]
    fn a_majority_makes_it_and_it_counts_from_the_sending() {
        let mut lease = lease();
        lease.confirmed(ms(100), &name("a"), Incarnation(1));
        assert_eq!(lease.until(), None);
        lease.confirmed(ms(150), &name("b"), Incarnation(2));
        assert_eq!(lease.until(), Some(ms(600)));
        assert!(lease.holds(Epoch(1), ms(599)) && !lease.holds(Epoch(1), ms(600)));
        assert!(!lease.holds(Epoch(2), ms(200)), "it is of one view");
        lease.confirmed(ms(300), &name("c"), Incarnation(3));
        assert_eq!(lease.until(), Some(ms(650)), "a majority is enough");
    }

    #[test]
    fn another_data_directory_or_an_older_question_does_not_count() {
        let mut lease = lease();
        lease.confirmed(ms(100), &name("a"), Incarnation(9));
        lease.confirmed(ms(100), &name("z"), Incarnation(1));
        lease.confirmed(ms(100), &name("b"), Incarnation(2));
        assert_eq!(lease.until(), None);
        lease.confirmed(ms(100), &name("a"), Incarnation(1));
        lease.confirmed(ms(50), &name("a"), Incarnation(1));
        assert_eq!(lease.until(), Some(ms(600)));
    }
}
