//! The traced commands that chains carry out, by number, and their messages to entries behind the head.

use std::collections::HashMap;
use std::rc::Rc;

use super::{Hop, Traced};
use crate::chain::{OperationId, Wire};

/// Most messages that are waited for at once; what is beyond is not told.
const HOPS_MAX: usize = 4096;

/// Nearly always empty.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    commands: HashMap<OperationId, Rc<Traced>>,
    hops: HashMap<Wire, Box<Hop>>,
}

impl Operations {
    /// Whether nothing under way is traced.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.hops.is_empty()
    }

    /// A traced command was submitted.
    #[cold]
    pub(crate) fn insert(&mut self, operation: OperationId, traced: Rc<Traced>) {
        self.commands.insert(operation, traced);
    }

    /// The command of this number, if it is traced.
    pub(crate) fn command(&self, operation: OperationId) -> Option<&Rc<Traced>> {
        self.commands.get(&operation)
    }

    /// A command was answered. What its chain still does for it is told when that ends.
    #[cold]
    pub(crate) fn remove(&mut self, operation: OperationId) {
        self.commands.remove(&operation);
    }

    /// A message of this number was sent for a traced command.
    #[cold]
    pub(crate) fn sent(&mut self, wire: Wire, hop: Box<Hop>) {
        if self.hops.len() < HOPS_MAX {
            self.hops.insert(wire, hop);
        }
    }

    /// The message was answered, by a word of an error where it was not done.
    #[cold]
    pub(crate) fn answered(&mut self, wire: Wire, reply: &[u8]) {
        if let Some(hop) = self.hops.remove(&wire) {
            hop.answered(reply);
        }
    }

    /// The message will not be answered.
    #[cold]
    pub(crate) fn lost(&mut self, wire: Wire) {
        self.hops.remove(&wire);
    }

    /// Nothing is under way any more.
    pub(crate) fn clear(&mut self) {
        (self.commands, self.hops) = (HashMap::new(), HashMap::new());
    }
}
