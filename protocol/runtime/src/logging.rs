//! Logs: one line an event, lower-case text and key=value or JSON, to standard error. What is logged can be changed while the
//! process runs.

use std::io::IsTerminal;
use std::str::FromStr;
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// Longest filter in bytes.
const FILTER_BYTES_MAX: usize = 1024;

/// The audit log's lines are left out by a filter that says so, not by a higher level of all others.
const AUDIT: &str = "audit=info";

/// What is logged, once logging has been started.
static FILTER: OnceLock<InUse> = OnceLock::new();

struct InUse {
    handle: reload::Handle<EnvFilter, Registry>,
    /// The filter as it was told.
    told: Mutex<String>,
}

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Text, for people.
    #[default]
    Text,
    /// An object of JSON a line, for programs.
    Json,
}

/// Starts logging at `level` (`error` … `trace`, or a filter as `ringmaster_proxy=debug`); the environment
/// variable `RINGMASTER_LOG` overrides it, and `RINGMASTER_LOG_FORMAT=json` makes lines JSON. A second call changes nothing.
pub fn start(level: &str) {
    let filter = std::env::var("RINGMASTER_LOG").unwrap_or_else(|_| level.to_owned());
    let is_json = std::env::var("RINGMASTER_LOG_FORMAT").is_ok_and(|format| format == "json");
    start_as(&filter, if is_json { Format::Json } else { Format::Text });
}

fn start_as(told: &str, format: Format) {
    let (told, filter, fault) = match filter_of(told) {
        Ok(filter) => (told, filter, None),
        Err(fault) => ("info", EnvFilter::new("info"), Some(fault)),
    };
    let (filter, handle) = reload::Layer::new(filter);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        Format::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    // Fails only when logging has been started before: then that one stays.
    if tracing_subscriber::registry().with(filter).with(lines).try_init().is_ok() {
        let told = Mutex::new(told.to_owned());
        let _ = FILTER.set(InUse { handle, told });
    }
    if let Some(fault) = fault {
        tracing::warn!(fault, "what is to be logged is not understood: info");
    }
}

/// What is logged now; `None` if logging was not started here.
#[must_use]
pub fn level() -> Option<String> {
    FILTER.get().map(|in_use| in_use.told.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

/// Whether `level` is one, or a filter.
///
/// # Errors
/// The text says why it is not.
pub fn check_level(level: &str) -> Result<(), String> {
    parse(level).map(drop)
}

/// Logs by another level or filter from now on.
///
/// # Errors
/// It is none, or logging was not started here: nothing changes. The text says why.
pub fn set_level(level: &str) -> Result<(), String> {
    let filter = parse(level)?;
    let in_use = FILTER.get().ok_or("the logs of this process are somebody else's")?;
    let mut told = in_use.told.lock().unwrap_or_else(PoisonError::into_inner);
    in_use.handle.reload(filter).map_err(|error| error.to_string())?;
    level.trim().clone_into(&mut told);
    drop(told);
    // Lines of JSON have a `level` of their own.
    tracing::warn!(filter = level, "another log level");
    Ok(())
}

fn parse(level: &str) -> Result<EnvFilter, String> {
    let level = level.trim();
    if level.is_empty() || level.len() > FILTER_BYTES_MAX {
        return Err("give a level: error, warn, info, debug or trace, or a filter as ringmaster_proxy=debug"
            .to_owned());
    }
    // A single word that is no level would be taken for a module that is logged in full.
    let is_word = level.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_word && tracing::level_filters::LevelFilter::from_str(level).is_err() {
        return Err(format!("`{level}` is no level: error, warn, info, debug, trace or off"));
    }
    filter_of(level)
}

/// The filter that is meant by `told`.
fn filter_of(told: &str) -> Result<EnvFilter, String> {
    let says_audit = told.split(',').any(|part| part.trim().split('=').next() == Some("audit"));
    let filter = if says_audit { told.to_owned() } else { format!("{AUDIT},{told}") };
    EnvFilter::try_new(filter).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_or_a_filter_is_taken_and_nothing_else() {
        for good in ["error", "INFO", "trace", "off", "info,ringmaster_proxy=debug", "audit=off,warn"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for wrong in ["", " ", "loud", "ringmaster_proxy", "a=b=c", &"x".repeat(5000)] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_level_is_changed_while_the_process_runs() {
        start_as("warn", Format::Json);
        let began = level().expect("logging was started here");
        assert_eq!(began, "warn");
        set_level("debug").unwrap();
        assert_eq!(level().unwrap(), "debug");
        assert!(set_level("loud").is_err());
        assert_eq!(level().unwrap(), "debug", "a wrong one changes nothing");
        assert!(tracing::enabled!(tracing::Level::DEBUG) && !tracing::enabled!(tracing::Level::TRACE));
        let audits = || tracing::enabled!(target: "audit", tracing::Level::INFO);
        for (told, is_audited) in [("error", true), ("audit=off,info", false), ("info,x=debug", true)] {
            set_level(told).unwrap();
            assert_eq!((level().unwrap(), audits()), (told.to_owned(), is_audited));
        }
    }
}
