//! A name server of a few lines: it answers every question with the SRV records of the nodes, with none, or not at all.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use hickory_proto::op::{Message, OpCode};
use hickory_proto::rr::rdata::SRV;
use hickory_proto::rr::{Name, RData, Record};

/// Seconds for which an answer may be kept.
const TTL_SECONDS: u32 = 5;

/// Longest wait for questions.
const PATIENCE: Duration = Duration::from_secs(60);

/// A host's name, another for each number, that every system finds on this machine: a number for 127.0.0.1 in the way of
/// `inet_aton`, with more and more zeros.
#[must_use]
pub fn local_name(number: usize) -> String {
    format!("0x{:0width$x}", 0x7f00_0001, width = 8 + number)
}

/// How it answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// With these: the target and the port of each.
    Records(Vec<(String, u16)>),
    /// That there is nothing of that name.
    Empty,
    /// Not at all.
    #[default]
    Silent,
}

/// A running name server; it ends with the process.
#[derive(Clone, Debug)]
pub struct NameServer {
    address: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    naming: Naming,
    /// Questions so far.
    questions: u64,
}

impl NameServer {
    /// Starts one, silent, on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        let address = socket.local_addr().expect("it has an address");
        let server = Self { address, state: Arc::default() };
        let own = server.clone();
        thread::spawn(move || own.serve(&socket));
        server
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers so from now on.
    pub fn answer(&self, naming: Naming) {
        self.state().naming = naming;
    }

    /// Waits until it was asked so many times more.
    ///
    /// # Panics
    /// If it is not within a minute.
    pub fn await_questions(&self, more: u64) {
        let state = self.state();
        let wanted = state.questions + more;
        let waited = self.state.1.wait_timeout_while(state, PATIENCE, |state| state.questions < wanted);
        let timeout = waited.unwrap_or_else(PoisonError::into_inner).1;
        assert!(!timeout.timed_out(), "the name server is not asked");
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, socket: &UdpSocket) {
        let mut question = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut question) {
            let naming = self.state().naming.clone();
            let answer = answer_to(&question[..length], &naming).and_then(|message| message.to_vec().ok());
            if let Some(answer) = answer {
                // Who has gone needs no answer.
                let _ = socket.send_to(&answer, from);
            }
            self.state().questions += 1;
            self.state.1.notify_all();
        }
    }
}

fn answer_to(question: &[u8], naming: &Naming) -> Option<Message> {
    let question = Message::from_vec(question).ok()?;
    let mut answer = Message::response(question.metadata.id, OpCode::Query);
    answer.add_queries(question.queries.clone());
    match naming {
        Naming::Silent => return None,
        Naming::Empty => {}
        Naming::Records(records) => {
            let name = question.queries.first()?.name().clone();
            for (target, port) in records {
                let target = Name::from_ascii(target).ok()?;
                let data = RData::SRV(SRV::new(0, 1, *port, target));
                answer.add_answer(Record::from_rdata(name.clone(), TTL_SECONDS, data));
            }
        }
    }
    Some(answer)
}
