//! The end of a turn: what was made dirty while sockets were read is written once.
//!
//! A turn of a data thread is all the tasks that the last look at the sockets made ready. The first of them that
//! leaves something to write wakes the [`Turn`], which so stands behind all of them in the runtime's queue: when it
//! runs, every ready client was read, and the commands of all of them go to a node in one write. The same holds for
//! the answers of the nodes. At pipeline 1 this is what makes a proxy cheap.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// What can be written at the end of a turn.
pub(crate) trait Flush {
    /// Writes what the socket takes. Does not mark anything dirty.
    fn flush(self: Rc<Self>);
}

/// What a thread has to write at the end of the turn at hand.
#[derive(Default)]
pub(crate) struct Turn {
    /// Connections to nodes go first: nodes work while clients are written.
    upstreams: RefCell<Vec<Rc<dyn Flush>>>,
    clients: RefCell<Vec<Rc<dyn Flush>>>,
    /// Emptied lists, kept for their memory.
    spare: RefCell<Vec<Rc<dyn Flush>>>,
    awake: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Turn {
    /// Writes `upstream` at the end of this turn. Call it once a turn for each.
    pub(crate) fn add_upstream(&self, upstream: Rc<dyn Flush>) {
        self.upstreams.borrow_mut().push(upstream);
        self.wake();
    }

    /// Writes `client` at the end of this turn. Call it once a turn for each.
    pub(crate) fn add_client(&self, client: Rc<dyn Flush>) {
        self.clients.borrow_mut().push(client);
        self.wake();
    }

    fn wake(&self) {
        if !self.awake.replace(true)
            && let Some(waker) = &*self.waker.borrow()
        {
            waker.wake_by_ref();
        }
    }

    /// Ends the turns of this thread, for ever. One task a thread.
    pub(crate) async fn run(self: Rc<Self>) {
        poll_fn::<(), _>(|context| {
            self.waker.borrow_mut().get_or_insert_with(|| context.waker().clone());
            self.end();
            Poll::Pending
        })
        .await;
    }

    fn end(&self) {
        self.awake.set(false);
        self.flush_all(&self.upstreams);
        self.flush_all(&self.clients);
    }

    fn flush_all(&self, dirty: &RefCell<Vec<Rc<dyn Flush>>>) {
        let mut ready = dirty.replace(self.spare.take());
        ready.drain(..).for_each(Flush::flush);
        self.spare.replace(ready);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Log(Rc<RefCell<Vec<&'static str>>>, &'static str);

    impl Flush for Log {
        fn flush(self: Rc<Self>) {
            self.0.borrow_mut().push(self.1);
        }
    }

    #[test]
    fn a_turn_writes_nodes_first_and_each_thing_once() {
        let (turn, log) = (Turn::default(), Rc::default());
        turn.add_client(Rc::new(Log(Rc::clone(&log), "client")));
        turn.add_upstream(Rc::new(Log(Rc::clone(&log), "node")));
        turn.end();
        turn.end();
        assert_eq!(*log.borrow(), ["node", "client"]);
    }
}
