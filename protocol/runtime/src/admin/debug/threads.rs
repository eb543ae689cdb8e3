//! `/debug/threads`: how busy each thread of the process is, over the second that the page takes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeMetrics};

use super::super::{Page, readiness};
use crate::metrics::threads::time_of;

/// Time between the two looks.
const BETWEEN: Duration = Duration::from_secs(1);

/// The event loops of the data threads, which count their pauses.
#[derive(Debug)]
pub(crate) struct Loops(Box<[OnceLock<(i32, RuntimeMetrics)>]>);

impl Loops {
    /// Of so many threads, none of which runs yet.
    pub(crate) fn new(threads: usize) -> Self {
        Self((0..threads).map(|_| OnceLock::new()).collect())
    }

    /// The calling thread is data thread `index`, with this loop.
    pub(crate) fn enter(&self, index: usize, of: &Handle) {
        if let Some(place) = self.0.get(index) {
            // Each thread enters once.
            let _ = place.set((rustix::thread::gettid().as_raw_nonzero().get(), of.metrics()));
        }
    }

    /// How often the loop of a thread had nothing to do and slept; `None` for a thread that has none.
    fn sleeps(&self, thread: i32) -> Option<u64> {
        let of_thread = self.0.iter().filter_map(OnceLock::get).find(|(id, _)| *id == thread);
        of_thread.map(|(_, metrics)| metrics.worker_park_count(0))
    }
}

/// A thread at one moment.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    name: String,
    time: Duration,
    sleeps: Option<u64>,
}

/// A thread between two looks.
#[derive(Debug, PartialEq)]
struct Line {
    id: i32,
    name: String,
    share: f64,
    time: Duration,
    /// A second.
    sleeps: Option<f64>,
}

pub(super) async fn page(loops: &Loops, as_json: bool) -> Page {
    let (before, began) = (look(loops), Instant::now());
    if before.is_empty() {
        return Page::text(501, "the times of threads are told by Linux only\n");
    }
    tokio::time::sleep(BETWEEN).await;
    let lines = between(&before, look(loops), began.elapsed());
    if as_json {
        return Page { status: 200, content_type: "application/json", body: json(&lines) };
    }
    Page::text(200, text(&lines))
}

/// All threads of the process, by their ids.
fn look(loops: &Loops) -> BTreeMap<i32, Seen> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let ids = tasks.filter_map(|task| task.file_name().to_str()?.parse::<i32>().ok());
    let seen = |id: i32| {
        let name = std::fs::read_to_string(format!("/proc/self/task/{id}/comm")).ok()?;
        Some((id, Seen { name: name.trim_end().to_owned(), time: time_of(id)?, sleeps: loops.sleeps(id) }))
    };
    ids.filter_map(seen).collect()
}

/// What became of the threads within `lasted`, the busiest first. One that has begun meanwhile counts from nothing.
fn between(before: &BTreeMap<i32, Seen>, after: BTreeMap<i32, Seen>, lasted: Duration) -> Vec<Line> {
    let seconds = lasted.as_secs_f64().max(f64::EPSILON);
    let line = |(id, seen): (i32, Seen)| {
        let earlier = before.get(&id).filter(|earlier| earlier.name == seen.name);
        let worked = seen.time.saturating_sub(earlier.map_or(Duration::ZERO, |earlier| earlier.time));
        let slept = earlier.and_then(|earlier| earlier.sleeps).unwrap_or(0);
        let sleeps = seen.sleeps.map(|sleeps| sleeps.saturating_sub(slept) as f64 / seconds);
        Line { id, name: seen.name, share: worked.as_secs_f64() / seconds, time: seen.time, sleeps }
    };
    let mut lines: Vec<Line> = after.into_iter().map(line).collect();
    lines.sort_by(|one, other| other.share.total_cmp(&one.share).then_with(|| one.name.cmp(&other.name)));
    lines
}

fn text(lines: &[Line]) -> String {
    let mut text = format!("{:>7} {:>12} {:>10}  thread\n", "busy", "cpu seconds", "sleeps/s");
    for Line { name, share, time, sleeps, .. } in lines {
        let sleeps = sleeps.map_or_else(|| "-".to_owned(), |sleeps| format!("{sleeps:.0}"));
        let (percent, seconds) = (share * 100.0, time.as_secs_f64());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{percent:>5.1} % {seconds:>12.3} {sleeps:>10}  {name}");
    }
    text
}

fn json(lines: &[Line]) -> String {
    let line = |Line { id, name, share, time, sleeps }: &Line| {
        let sleeps = sleeps.map_or_else(|| "null".to_owned(), |sleeps| format!("{sleeps:.1}"));
        let (name, seconds) = (readiness::quoted(name), time.as_secs_f64());
        format!(
            "{{\"thread\":{name},\"id\":{id},\"busy\":{share:.4},\"cpu_seconds\":{seconds:.6},\"sleeps_per_second\":{sleeps}}}"
        )
    };
    format!("[{}]\n", lines.iter().map(line).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str, millis: u64, sleeps: Option<u64>) -> Seen {
        Seen { name: name.to_owned(), time: Duration::from_millis(millis), sleeps }
    }

    #[test]
    fn the_busiest_comes_first_and_a_new_one_counts_from_nothing() {
        let before = [(1, seen("idle", 50, None)), (2, seen("loop", 1000, Some(10)))].into();
        let after =
            [(1, seen("idle", 50, None)), (2, seen("loop", 2500, Some(210))), (3, seen("new", 100, None))];
        let lines = between(&before, after.into(), Duration::from_secs(2));
        let told: Vec<_> = lines.iter().map(|line| (&*line.name, line.share, line.sleeps)).collect();
        assert_eq!(told, [("loop", 0.75, Some(100.0)), ("new", 0.05, None), ("idle", 0.0, None)]);
        assert!(text(&lines).contains(" 75.0 %        2.500        100  loop\n"), "{}", text(&lines));
        let expected =
            r#"[{"thread":"loop","id":2,"busy":0.7500,"cpu_seconds":2.500000,"sleeps_per_second":100.0},"#;
        assert!(json(&lines).starts_with(expected), "{}", json(&lines));
    }

    #[test]
    fn the_loop_of_a_data_thread_is_known_by_its_thread() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let loops = Loops::new(1);
        assert!(look(&loops).values().all(|seen| seen.sleeps.is_none()));
        loops.enter(0, runtime.handle());
        loops.enter(1, runtime.handle());
        runtime.block_on(async { tokio::time::sleep(Duration::from_millis(5)).await });
        let seen = look(&loops);
        assert!(seen.values().any(|seen| seen.sleeps > Some(0)), "{seen:?}");
    }
}
