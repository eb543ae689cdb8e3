//! What lies between a script and who runs it: the task, commands and their replies. One for each virtual machine.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ringmaster_protocol::resp::Protocol;

use super::catalogue::Script;
use super::library::{Function, Library};
use super::random::Random;
use super::words::Words;

/// A script that has run for so long turns its thread over.
pub(crate) const TURN: Duration = Duration::from_millis(1);

/// What a virtual machine is to do.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// Run a script.
    Script(Arc<Script>),
    /// See whether a script compiles.
    Compile(Arc<Script>),
    /// Call the function of this name of a library.
    Function(Arc<Library>, String),
    /// Run the code of a library, to learn its functions.
    Library(Arc<Library>),
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its reply lies on the desk.
    Done,
    /// It failed; this is why, its code first.
    Failed(Vec<u8>),
    /// A library's code has registered these.
    Registered(Vec<Function>),
}

/// The desk.
#[derive(Debug)]
pub(crate) struct Desk {
    /// What to do next.
    pub(crate) task: RefCell<Option<Task>>,
    /// The keys and the arguments of the task.
    pub(crate) words: RefCell<Words>,
    /// How many of the words are keys.
    pub(crate) keys: Cell<usize>,
    /// Number of flushes of the catalogue.
    pub(crate) generation: Cell<u64>,
    /// Protocol of the client, in which the task's own reply is.
    pub(crate) client_protocol: Cell<Protocol>,
    /// The command that the script calls.
    pub(crate) call: RefCell<Words>,
    /// Protocol of the replies to commands, which `redis.setresp` sets.
    pub(crate) protocol: Cell<Protocol>,
    /// The reply to the command, and at last the task's own.
    pub(crate) reply: RefCell<Vec<u8>>,
    /// How the last task ended.
    pub(crate) outcome: RefCell<Option<Outcome>>,
    /// When the script got its thread.
    pub(crate) turn_began: Cell<Instant>,
    /// Whether the script must end; once set it stays until the next task.
    pub(crate) stopped: Cell<bool>,
    /// What `math.random` draws from.
    pub(crate) random: RefCell<Random>,
    /// Bytes of the machine's heap, as it was last told.
    heap_bytes: Cell<usize>,
}

/// Bytes of the heaps of all machines of the process.
static MACHINE_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Bytes of the heaps of all machines of the process, each as of its last task.
pub(crate) fn machine_bytes() -> usize {
    MACHINE_BYTES.load(Ordering::Relaxed)
}

impl Desk {
    /// An empty desk; `math.random` begins at `seed`.
    pub(crate) fn new(seed: i32) -> Self {
        Self {
            task: RefCell::default(),
            words: RefCell::default(),
            keys: Cell::default(),
            generation: Cell::default(),
            client_protocol: Cell::default(),
            call: RefCell::default(),
            protocol: Cell::default(),
            reply: RefCell::default(),
            outcome: RefCell::default(),
            turn_began: Cell::new(Instant::now()),
            stopped: Cell::default(),
            random: RefCell::new(Random::new(seed)),
            heap_bytes: Cell::new(0),
        }
    }

    /// Notes how large the machine's heap is.
    pub(crate) fn note_heap(&self, bytes: usize) {
        MACHINE_BYTES.fetch_add(bytes, Ordering::Relaxed);
        MACHINE_BYTES.fetch_sub(self.heap_bytes.replace(bytes), Ordering::Relaxed);
    }

    /// Whether the script has had its thread long enough.
    pub(crate) fn turn_is_over(&self) -> bool {
        self.turn_began.get().elapsed() >= TURN
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.note_heap(0);
    }
}
