//! CPU time, the figure that a busy machine distorts least.

use std::{fs, io, path::Path};

use rustix::time::{ClockId, clock_gettime};

use super::clock::Nanos;

/// CPU time of the calling thread.
pub(super) fn of_this_thread() -> Nanos {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// CPU time of all threads of process `pid` that live now, to the nanosecond, from the scheduler's own count.
///
/// # Errors
/// There is no such process, or no `schedstat`.
pub(super) fn of_process(pid: u32) -> io::Result<Nanos> {
    of_tasks(&Path::new("/proc").join(pid.to_string()).join("task"))
}

fn of_tasks(tasks: &Path) -> io::Result<Nanos> {
    let mut sum = 0;
    for task in fs::read_dir(tasks)? {
        match fs::read_to_string(task?.path().join("schedstat")) {
            Ok(text) => sum += on_cpu(&text)?,
            // A thread that ended meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sum)
}

/// The first field of `schedstat`: nanoseconds on a CPU.
fn on_cpu(schedstat: &str) -> io::Result<Nanos> {
    let field = schedstat.split_whitespace().next().and_then(|field| field.parse().ok());
    field.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "schedstat has no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_on_cpu_is_the_first_field() {
        assert_eq!(on_cpu("123456 789 10\n").unwrap(), 123_456);
        assert!(on_cpu("").is_err());
    }

    #[test]
    fn work_costs_cpu_time() {
        let (thread, process) = (of_this_thread(), of_process(std::process::id()).unwrap());
        let mut work = 0u64;
        while of_this_thread() < thread + 20_000_000 {
            work = std::hint::black_box(work + 1);
        }
        // The scheduler counts a running thread at its ticks.
        assert!(of_process(std::process::id()).unwrap() > process);
    }
}
