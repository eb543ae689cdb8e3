//! Whether a request's bytes have left the queue: decided once, by one compare-and-swap.
//!
//! ```text
//! queued --driver--> sent        the caller, when it stops waiting, learns: maybe applied
//!    \----caller---> withdrawn   the driver drops the request: not sent
//! ```

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

const QUEUED: u8 = 0;
const SENT: u8 = 1;
const WITHDRAWN: u8 = 2;

/// Shared by the caller and the driver.
#[derive(Clone, Default)]
pub(crate) struct Ticket(Arc<AtomicU8>);

impl Ticket {
    /// The driver is about to write. False: the caller has withdrawn, write nothing.
    pub(crate) fn send(&self) -> bool {
        self.leave_queue(SENT)
    }

    /// The caller waits no longer. True: not a byte was or will be written.
    pub(crate) fn withdraw(&self) -> bool {
        self.leave_queue(WITHDRAWN)
    }

    /// True when the driver got there first.
    pub(crate) fn is_sent(&self) -> bool {
        self.0.load(Ordering::Acquire) == SENT
    }

    fn leave_queue(&self, to: u8) -> bool {
        self.0.compare_exchange(QUEUED, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_sent_or_withdrawn_and_never_both() {
        let sent = Ticket::default();
        assert!(sent.send() && !sent.withdraw() && sent.is_sent());
        let withdrawn = Ticket::default();
        assert!(withdrawn.withdraw() && !withdrawn.send() && !withdrawn.is_sent());
    }
}
