//! The engine in this process, spoken to as a connection speaks to it.

use std::time::{SystemTime, UNIX_EPOCH};

use ringmaster_node::engine::Engine;
use ringmaster_node::store::Store;
use ringmaster_node::store::keyspace::Moment;
use ringmaster_protocol::command::resolve;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::resp::{Args, Protocol, Span};

use super::{Words, random::Random};

/// An engine, and a connection's protocol and database.
pub(crate) struct Node {
    engine: Engine,
    protocol: Protocol,
    database: u8,
    random: Random,
}

impl Node {
    /// An empty node.
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self::on(Engine::new(Store::new(None)), protocol)
    }

    /// A connection to `engine`.
    pub(crate) fn on(engine: Engine, protocol: Protocol) -> Self {
        Self { engine, protocol, database: 0, random: Random::new(7) }
    }

    /// What it runs on.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The reply to a command at the time of the clock. `SELECT`, which is the session's, works too.
    pub(crate) fn call(&mut self, words: &Words) -> Vec<u8> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
        let now = u64::try_from(now.as_millis()).expect("the clock is before the year 584,556,019");
        self.call_at(now, words)
    }

    /// The reply to a command at the time `now`, in Unix milliseconds.
    pub(crate) fn call_at(&mut self, now: u64, words: &Words) -> Vec<u8> {
        if let [name, database] = &words[..]
            && name.eq_ignore_ascii_case(b"select")
            && let Some(database) = std::str::from_utf8(database).ok().and_then(|text| text.parse().ok())
            && database < 16
        {
            self.database = database;
            return b"+OK\r\n".to_vec();
        }
        let (mut bytes, mut spans, mut out) = (Vec::new(), Vec::new(), Vec::new());
        for word in words {
            let start = u32::try_from(bytes.len()).expect("a test's command is short");
            spans.push(Span { start, len: u32::try_from(word.len()).expect("a test's word is short") });
            bytes.extend_from_slice(word);
        }
        let args = Args::new(&bytes, &spans);
        let mut reply = Reply::new(&mut out, self.protocol);
        let moment = Moment { now, database: self.database, random: self.random.bits(), ..Moment::default() };
        match resolve(&args) {
            Ok(spec) => self.engine.call(spec, args, moment, &mut reply),
            Err(rejection) => reply.error_bytes(&rejection.text(&args)),
        }
        out
    }
}
