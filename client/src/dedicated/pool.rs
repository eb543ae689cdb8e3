//! The dedicated connections of a client: how many there are, and those that wait for their next use.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::AbortHandle,
    time::{Instant, sleep_until},
};

use crate::connection::Connection;

/// Most connections that wait for their next use.
const IDLE_MAX: usize = 8;

/// Longest that one waits. Servers and what is between close silent connections, after minutes.
const IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// Shared by all clones of a client.
pub(crate) struct Pool {
    places: Arc<Semaphore>,
    idle: Arc<Mutex<Idle<Connection>>>,
}

/// What waits for its next use, and who sees that it does not wait for too long.
struct Idle<T> {
    /// With the time since when; the one that was used last is last.
    waiting: Vec<(T, Instant)>,
    sweeper: Option<AbortHandle>,
}

impl<T> Idle<T> {
    /// Drops those whose time has passed; when the next one's will have.
    fn expire(&mut self, now: Instant) -> Option<Instant> {
        self.waiting.retain(|(_, since)| now.duration_since(*since) < IDLE_TIME_MAX);
        self.waiting.first().map(|(_, since)| *since + IDLE_TIME_MAX)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(sweeper) = &locked(&self.idle).sweeper {
            sweeper.abort();
        }
    }
}

impl Pool {
    /// For at most `max` connections in use.
    pub(crate) fn new(max: usize) -> Pool {
        let places = Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)));
        Pool { places, idle: Arc::new(Mutex::new(Idle { waiting: Vec::new(), sweeper: None })) }
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
        let mut idle = locked(&self.idle);
        idle.expire(Instant::now());
        while let Some((mut connection, _)) = idle.waiting.pop() {
            if connection.is_quiet() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps one for its next use, if there is room. Within a runtime.
    pub(crate) fn put(&self, connection: Connection) {
        let mut idle = locked(&self.idle);
        if idle.waiting.len() < IDLE_MAX {
            idle.waiting.push((connection, Instant::now()));
            idle.sweeper.get_or_insert_with(|| tokio::spawn(sweep(Arc::clone(&self.idle))).abort_handle());
        }
    }
}

/// Drops what has waited for too long, until nothing waits.
async fn sweep(idle: Arc<Mutex<Idle<Connection>>>) {
    loop {
        let next = {
            let mut idle = locked(&idle);
            let next = idle.expire(Instant::now());
            if next.is_none() {
                // Under the lock: who puts one after this starts another.
                idle.sweeper = None;
            }
            next
        };
        match next {
            Some(next) => sleep_until(next).await,
            None => return,
        }
    }
}

fn locked<T>(idle: &Mutex<Idle<T>>) -> MutexGuard<'_, Idle<T>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_too_long_is_dropped_also_when_nobody_takes_one() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let mut idle = Idle { waiting: vec![("a", now), ("b", now + second)], sweeper: None };
        assert_eq!(idle.expire(now + second), Some(now + IDLE_TIME_MAX));
        assert_eq!(idle.expire(now + IDLE_TIME_MAX), Some(now + second + IDLE_TIME_MAX));
        assert_eq!(idle.waiting, [("b", now + second)]);
        assert_eq!(idle.expire(now + 2 * IDLE_TIME_MAX), None);
    }
}
