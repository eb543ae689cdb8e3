//! The proposer: brings one view to a decision, as one of many that may try at once.
//!
//! ```text
//! idle ──start──► Prepare to the acceptors ──majority promised──► Accept ──majority accepted──► decided: Commit to all
//!                     │ one promised with a view: that view is proposed, unchanged, in place of the own
//!                     └─ outbid, or no majority in time: wait (longer each time), then a higher ballot
//! any answer with a later view ends the attempt: it is learned, and what it was computed from is void
//! ```
//! It does no I/O and reads no clock: it is told the time and every answer, and says what to send.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::register::{Answer, Ballot, Refusal, Request};
use ringmaster_protocol::view::{Epoch, View};

/// Time that an attempt has to reach a majority before it is given up for a higher ballot.
const ATTEMPT: Duration = Duration::from_millis(250);

/// First and longest wait after a lost attempt; it doubles, and up to as much again is added at random.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(25), Duration::from_secs(2));

/// An acceptor, by its place in the list that the attempt was given.
pub type AcceptorIndex = usize;

/// What came of the proposer's work.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// This view was decided; it is to be committed to all its members. It may be another's, for the same epoch.
    Decided(Arc<View>),
    /// A later view exists. The proposal is void.
    Superseded(Arc<View>),
    /// An acceptor refuses the view for what it is. To try again is useless.
    Refused(String),
}

/// What is to be sent to one acceptor.
#[derive(Clone, Debug)]
pub struct Send {
    /// To whom.
    pub to: AcceptorIndex,
    /// What.
    pub request: Request,
}

/// Brings one view to a decision.
#[derive(Debug)]
pub struct Proposer {
    /// The view that is wished for, and the one that is proposed in this attempt.
    wished: Arc<View>,
    proposed: Arc<View>,
    acceptors: usize,
    /// How many of them decide.
    quorum: usize,
    ballot: Ballot,
    has_begun: bool,
    phase: Phase,
    backoff: Duration,
    /// The highest view that a promise carried, by its ballot.
    carried: Option<(Ballot, Arc<View>)>,
    /// Who has answered in this phase.
    answered: HashSet<AcceptorIndex>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is under way until then.
    Waiting(Duration),
    /// Until then.
    Preparing(Duration),
    /// Until then.
    Accepting(Duration),
    Done,
}

impl Proposer {
    /// A proposer of `wished` to this many acceptors, of whom `everybody` decides (the first view) or a majority. It
    /// lets others go first until `begin`. `last` is the last ballot that this proxy has used, for whatever: no ballot
    /// is ever used twice.
    #[must_use]
    pub fn new(last: Ballot, wished: Arc<View>, acceptors: usize, everybody: bool, begin: Duration) -> Self {
        let quorum = if everybody { acceptors } else { acceptors / 2 + 1 };
        Self {
            proposed: Arc::clone(&wished),
            wished,
            acceptors,
            quorum,
            ballot: last,
            has_begun: false,
            phase: Phase::Waiting(begin),
            backoff: BACKOFF.0,
            carried: None,
            answered: HashSet::new(),
        }
    }

    /// The epoch that is being decided.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.wished.epoch()
    }

    /// The last ballot that was used.
    #[must_use]
    pub fn ballot(&self) -> Ballot {
        self.ballot
    }

    /// When [`Proposer::poll`] is to be called at the latest.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Duration> {
        match self.phase {
            Phase::Waiting(at) | Phase::Preparing(at) | Phase::Accepting(at) => Some(at),
            Phase::Done => None,
        }
    }

    /// When the next attempt would begin, if one was lost. What the view was computed from is no evidence any more.
    #[must_use]
    pub fn lost_until(&self) -> Option<Duration> {
        match self.phase {
            Phase::Waiting(at) if self.has_begun => Some(at),
            _ => None,
        }
    }

    /// Goes on if it is time to; `random` is any number.
    pub fn poll(&mut self, now: Duration, random: u64) -> Vec<Send> {
        match self.phase {
            Phase::Waiting(at) if at <= now => self.prepare(now),
            Phase::Preparing(until) | Phase::Accepting(until) if until <= now => {
                self.back_off(now, random);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Takes the answer of one acceptor to a request of ballot `ballot`.
    ///
    /// # Errors
    /// What came of it, when that is certain.
    pub fn hear(
        &mut self,
        now: Duration,
        from: AcceptorIndex,
        ballot: Ballot,
        answer: Answer,
        random: u64,
    ) -> Result<Vec<Send>, Outcome> {
        if let Answer::Refused(refusal) = answer {
            return self.refused(now, refusal, random).map(|()| Vec::new());
        }
        if ballot != self.ballot {
            return Ok(Vec::new());
        }
        match (self.phase, answer) {
            (Phase::Preparing(_), Answer::Promised(carried)) => {
                if carried.as_ref().map(|(ballot, _)| *ballot)
                    > self.carried.as_ref().map(|(ballot, _)| *ballot)
                {
                    self.carried = carried;
                }
                Ok(if self.has_quorum(from) { self.propose(now) } else { Vec::new() })
            }
            (Phase::Accepting(_), Answer::Accepted) if self.has_quorum(from) => {
                self.phase = Phase::Done;
                Err(Outcome::Decided(Arc::clone(&self.proposed)))
            }
            _ => Ok(Vec::new()),
        }
    }

    fn prepare(&mut self, now: Duration) -> Vec<Send> {
        self.ballot.round += 1;
        self.has_begun = true;
        self.carried = None;
        self.answered.clear();
        self.phase = Phase::Preparing(now + ATTEMPT);
        let request = Request::Prepare { epoch: self.epoch(), ballot: self.ballot };
        self.to_all(&request)
    }

    /// A view that a promise carried may have been decided already: it goes first.
    fn propose(&mut self, now: Duration) -> Vec<Send> {
        let carried = self.carried.take().map(|(_, view)| view);
        self.proposed = carried.unwrap_or_else(|| Arc::clone(&self.wished));
        self.answered.clear();
        self.phase = Phase::Accepting(now + ATTEMPT);
        let request = Request::Accept { ballot: self.ballot, view: Arc::clone(&self.proposed) };
        self.to_all(&request)
    }

    fn refused(&mut self, now: Duration, refusal: Refusal, random: u64) -> Result<(), Outcome> {
        match refusal {
            Refusal::Later(view) => Err(Outcome::Superseded(view)),
            Refusal::Impossible(text) => Err(Outcome::Refused(text)),
            Refusal::Foreign(cluster) => {
                Err(Outcome::Refused(format!("an acceptor belongs to cluster {:032x}", cluster.0)))
            }
            Refusal::Outbid(higher) => {
                if higher > self.ballot && matches!(self.phase, Phase::Preparing(_) | Phase::Accepting(_)) {
                    self.ballot.round = higher.round;
                    self.back_off(now, random);
                }
                Ok(())
            }
            // The caller hands over the view that it lacks, or finds another acceptor; this attempt goes on without.
            Refusal::Behind(_) | Refusal::Undecided(_) | Refusal::Reborn(_) => Ok(()),
        }
    }

    fn back_off(&mut self, now: Duration, random: u64) {
        let extra = self.backoff.mul_f64((random >> 11) as f64 / (1u64 << 53) as f64);
        self.phase = Phase::Waiting(now + self.backoff + extra);
        self.backoff = (self.backoff * 2).min(BACKOFF.1);
    }

    fn has_quorum(&mut self, from: AcceptorIndex) -> bool {
        self.answered.insert(from);
        self.answered.len() == self.quorum
    }

    fn to_all(&self, request: &Request) -> Vec<Send> {
        (0..self.acceptors).map(|to| Send { to, request: request.clone() }).collect()
    }
}
