//! The processor time that the process has used.

use std::time::Duration;

use ringmaster_protocol::session::info::Processor;
use rustix::time::{ClockId, clock_gettime};

/// Times in the kernel and in the program. Linux tells their proportion in hundredths of a second, and their sum exactly;
/// elsewhere all counts as time in the program.
pub(super) fn times() -> Processor {
    let clock = clock_gettime(ClockId::ProcessCPUTime);
    let sum = Duration::new(clock.tv_sec.unsigned_abs(), u32::try_from(clock.tv_nsec).unwrap_or(0));
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let (user, system) = ticks(&stat).unwrap_or((1, 0));
    let share = system as f64 / (user + system).max(1) as f64;
    let system = sum.mul_f64(share);
    Processor { system, user: sum.saturating_sub(system) }
}

/// The ticks in the program and in the kernel, fields 14 and 15 of a `stat` file.
fn ticks(stat: &str) -> Option<(u64, u64)> {
    // The second field is a name in parentheses, which may have spaces in it.
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_does_not_mislead() {
        let stat = "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 17 4 0 0 20";
        assert_eq!(ticks(stat), Some((17, 4)));
        assert_eq!(ticks(""), None);
        assert!(times().user > Duration::ZERO);
    }
}
