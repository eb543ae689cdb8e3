//! What every command must look at and nearly never finds set: a pause, clients that monitor, a log that is being
//! read or cannot be written, users who may not do everything.
//!
//! It is one byte that all threads read and hardly ever is written, so the look costs a load from the own cache.

pub(crate) mod monitors;
pub(crate) mod pause;

use std::sync::atomic::{AtomicU8, Ordering};

/// Somebody monitors.
const MONITORED: u8 = 1;
/// Commands that write wait.
const WRITES_PAUSED: u8 = 2;
/// All commands wait.
const ALL_PAUSED: u8 = 4;
/// The log is read.
const LOADING: u8 = 8;
/// The log cannot be written.
const LOG_REFUSING: u8 = 16;

/// The node is a member of a cluster.
const MEMBER: u8 = 32;

/// Somebody may not do everything.
const RESTRICTED: u8 = 64;

/// The flags.
#[derive(Debug, Default)]
pub(crate) struct Attention(AtomicU8);

/// What a connection attends to: all of it, or, where it may do everything for good, all but the users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heed(u8);

impl Default for Heed {
    fn default() -> Self {
        Self(u8::MAX)
    }
}

impl Heed {
    /// That of a proxy of the cluster.
    pub(crate) const PROXY: Self = Self(!RESTRICTED);
}

/// The flags as one command saw them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen(u8);

impl Attention {
    /// Looks.
    #[inline]
    pub(crate) fn look(&self) -> Seen {
        Seen(self.0.load(Ordering::Acquire))
    }

    /// Looks at what a connection attends to.
    #[inline]
    pub(crate) fn look_as(&self, heed: Heed) -> Seen {
        Seen(self.0.load(Ordering::Acquire) & heed.0)
    }

    fn set(&self, flag: u8, on: bool) {
        if on {
            self.0.fetch_or(flag, Ordering::AcqRel);
        } else {
            self.0.fetch_and(!flag, Ordering::AcqRel);
        }
    }

    /// Sets whether somebody monitors.
    pub(crate) fn set_monitored(&self, on: bool) {
        self.set(MONITORED, on);
    }

    /// Sets whether the log is read.
    pub(crate) fn set_loading(&self, on: bool) {
        self.set(LOADING, on);
    }

    /// Sets whether the log cannot be written.
    pub(crate) fn set_log_refusing(&self, on: bool) {
        self.set(LOG_REFUSING, on);
    }

    /// Sets whether the node is a member of a cluster.
    pub(crate) fn set_member(&self, on: bool) {
        self.set(MEMBER, on);
    }

    /// Notes that somebody may not do everything.
    pub(crate) fn restrict(&self) {
        self.set(RESTRICTED, true);
    }

    /// Sets what is paused.
    pub(crate) fn set_paused(&self, writes: bool, all: bool) {
        self.set(WRITES_PAUSED, writes);
        self.set(ALL_PAUSED, all);
    }
}

impl Seen {
    /// Whether there is nothing to attend to.
    #[inline]
    pub(crate) fn is_nothing(self) -> bool {
        self.0 == 0
    }

    /// Whether somebody monitors.
    pub(crate) fn is_monitored(self) -> bool {
        self.0 & MONITORED != 0
    }

    /// Whether the node is a member of a cluster, and there is nothing else.
    #[inline]
    pub(crate) fn is_only_member(self) -> bool {
        self.0 == MEMBER
    }

    /// Whether the node is a member of a cluster.
    pub(crate) fn is_member(self) -> bool {
        self.0 & MEMBER != 0
    }

    /// Whether somebody may not do everything.
    pub(crate) fn is_restricted(self) -> bool {
        self.0 & RESTRICTED != 0
    }

    /// Whether the log is read.
    pub(crate) fn is_loading(self) -> bool {
        self.0 & LOADING != 0
    }

    /// Whether the log cannot be written.
    pub(crate) fn is_log_refusing(self) -> bool {
        self.0 & LOG_REFUSING != 0
    }

    /// Whether the node is to change nothing by itself.
    pub(crate) fn keeps_keys(self) -> bool {
        self.0 & (LOADING | LOG_REFUSING) != 0
    }

    /// Whether anything is paused.
    pub(crate) fn is_paused(self) -> bool {
        self.0 & (WRITES_PAUSED | ALL_PAUSED) != 0
    }

    /// Whether a command waits that writes, or that does not.
    pub(crate) fn holds_back(self, writes: bool) -> bool {
        self.0 & ALL_PAUSED != 0 || (writes && self.0 & WRITES_PAUSED != 0)
    }
}
