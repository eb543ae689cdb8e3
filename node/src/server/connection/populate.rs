//! `DEBUG POPULATE`: key after key as a command of its own, as if a client had written them, and others have turns in between.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringmaster_protocol::command::lookup;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::durable::{LOADING, refusal_text};
use super::execute::OUT_OF_MEMORY;
use super::{Connection, Fate};
use crate::command::debug::{Population, populate};
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;

/// How long keys are made before other connections have a turn.
const SLICE: Duration = Duration::from_micros(300);

/// Keys between two looks at the clock.
const STEPS: u64 = 16;

/// A value of so many bytes or more takes long by itself.
const VALUE_BYTES_LARGE: usize = 64 << 10;

impl Connection {
    /// `DEBUG POPULATE`. Stops where a key is refused: the keys before it are there. `Close` if the client is to be closed.
    pub(super) async fn populate(&mut self, args: Args<'_>) -> Fate {
        if self.worker.shared.attention.look().is_loading() {
            self.refuse(LOADING);
            return Fate::Open;
        }
        let population = match Population::parse(args) {
            Ok(population) => population,
            Err(error) => {
                self.refuse(&error.to_string());
                return Fate::Open;
            }
        };
        let (mut key, mut value, mut began) = (Vec::new(), Vec::new(), Instant::now());
        for n in 0..population.count {
            population.name(n, &mut key, &mut value);
            if let Err(text) = self.populate_one(&key, &value).await {
                self.refuse(&text);
                return Fate::Open;
            }
            if (n % STEPS == 0 || value.len() >= VALUE_BYTES_LARGE) && began.elapsed() >= SLICE {
                if self.handle.is_finishing() {
                    return Fate::Close;
                }
                self.let_others_go().await;
                began = Instant::now();
            }
        }
        self.stale = true;
        Reply::new(&mut self.output, self.session.protocol).ok();
        Fate::Open
    }

    /// Makes one key, as soon as there is room for it and nobody holds its slot.
    async fn populate_one(&mut self, key: &[u8], value: &[u8]) -> Result<(), String> {
        let shared = Arc::clone(&self.worker.shared);
        if let Some(refusal) = shared.keeping.log().and_then(|log| log.refusal()) {
            return Err(refusal_text(&refusal));
        }
        // DEBUG itself needs no memory.
        if let Some(set) = lookup(b"set")
            && !self.has_room_for(set).await
        {
            return Err(OUT_OF_MEMORY.to_owned());
        }
        let keys = [Key::new(key, self.session.database)];
        loop {
            let slot = match Keyspace::lock(shared.engine.store(), &keys, self.moment()) {
                Ok(mut keyspace) => {
                    populate(&mut keyspace, value);
                    shared.engine.serve(&mut keyspace);
                    return Ok(());
                }
                Err(slot) => slot,
            };
            if let Some(text) = self.wait_unless_busy(slot).await {
                return Err(text.to_owned());
            }
        }
    }

    /// Lets other connections have a turn, and waits until the log has room.
    async fn let_others_go(&mut self) {
        let log = self.worker.shared.keeping.log().map(Arc::clone);
        let began = self.begin_wait();
        tokio::task::yield_now().await;
        if let Some(log) = log
            && !log.has_room()
        {
            poll_fn(|context| log.poll_room(context)).await;
        }
        self.end_wait(began);
    }
}
