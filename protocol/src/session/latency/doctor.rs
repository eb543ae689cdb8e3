//! The text of `LATENCY DOCTOR`: what was observed and what may be done about it.

use std::fmt::Write;
use std::time::Duration;

use crate::session::{LatencyEvent, Observations};

const DISABLED: &str = "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. You \
may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order to enable it. If we weren't in a deep space \
mission I'd suggest to take a look at https://redis.io/topics/latency-monitor.\n";

const HEALTHY: &str = "Dave, no latency spike was observed during the lifetime of this Redis instance, not in the \
slightest bit. I honestly think you ought to sit down calmly, take a stress pill, and think things over.\n";

const GREETING: &str = "Dave, I have observed latency spikes in this Redis instance. You don't mind talking about it, \
do you Dave?\n\n";

const NO_SLOW_LOG: &str = "- There are latency issues with potentially slow commands you are using. Try to enable the \
Slow Log Redis feature using the command 'CONFIG SET slowlog-log-slower-than ";

const COARSE_SLOW_LOG: &str = "- Your current Slow Log configuration only logs events that are slower than your \
configured latency monitor threshold. Please use 'CONFIG SET slowlog-log-slower-than ";

const CHECK_SLOW_LOG: &str = "- Check your Slow Log to understand what are the commands you are running which are too \
slow to execute. Please check https://redis.io/commands/slowlog for more information.\n";

const LARGE_OBJECTS: &str = "- Deleting, expiring or evicting (because of maxmemory policy) large objects is a \
blocking operation. If you have very large objects that are often deleted, expired, or evicted, try to fragment those \
objects into multiple smaller objects.\n";

/// Words that say what kind of events there are for advice.
const SLOW_COMMANDS: [&str; 2] = ["command", "fast-command"];

/// The doctor's words about `observations` at `now`, in Unix seconds.
pub(super) fn text(observations: Option<&dyn Observations>, now: u64) -> String {
    let Some(observations) = observations else { return DISABLED.to_owned() };
    let events = observations.latency_events();
    let threshold = observations.latency_threshold_millis();
    if events.is_empty() {
        return if threshold == 0 { DISABLED } else { HEALTHY }.to_owned();
    }
    let mut text = GREETING.to_owned();
    for (number, event) in (1..).zip(&events) {
        describe(&mut text, number, event, now);
    }
    text.push_str("\nI have a few advices for you:\n\n");
    advise(&mut text, &events, observations.slow_threshold(), threshold);
    text
}

fn describe(text: &mut String, number: usize, event: &LatencyEvent, now: u64) {
    let count = u64::try_from(event.samples.len()).unwrap_or(1).max(1);
    let values = || event.samples.iter().map(|sample| u64::from(sample.millis));
    let mean = values().sum::<u64>() / count;
    let deviation = values().map(|value| value.abs_diff(mean)).sum::<u64>() / count;
    let first = event.samples.first().map_or(now, |sample| sample.at_seconds);
    let period = now.saturating_sub(first).max(1) as f64 / count as f64;
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{number}. {}: {count} latency spikes (average {mean}ms, mean deviation {deviation}ms, period {period:.2} \
         sec). Worst all time event {}ms.",
        event.name, event.longest_millis
    );
}

fn advise(text: &mut String, events: &[LatencyEvent], slow: Option<Duration>, threshold_millis: u64) {
    let slow_commands = events.iter().any(|event| SLOW_COMMANDS.contains(&event.name));
    let micros = threshold_millis * 1000;
    if slow_commands {
        match slow {
            None => {
                let _ = writeln!(text, "{NO_SLOW_LOG}{micros}'.");
            }
            Some(slow) if slow.as_micros() > u128::from(micros) => {
                let _ = writeln!(text, "{COARSE_SLOW_LOG}{micros}'.");
            }
            Some(_) => {}
        }
        text.push_str(CHECK_SLOW_LOG);
    }
    text.push_str(LARGE_OBJECTS);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::LatencySample;

    #[test]
    fn an_event_is_described_as_redis_does() {
        let samples = [(58, 6), (59, 20), (60, 12)];
        let samples = samples.map(|(at_seconds, millis)| LatencySample { at_seconds, millis }).to_vec();
        let mut said = String::new();
        describe(&mut said, 1, &LatencyEvent { name: "command", samples, longest_millis: 20 }, 62);
        let expected = "1. command: 3 latency spikes (average 12ms, mean deviation 4ms, period 1.33 sec). Worst all \
                        time event 20ms.\n";
        assert_eq!(said, expected);
    }
}
