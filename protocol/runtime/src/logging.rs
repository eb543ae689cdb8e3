//! Logs: one line an event, lower-case text and key=value, to standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging at `level` (`error` … `trace`, or a filter as `ringmaster_proxy=debug`); the environment
/// variable `RINGMASTER_LOG` overrides it. A second call changes nothing.
pub fn start(level: &str) {
    let filter = std::env::var("RINGMASTER_LOG").unwrap_or_else(|_| level.to_owned());
    let filter = EnvFilter::try_new(&filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::stderr().is_terminal();
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colour).with_writer(std::io::stderr);
    // Fails only when logging has been started before: then that one stays.
    drop(subscriber.try_init());
}
