//! Requests of commands that are traced: an `RM.TRACE` in front of each, and what is noted of their way.

use std::collections::VecDeque;
use std::rc::Rc;

use ringmaster_protocol::extension::{put_trace, split_attribute};

use super::{MARKED, Queue, TakePart};
use crate::traces::Hop;

/// Drops the answer to an `RM.TRACE`: also that of a node that does not know it.
struct Nobody;

impl TakePart for Nobody {
    fn take_part(self: Rc<Self>, _index: u32, _reply: &[u8]) {}
}

/// The traced requests of a connection, in their order; nearly always empty.
#[derive(Default)]
pub(super) struct Marks(VecDeque<Mark>);

struct Mark {
    /// Number of the command in its connection, and where its request ends.
    number: u64,
    end: u64,
    hop: Box<Hop>,
}

impl Marks {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// So many bytes were sent by now.
    #[cold]
    pub(super) fn sent(&self, total: u64) {
        self.0.iter().take_while(|mark| mark.end <= total).for_each(|mark| mark.hop.written());
    }

    /// Command `number` was answered, or will not be.
    #[cold]
    pub(super) fn end(&mut self, number: u64, reply: Option<&[u8]>) {
        while let Some(mark) = self.0.pop_front_if(|mark| mark.number <= number) {
            if let Some(reply) = reply.filter(|_| mark.number == number) {
                mark.hop.answered(split_attribute(reply).1);
            }
        }
    }
}

impl Queue {
    /// What is queued next is traced: the node is told first.
    #[cold]
    pub(in crate::upstream) fn announce(&mut self, hop: &Hop) {
        let mut request = Vec::new();
        put_trace(&mut request, &hop.preface());
        self.push_part(Rc::new(Nobody), 0, &request, false);
    }

    /// The command queued last is traced.
    #[cold]
    pub(in crate::upstream) fn mark(&mut self, hop: Box<Hop>) {
        let number = self.answered + self.waiting.len() as u64 - 1;
        let Some(command) = self.waiting.back_mut() else { return };
        command.apart |= MARKED;
        self.marks.0.push_back(Mark { number, end: command.end, hop });
    }
}
