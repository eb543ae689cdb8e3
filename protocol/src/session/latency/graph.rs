//! The drawing of `LATENCY GRAPH`: the samples as columns, their ages below.

use std::fmt::Write;

use crate::session::LatencyEvent;

/// Height of the drawing, in characters.
const ROWS: usize = 4;

/// Most columns: one a sample.
const COLUMNS_MAX: usize = 80;

/// Marks of the thirds of a character's height, from below; the last tops a column that goes through.
const MARKS: [char; 3] = ['_', 'o', '#'];

/// The graph of `event` as of `now`, in Unix seconds.
pub(super) fn text(event: &LatencyEvent, now: u64) -> String {
    let samples = &event.samples[event.samples.len().saturating_sub(COLUMNS_MAX)..];
    let values = || samples.iter().map(|sample| sample.millis);
    let (low, high) = (values().min().unwrap_or(0), values().max().unwrap_or(0));
    let mut text = format!(
        "{} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
        event.name,
        event.longest_millis,
        "-".repeat(80)
    );
    for row in (0..ROWS).rev() {
        text.extend(values().map(|value| mark(value, low, high, row)));
        text.push('\n');
    }
    let ages: Vec<String> = samples.iter().map(|sample| age(now.saturating_sub(sample.at_seconds))).collect();
    text.push_str(&" ".repeat(ages.len()));
    text.push('\n');
    for row in 0..ages.iter().map(String::len).max().unwrap_or(0) {
        text.extend(ages.iter().map(|age| age.chars().nth(row).unwrap_or(' ')));
        text.push('\n');
    }
    text
}

/// What stands at `row` (0 is the lowest) in the column of `value`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a drawing of 12 steps"
)]
fn mark(value: u32, low: u32, high: u32, row: usize) -> char {
    let steps = ROWS * MARKS.len();
    let share = if high == low { 0.0 } else { f64::from(value - low) / f64::from(high - low) };
    let level = ((share * steps as f64) as usize).min(steps - 1);
    match (level / MARKS.len()).cmp(&row) {
        std::cmp::Ordering::Less => ' ',
        std::cmp::Ordering::Equal => MARKS[level % MARKS.len()],
        std::cmp::Ordering::Greater => '|',
    }
}

/// A time in its largest unit: `43s`, `2m`.
fn age(seconds: u64) -> String {
    let mut text = String::new();
    let (count, unit) = match seconds {
        0..60 => (seconds, 's'),
        60..3600 => (seconds / 60, 'm'),
        3600..86_400 => (seconds / 3600, 'h'),
        _ => (seconds / 86_400, 'd'),
    };
    // Writing to a String cannot fail.
    let _ = write!(text, "{count}{unit}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::LatencySample;

    #[test]
    fn samples_are_drawn_as_redis_draws_them() {
        let samples = [(96, 6), (97, 20), (98, 12)];
        let samples = samples.map(|(at_seconds, millis)| LatencySample { at_seconds, millis }).to_vec();
        let drawn = text(&LatencyEvent { name: "command", samples, longest_millis: 20 }, 100);
        assert_eq!(drawn.len(), 162);
        let lines: Vec<&str> = drawn.lines().collect();
        assert_eq!(lines[0], "command - high 20 ms, low 6 ms (all time high 20 ms)");
        assert_eq!(lines[2..], [" # ", " | ", " |#", "_||", "   ", "432", "sss"]);
    }
}
