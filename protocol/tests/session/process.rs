//! A process for sessions to live in: a fixed clock, a few settings, two clients.

use std::cell::RefCell;
use std::time::Duration;

use ringmaster_protocol::acl::Accounts;
use ringmaster_protocol::command;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::resp::request::{self, RequestLimits, Resume, Step};
use ringmaster_protocol::session::info::Info;
use ringmaster_protocol::session::{self, ChangeError, Context, Outcome, Session, Setting};

use crate::wire;

/// The clock of [`Process`], since the Unix epoch.
pub(crate) const NOW: Duration = Duration::from_micros(1_795_348_937_643_950);

/// A process with one other client.
#[derive(Debug, Default)]
pub(crate) struct Process {
    /// The other client; `None` once it is killed.
    pub(crate) other: RefCell<Option<Session>>,
    /// The users.
    pub(crate) accounts: Accounts,
}

/// Settings with Redis's default values: name, value, whether it may be changed.
const SETTINGS: [(&str, &str, bool); 8] = [
    ("appendonly", "no", true),
    ("daemonize", "no", false),
    ("databases", "16", false),
    ("maxmemory", "0", true),
    ("maxmemory-policy", "noeviction", true),
    ("replica-read-only", "yes", true),
    ("save", "", true),
    ("timeout", "0", true),
];

impl Context for Process {
    fn now(&self) -> Duration {
        NOW
    }

    fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    fn random(&self, out: &mut [u8]) {
        out.fill(0xab);
    }

    fn info(&self) -> Info {
        Info::default()
    }

    fn settings(&self) -> Vec<Setting> {
        SETTINGS.map(|(name, value, changeable)| Setting { name, value: value.to_owned(), changeable }).into()
    }

    fn change_settings(&self, changes: &[(&'static str, &[u8])]) -> Result<(), ChangeError> {
        let wrong = changes.iter().find(|(name, value)| *name == "maxmemory" && value == b"x");
        wrong.map_or(Ok(()), |(setting, _)| {
            Err(ChangeError { setting, reason: "argument must be a memory value".to_owned() })
        })
    }

    fn reset_statistics(&self) {}

    fn other_clients(&self, _own: u64, visit: &mut dyn FnMut(&Session)) {
        self.other.borrow().iter().for_each(visit);
    }

    fn kill_clients(&self, _own: u64, doomed: &dyn Fn(&Session) -> bool) -> usize {
        usize::from(self.other.borrow_mut().take_if(|other| doomed(other)).is_some())
    }
}

/// A new session.
pub(crate) fn session(id: u64) -> Session {
    Session::new(id, format!("127.0.0.1:{}", 50_000 + id), "127.0.0.1:6379".to_owned(), NOW)
}

/// Executes one command as a tier does, from the bytes that a client sends; appends the reply to `out`.
pub(crate) fn execute(
    words: &[Vec<u8>],
    session: &mut Session,
    process: &Process,
    out: &mut Vec<u8>,
) -> Outcome {
    let (bytes, mut spans) = (wire::encoded(words), Vec::new());
    let (limits, mut resume) = (RequestLimits::default(), Resume::default());
    let step = request::parse(&bytes, 0, &mut spans, &mut resume, &limits);
    assert_eq!(step, Ok(Step::Command { end: bytes.len() }));
    let (args, before) = (Args::new(&bytes, &spans), out.len());
    let mut reply = Reply::new(out, session.protocol);
    let outcome = match command::resolve(&args) {
        Ok(spec) => {
            session.begins(spec);
            session::execute(spec, args, session, process, &mut reply)
        }
        Err(rejection) => {
            reply.error_bytes(&rejection.text(&args));
            Outcome::Done
        }
    };
    if session.drops_reply() {
        out.truncate(before);
    }
    outcome
}
