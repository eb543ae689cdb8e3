//! A task whose turns are measured.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

use super::Timing;
use crate::store::cpu_clock;

/// Runs `task`; while the timing is exact, each of its turns is measured with the thread's CPU clock.
pub(crate) async fn measured<F: Future>(timing: &Timing, task: F) -> F::Output {
    let mut task = pin!(task);
    poll_fn(|context| {
        if !timing.is_exact() {
            return task.as_mut().poll(context);
        }
        let began = cpu_clock();
        let poll = task.as_mut().poll(context);
        timing.longest.turn_cpu.raise(Duration::from_nanos(cpu_clock().saturating_sub(began)));
        poll
    })
    .await
}
