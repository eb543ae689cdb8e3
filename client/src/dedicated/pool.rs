//! The dedicated connections of a client: how many there are, and those that wait for their next use.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::connection::Connection;

/// Most connections that wait for their next use.
const IDLE_MAX: usize = 8;

/// Longest that one waits. Servers and what is between close silent connections, after minutes.
const IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// Shared by all clones of a client.
pub(crate) struct Pool {
    places: Arc<Semaphore>,
    /// The one that was used last is last.
    idle: Mutex<Vec<(Connection, Instant)>>,
}

impl Pool {
    /// For at most `max` connections in use.
    pub(crate) fn new(max: usize) -> Pool {
        let places = Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)));
        Pool { places, idle: Mutex::default() }
    }

    /// Waits for a place among those in use.
    pub(crate) async fn place(&self) -> OwnedSemaphorePermit {
        match Arc::clone(&self.places).acquire_owned().await {
            Ok(place) => place,
            // It is never closed.
            Err(_) => std::future::pending().await,
        }
    }

    /// One that is still good.
    pub(crate) fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        idle.retain(|(_, since)| now.duration_since(*since) < IDLE_TIME_MAX);
        while let Some((mut connection, _)) = idle.pop() {
            if connection.is_quiet() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps one for its next use, if there is room.
    pub(crate) fn put(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push((connection, Instant::now()));
        }
    }
}
