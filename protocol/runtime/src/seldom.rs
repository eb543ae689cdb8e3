//! Log lines about what strangers cause: told at most once in a while, with the number of times between.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// Shortest time between two lines.
const PAUSE: Duration = Duration::from_secs(1);

/// When something was told last, and how often it was not since.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<(Option<Instant>, u64)>);

impl Seldom {
    /// Something has happened. Tells how often it has since it was told last, this time included, if it is to be told now.
    pub fn happened(&self) -> Option<u64> {
        self.happened_at(Instant::now())
    }

    fn happened_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (told, times) = &mut *state;
        *times += 1;
        if told.is_some_and(|told| now.saturating_duration_since(told) < PAUSE) {
            return None;
        }
        *told = Some(now);
        Some(std::mem::take(times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_once_a_second_with_its_size() {
        let (seldom, begun) = (Seldom::default(), Instant::now());
        let at = |millis| seldom.happened_at(begun + Duration::from_millis(millis));
        assert_eq!(at(0), Some(1));
        assert_eq!((1..900).filter_map(at).count(), 0);
        assert_eq!(at(1000), Some(900));
        assert_eq!(at(5000), Some(1));
    }
}
