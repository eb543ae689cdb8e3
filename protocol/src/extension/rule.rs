//! The rules that carry the promises of replication, by name, so that a simulation can leave one out and show that its
//! checker sees it. Processes keep them all.

/// A rule of docs/REPLICATION.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// R1: an operation is checked and executed under one hold, and refused below the slot's `changed`.
    CheckedUnderTheLock,
    /// R2: a write goes down the chain strictly in its order.
    ChainOrder,
    /// R3: what is missing in between is told and repaired.
    GapsAreTold,
    /// R4: an entry confirms what it has only if its content is proven.
    ProvenOnly,
    /// R5: while an entry joins, a read waits until it has what the read shows.
    JoinersFollowReads,
    /// R6: a command that changed nothing waits until the last entry has what it saw.
    NoOpsAreConfirmed,
    /// R7: after a change of view a head is asked whether it has the operation before that is executed anew.
    ExecutedOnce,
    /// R8: an import never takes back what an entry has proven.
    ImportsOnlyAdd,
    /// R9: an export and its import are of one `changed`.
    ImportsOfOneChain,
    /// R10: an in-sync entry leaves only while another answers.
    LastInSyncStays,
    /// R11: an entry becomes in-sync only when it has all that the tail could have shown.
    ProvenBeforeInSync,
    /// R12: nothing is answered without a lease that was held after the last reply came.
    LeaseAtTheAnswer,
    /// R13: after a tail was removed nothing is answered until nobody can read it any more.
    HoldAfterATail,
    /// R14: an entry under another boot is dead.
    BootsAreEntries,
    /// R15: all nodes of a file decide the first view.
    AllDecideTheFirst,
    /// R16: a chain without in-sync entries waits for its reports.
    ReportsBeforeReseating,
    /// R17: nothing of an older connection is executed behind what a later one of the same sender brought.
    LatestConnectionOnly,
}

/// The rules that are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    left_out: Option<Rule>,
}

impl Rules {
    /// All rules: what every process keeps.
    pub const ALL: Self = Self { left_out: None };

    /// All but one, for simulations.
    #[must_use]
    pub const fn without(rule: Rule) -> Self {
        Self { left_out: Some(rule) }
    }

    /// Whether `rule` is kept.
    #[inline]
    #[must_use]
    pub fn keep(self, rule: Rule) -> bool {
        self.left_out != Some(rule)
    }
}
