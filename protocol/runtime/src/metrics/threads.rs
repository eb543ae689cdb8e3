//! Which threads of the process carry data, and how busy they are.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

/// Parts of a second in which Linux tells a thread's times in `stat`, the same on all machines.
const TICKS_A_SECOND: u32 = 100;

/// The data threads of a tier, by index.
#[derive(Debug)]
pub struct DataThreads(Box<[AtomicI32]>);

impl DataThreads {
    /// Of so many threads, none of which runs yet.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self((0..threads).map(|_| AtomicI32::new(0)).collect())
    }

    /// The calling thread is data thread `index`.
    pub fn enter(&self, index: usize) {
        if let Some(id) = self.0.get(index) {
            id.store(rustix::thread::gettid().as_raw_nonzero().get(), Ordering::Relaxed);
        }
    }

    /// The processor time of each that runs, by index. Asks the kernel; nothing where it is no Linux.
    pub fn times(&self) -> impl Iterator<Item = (usize, Duration)> {
        let ids = self.0.iter().map(|id| id.load(Ordering::Relaxed)).enumerate();
        ids.filter(|(_, id)| *id > 0).filter_map(|(index, id)| Some((index, time_of(id)?)))
    }
}

/// The processor time of a thread of this process: in nanoseconds where the kernel keeps them, else in hundredths of a second.
pub(crate) fn time_of(thread: i32) -> Option<Duration> {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/self/task/{thread}/{file}")).ok();
    let exact = read("schedstat").and_then(|text| text.split_ascii_whitespace().next()?.parse().ok());
    if let Some(nanos) = exact.filter(|nanos| *nanos > 0) {
        return Some(Duration::from_nanos(nanos));
    }
    let stat = read("stat")?;
    // The second field is a name in parentheses, which may have spaces in it; times are the fields 14 and 15.
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().skip(11);
    let (user, system): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Duration::from_secs(1) * (user + system) / TICKS_A_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_works_gets_older() {
        let threads = DataThreads::new(2);
        assert_eq!(threads.times().count(), 0, "none runs");
        threads.enter(1);
        threads.enter(2);
        let began = std::time::Instant::now();
        while threads.times().next().is_some_and(|(_, time)| time < Duration::from_millis(20)) {
            assert!(began.elapsed() < Duration::from_secs(60), "its time stands still");
        }
        assert_eq!(threads.times().map(|(index, _)| index).collect::<Vec<_>>(), [1]);
    }
}
