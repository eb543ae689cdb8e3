//! The acceptor: one of the few that decide views. It remembers the committed view and, for the next epoch, what it
//! has promised and accepted.
//!
//! ```text
//! Prepare(e+1, b) ── b above all promised ──► promised = b          answers what was accepted before
//! Accept(b, view) ── b not below promised ──► accepted = (b, view)  from here on the lease of e is confirmed no more
//! Commit(view)    ── later than committed ──► committed = view      what concerned its epoch is forgotten
//! ```
//! It does no I/O: where an answer says so the caller makes [`Acceptor::encode`] durable before it hands the answer
//! out. An acceptor that cannot write answers nothing any more.

use std::sync::Arc;

use ringmaster_protocol::register::{Answer, Ballot, Refusal, Request};
use ringmaster_protocol::varint;
use ringmaster_protocol::view::{ClusterId, Epoch, View, ViewDecodeError};

/// The form of the bytes.
const FORM: u8 = 1;

/// What an acceptor must never forget.
#[derive(Clone, Debug, Default)]
pub struct Acceptor {
    committed: Option<Arc<View>>,
    /// For the epoch after the committed one.
    promised: Ballot,
    accepted: Option<(Ballot, Arc<View>)>,
}

/// An answer, and whether what the acceptor remembers is to be made durable before it is given.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The answer.
    pub answer: Answer,
    /// Whether the acceptor has changed.
    pub is_changed: bool,
}

/// Why kept bytes are no acceptor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcceptorDecodeError {
    /// A later release wrote them.
    #[error("the register has form {0}, which this release does not know")]
    Form(u8),
    /// They are cut off or break a rule.
    #[error("the register's content is malformed")]
    Malformed,
    /// One of its views is none.
    #[error(transparent)]
    View(#[from] ViewDecodeError),
}

impl Acceptor {
    /// The view that was decided last, as far as it knows.
    #[must_use]
    pub fn committed(&self) -> Option<&Arc<View>> {
        self.committed.as_ref()
    }

    /// Its epoch, 0 before any view.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.committed.as_ref().map_or(Epoch::default(), |view| view.epoch())
    }

    /// The cluster of the committed view, or of the first one that it accepted.
    #[must_use]
    pub fn cluster(&self) -> Option<ClusterId> {
        let accepted = self.accepted.as_ref().map(|(_, view)| view);
        self.committed.as_ref().or(accepted).map(|view| view.cluster())
    }

    /// Whether it has no view and accepted none.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.committed.is_none() && self.accepted.is_none()
    }

    /// Answers a question.
    pub fn answer(&mut self, request: &Request) -> Verdict {
        let result = match request {
            Request::Confirm { epoch } => self.confirm(*epoch),
            Request::Prepare { epoch, ballot } => self.prepare(*epoch, *ballot),
            Request::Accept { ballot, view } => self.accept(*ballot, view),
            Request::Commit { view } => self.commit(view),
            Request::Recover { lost, view } => self.recover(*lost, view),
        };
        match result {
            Ok((answer, is_changed)) => Verdict { answer, is_changed },
            Err(refusal) => Verdict { answer: Answer::Refused(refusal), is_changed: false },
        }
    }

    fn confirm(&self, epoch: Epoch) -> Result<(Answer, bool), Refusal> {
        self.check_committed(epoch)?;
        match &self.accepted {
            Some((_, view)) => Err(Refusal::Undecided(view.epoch())),
            None => Ok((Answer::Confirmed, false)),
        }
    }

    fn prepare(&mut self, epoch: Epoch, ballot: Ballot) -> Result<(Answer, bool), Refusal> {
        self.check_next(epoch)?;
        self.check_ballot(ballot)?;
        let is_changed = self.promised != ballot;
        self.promised = ballot;
        Ok((Answer::Promised(self.accepted.clone()), is_changed))
    }

    fn accept(&mut self, ballot: Ballot, view: &Arc<View>) -> Result<(Answer, bool), Refusal> {
        self.check_next(view.epoch())?;
        self.check_ballot(ballot)?;
        if let Some(committed) = &self.committed {
            committed.check_successor(view).map_err(|fault| Refusal::Impossible(fault.to_string()))?;
        }
        let is_changed = self.accepted.as_ref().is_none_or(|(accepted, _)| *accepted != ballot);
        self.promised = ballot;
        self.accepted = Some((ballot, Arc::clone(view)));
        Ok((Answer::Accepted, is_changed))
    }

    fn commit(&mut self, view: &Arc<View>) -> Result<(Answer, bool), Refusal> {
        // R15: what has accepted the first view of one cluster is not blank for another.
        if let Some(own) = self.cluster().filter(|own| *own != view.cluster()) {
            return Err(Refusal::Foreign(own));
        }
        if let Some(committed) = &self.committed {
            if committed.epoch() > view.epoch() {
                return Err(Refusal::Later(Arc::clone(committed)));
            }
            if committed.epoch() == view.epoch() {
                return same(committed, view).map(|()| (Answer::Committed, false));
            }
        }
        *self = Self { committed: Some(Arc::clone(view)), ..Self::default() };
        Ok((Answer::Committed, true))
    }

    /// What was promised and accepted in the lost cluster concerns nobody any more. The view may follow no other by the rule
    /// of change: what it gives up is the operator's word.
    fn recover(&mut self, lost: ClusterId, view: &Arc<View>) -> Result<(Answer, bool), Refusal> {
        match self.cluster() {
            Some(own) if own == lost => {
                *self = Self { committed: Some(Arc::clone(view)), ..Self::default() };
                Ok((Answer::Committed, true))
            }
            Some(own) if own == view.cluster() => self.commit(view),
            Some(own) => Err(Refusal::Foreign(own)),
            None => Err(Refusal::Behind(Epoch::default())),
        }
    }

    /// Whether `epoch` is the one after the committed one.
    fn check_next(&self, epoch: Epoch) -> Result<(), Refusal> {
        match &self.committed {
            Some(view) if view.epoch() >= epoch => Err(Refusal::Later(Arc::clone(view))),
            _ if self.epoch().next() == epoch => Ok(()),
            _ => Err(Refusal::Behind(self.epoch())),
        }
    }

    fn check_committed(&self, epoch: Epoch) -> Result<(), Refusal> {
        match &self.committed {
            Some(view) if view.epoch() > epoch => Err(Refusal::Later(Arc::clone(view))),
            Some(view) if view.epoch() == epoch => Ok(()),
            _ => Err(Refusal::Behind(self.epoch())),
        }
    }

    fn check_ballot(&self, ballot: Ballot) -> Result<(), Refusal> {
        if ballot < self.promised { Err(Refusal::Outbid(self.promised)) } else { Ok(()) }
    }

    /// What is to be kept.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORM];
        put_ballot(&mut out, self.promised);
        put_view(&mut out, self.committed.as_ref());
        let (ballot, view) = self.accepted.clone().unzip();
        put_ballot(&mut out, ballot.unwrap_or_default());
        put_view(&mut out, view.as_ref());
        out
    }

    /// What was kept.
    ///
    /// # Errors
    /// [`AcceptorDecodeError`].
    pub fn decode(mut bytes: &[u8]) -> Result<Self, AcceptorDecodeError> {
        let rest = &mut bytes;
        let [form] = take::<1>(rest)?;
        if form != FORM {
            return Err(AcceptorDecodeError::Form(form));
        }
        let (promised, committed) = (take_ballot(rest)?, take_view(rest)?);
        let (ballot, view) = (take_ballot(rest)?, take_view(rest)?);
        let accepted = view.map(|view| (ballot, view));
        if rest.is_empty() {
            Ok(Self { committed, promised, accepted })
        } else {
            Err(AcceptorDecodeError::Malformed)
        }
    }
}

/// Two views of one epoch are one view, or a rule of the protocol was broken.
fn same(committed: &Arc<View>, view: &Arc<View>) -> Result<(), Refusal> {
    if Arc::ptr_eq(committed, view) || committed.encode() == view.encode() {
        return Ok(());
    }
    Err(Refusal::Impossible(format!("epoch {} is decided already, as another view", view.epoch())))
}

fn put_ballot(out: &mut Vec<u8>, ballot: Ballot) {
    out.extend_from_slice(&ballot.round.to_le_bytes());
    out.extend_from_slice(&ballot.proposer.to_le_bytes());
}

/// The length of its bytes, 0 for none, and they.
fn put_view(out: &mut Vec<u8>, view: Option<&Arc<View>>) {
    let bytes = view.map(|view| view.encode()).unwrap_or_default();
    varint::put(out, bytes.len() as u64);
    out.extend_from_slice(&bytes);
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], AcceptorDecodeError> {
    let (bytes, behind) = rest.split_first_chunk().ok_or(AcceptorDecodeError::Malformed)?;
    *rest = behind;
    Ok(*bytes)
}

fn take_ballot(rest: &mut &[u8]) -> Result<Ballot, AcceptorDecodeError> {
    let round = u64::from_le_bytes(take(rest)?);
    Ok(Ballot { round, proposer: u128::from_le_bytes(take(rest)?) })
}

fn take_view(rest: &mut &[u8]) -> Result<Option<Arc<View>>, AcceptorDecodeError> {
    let len = varint::take(rest).and_then(|len| usize::try_from(len).ok());
    let split = len.and_then(|len| rest.split_at_checked(len));
    let (bytes, behind) = split.ok_or(AcceptorDecodeError::Malformed)?;
    *rest = behind;
    if bytes.is_empty() { Ok(None) } else { Ok(Some(Arc::new(View::decode(bytes)?))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringmaster_protocol::config::Millis;
    use ringmaster_protocol::view::{
        Boot, Chain, ClusterId, ConfigDigest, Entry, Incarnation, Member, MemberIndex, SlotChains, ViewParts,
    };

    /// A view of one member; `seed` tells two of the same epoch apart.
    fn view(epoch: u64, seed: u8) -> Arc<View> {
        let member = Member {
            name: "a".parse().unwrap(),
            address: "a:1".parse().unwrap(),
            zone: String::new(),
            weight: 1,
            incarnation: Incarnation(1),
            boot: Boot(1),
            is_durable: false,
            word: ringmaster_protocol::view::Word::None,
        };
        let entry = Entry { member: MemberIndex::new(0), boot: Boot(1), since: Epoch::FIRST };
        let (changed, born) = (Epoch::FIRST, Epoch::FIRST);
        let chain = Chain { changed, born, unsealed: None, entries: vec![entry], in_sync: 1 };
        let parts = ViewParts {
            cluster: ClusterId(1),
            epoch: Epoch(epoch),
            members: vec![member],
            acceptors: vec![MemberIndex::new(0)],
            lease: Millis::new(500),
            longest_lease: Millis::new(500),
            hash_seed: 1,
            config: ConfigDigest([seed; 32]),
            superseded: Vec::new(),
            chains: SlotChains::all(chain),
        };
        Arc::new(View::new(parts).unwrap())
    }

    fn ballot(round: u64) -> Ballot {
        Ballot { round, proposer: 7 }
    }

    fn at(epoch: u64) -> Acceptor {
        let mut acceptor = Acceptor::default();
        acceptor.answer(&Request::Commit { view: view(epoch, 0) });
        acceptor
    }

    #[test]
    fn a_lower_ballot_is_refused_after_a_higher_promise() {
        let mut acceptor = at(1);
        let prepare = |round| Request::Prepare { epoch: Epoch(2), ballot: ballot(round) };
        assert!(acceptor.answer(&prepare(5)).is_changed);
        let refused = acceptor.answer(&prepare(4)).answer;
        assert!(
            matches!(refused, Answer::Refused(Refusal::Outbid(high)) if high == ballot(5)),
            "{refused:?}"
        );
        let late = acceptor.answer(&Request::Accept { ballot: ballot(4), view: view(2, 0) }).answer;
        assert!(matches!(late, Answer::Refused(Refusal::Outbid(_))), "{late:?}");
    }

    #[test]
    fn what_was_accepted_is_told_to_the_next_who_asks() {
        let mut acceptor = at(1);
        assert!(acceptor.answer(&Request::Accept { ballot: ballot(1), view: view(2, 9) }).is_changed);
        let answer = acceptor.answer(&Request::Prepare { epoch: Epoch(2), ballot: ballot(2) }).answer;
        let Answer::Promised(Some((first, accepted))) = answer else { panic!("{answer:?}") };
        assert_eq!((first, accepted.config()), (ballot(1), ConfigDigest([9; 32])));
    }

    #[test]
    fn a_lease_is_confirmed_until_the_next_view_is_accepted() {
        let mut acceptor = at(1);
        let confirm = Request::Confirm { epoch: Epoch(1) };
        assert!(matches!(acceptor.answer(&confirm).answer, Answer::Confirmed));
        acceptor.answer(&Request::Prepare { epoch: Epoch(2), ballot: ballot(1) });
        assert!(
            matches!(acceptor.answer(&confirm).answer, Answer::Confirmed),
            "a promise alone changes nothing"
        );
        acceptor.answer(&Request::Accept { ballot: ballot(1), view: view(2, 0) });
        assert!(matches!(acceptor.answer(&confirm).answer, Answer::Refused(Refusal::Undecided(Epoch(2)))));
        acceptor.answer(&Request::Commit { view: view(2, 0) });
        assert!(matches!(acceptor.answer(&confirm).answer, Answer::Refused(Refusal::Later(_))));
        let ahead = Request::Confirm { epoch: Epoch(4) };
        assert!(matches!(acceptor.answer(&ahead).answer, Answer::Refused(Refusal::Behind(Epoch(2)))));
    }

    #[test]
    fn a_view_that_may_not_follow_is_not_taken() {
        let mut acceptor = at(1);
        let mut parts = view(2, 0).parts();
        parts.chains[3].born = Epoch(2);
        parts.chains[3].changed = Epoch(2);
        let wrong = Arc::new(View::new(parts).unwrap());
        let answer = acceptor.answer(&Request::Accept { ballot: ballot(1), view: wrong }).answer;
        assert!(matches!(answer, Answer::Refused(Refusal::Impossible(_))), "{answer:?}");
    }

    #[test]
    fn another_view_of_a_committed_epoch_and_another_cluster_are_refused() {
        let mut acceptor = at(2);
        assert!(!acceptor.answer(&Request::Commit { view: view(2, 0) }).is_changed);
        let other = acceptor.answer(&Request::Commit { view: view(2, 1) }).answer;
        assert!(matches!(other, Answer::Refused(Refusal::Impossible(_))), "{other:?}");
        let mut parts = view(3, 0).parts();
        parts.cluster = ClusterId(2);
        let foreign = Arc::new(View::new(parts).unwrap());
        let answer = acceptor.answer(&Request::Commit { view: foreign }).answer;
        assert!(matches!(answer, Answer::Refused(Refusal::Foreign(ClusterId(1)))), "{answer:?}");
    }

    #[test]
    fn who_has_accepted_the_first_view_of_a_cluster_is_handed_that_of_no_other() {
        let mut acceptor = Acceptor::default();
        acceptor.answer(&Request::Accept { ballot: ballot(1), view: view(1, 0) });
        let mut parts = view(9, 0).parts();
        parts.cluster = ClusterId(2);
        let other = Arc::new(View::new(parts).unwrap());
        let answer = acceptor.answer(&Request::Commit { view: other }).answer;
        assert!(matches!(answer, Answer::Refused(Refusal::Foreign(ClusterId(1)))), "{answer:?}");
        assert!(matches!(acceptor.answer(&Request::Commit { view: view(1, 0) }).answer, Answer::Committed));
    }

    #[test]
    fn a_node_of_a_lost_cluster_goes_on_in_another_and_no_other_node_does() {
        let mut acceptor = at(7);
        acceptor.answer(&Request::Accept { ballot: ballot(1), view: view(8, 0) });
        let mut parts = view(3, 0).parts();
        parts.cluster = ClusterId(2);
        let other = Arc::new(View::new(parts).unwrap());
        let recover = |lost| Request::Recover { lost: ClusterId(lost), view: Arc::clone(&other) };
        let foreign = acceptor.answer(&recover(5));
        assert!(matches!(foreign.answer, Answer::Refused(Refusal::Foreign(ClusterId(1)))), "{foreign:?}");
        let verdict = acceptor.answer(&recover(1));
        assert!(verdict.is_changed && matches!(verdict.answer, Answer::Committed), "{verdict:?}");
        assert_eq!((acceptor.cluster(), acceptor.epoch()), (Some(ClusterId(2)), Epoch(3)));
        assert!(matches!(acceptor.answer(&recover(1)).answer, Answer::Committed), "once more is no change");
        let blank = Acceptor::default().answer(&recover(1)).answer;
        assert!(matches!(blank, Answer::Refused(Refusal::Behind(_))), "{blank:?}");
    }

    #[test]
    fn what_is_kept_comes_back() {
        let mut acceptor = at(1);
        acceptor.answer(&Request::Accept { ballot: ballot(3), view: view(2, 9) });
        let bytes = acceptor.encode();
        let back = Acceptor::decode(&bytes).unwrap();
        assert_eq!((back.encode(), back.epoch()), (bytes.clone(), Epoch(1)));
        for cut in 0..bytes.len() {
            assert!(Acceptor::decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        assert!(Acceptor::decode(&Acceptor::default().encode()).unwrap().is_blank());
    }
}
