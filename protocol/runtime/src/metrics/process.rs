//! The process as the kernel sees it, under the names that all of Prometheus's clients give these figures.

use std::fs;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use super::{Family, Kind};

/// When this was first asked for, since the Unix epoch: where the kernel does not say when the process began.
static FIRST_LOOK: LazyLock<Duration> = LazyLock::new(since_epoch);

/// Parts of a second in which Linux tells when a process began, the same on all machines.
const TICKS_A_SECOND: f64 = 100.0;

/// The figures of one moment. What the kernel does not tell is left out.
#[derive(Clone, Debug, Default)]
pub struct Process {
    started_at_seconds: Option<f64>,
    cpu_seconds: f64,
    resident_bytes: Option<u64>,
    virtual_bytes: Option<u64>,
    threads: Option<u64>,
    open_files: Option<u64>,
    open_files_max: Option<u64>,
}

impl Process {
    /// Asks the kernel: some dozens of microseconds.
    #[must_use]
    pub fn look() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let kib = |name| number_behind(&status, name).map(|kib| kib << 10);
        let clock = clock_gettime(ClockId::ProcessCPUTime);
        let cpu = Duration::new(clock.tv_sec.unsigned_abs(), u32::try_from(clock.tv_nsec).unwrap_or(0));
        Self {
            started_at_seconds: Some(began().unwrap_or(FIRST_LOOK.as_secs_f64())),
            cpu_seconds: cpu.as_secs_f64(),
            resident_bytes: kib("VmRSS:"),
            virtual_bytes: kib("VmSize:"),
            threads: number_behind(&status, "Threads:"),
            open_files: open_files(),
            open_files_max: fs::read_to_string("/proc/self/limits")
                .ok()
                .and_then(|limits| number_behind(&limits, "Max open files")),
        }
    }
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The first number behind `name` at the beginning of a line.
fn number_behind(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

/// When the process began, in seconds since the Unix epoch.
fn began() -> Option<f64> {
    let booted = number_behind(&fs::read_to_string("/proc/stat").ok()?, "btime ")?;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is a name in parentheses, which may have spaces in it; the beginning is the 22nd.
    let ticks: f64 = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().nth(19)?.parse().ok()?;
    Some(booted as f64 + ticks / TICKS_A_SECOND)
}

/// Linux since 6.2 says it as the size of the directory; before, its entries are counted.
fn open_files() -> Option<u64> {
    let size = fs::metadata("/proc/self/fd").map_or(0, |directory| directory.len());
    if size > 0 {
        return Some(size);
    }
    // One of them is this look.
    let entries = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(entries.saturating_sub(1) as u64)
}

macro_rules! gauge {
    ($name:literal, $field:ident, $help:literal) => {
        Family {
            name: $name,
            kind: Kind::Gauge,
            labels: &[],
            help: $help,
            collect: |process, samples| {
                if let Some(value) = process.$field {
                    samples.value(value);
                }
            },
        }
    };
}

/// The families.
pub static FAMILIES: [Family<Process>; 7] = [
    Family {
        name: "process_cpu_seconds_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Processor time of all threads of the process.",
        collect: |process, samples| samples.value(process.cpu_seconds),
    },
    gauge!("process_start_time_seconds", started_at_seconds, "When the process began, since the Unix epoch."),
    gauge!("process_resident_memory_bytes", resident_bytes, "Memory that the process has from the kernel."),
    gauge!("process_virtual_memory_bytes", virtual_bytes, "Addresses that the process has."),
    gauge!("process_threads", threads, "Threads of the process."),
    gauge!("process_open_fds", open_files, "Open files and sockets of the process."),
    gauge!("process_max_fds", open_files_max, "Most files and sockets that the process may have open."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{describe, faults, render};

    #[test]
    fn the_kernel_knows_this_process() {
        let mut page = String::new();
        render(&FAMILIES, &Process::look(), &mut page);
        for family in &FAMILIES {
            assert!(page.contains(&format!("\n{} ", family.name)), "{} is missing: {page}", family.name);
        }
        let now = since_epoch().as_secs_f64();
        let began = began().unwrap();
        assert!(began < now + 1.0 && began > now - 3600.0, "it began at {began}, now is {now}");
        assert_eq!(faults(&describe(&FAMILIES).collect::<Vec<_>>()), [""; 0]);
    }
}
