//! Durations on the command line: `10` and `10s` are seconds, `500ms` milliseconds, `2m` minutes.

use std::time::Duration;

/// Reads a duration.
///
/// # Errors
/// A text that says what is understood.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds_per_unit = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        _ => return Err(format!("unknown unit {unit:?}: use us, ms, s or m")),
    };
    let number: f64 = number.parse().map_err(|_| format!("{number:?} is not a number"))?;
    Duration::try_from_secs_f64(number * seconds_per_unit).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_seconds_are_the_default() {
        for (text, want) in [("10", 10_000), ("1.5s", 1500), ("250ms", 250), ("2m", 120_000)] {
            assert_eq!(parse(text), Ok(Duration::from_millis(want)), "{text}");
        }
        for text in ["", "s", "-1", "1h", "1e999"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
