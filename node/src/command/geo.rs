//! Geospatial indexes: sorted sets whose scores are geohashes of 52 bits.
//!
//! Arithmetic goes step by step as in Redis: scores, distances and positions agree to the last digit.

mod add;
mod cell;
mod point;
mod read;
mod request;
mod search;
mod shape;
mod text;

use super::{CommandError, Handler};
use crate::command::options::is;

/// The family's commands.
pub const HANDLERS: &[(&str, Handler)] = &[
    ("geoadd", Handler::Keys(add::geoadd)),
    ("geodist", Handler::Keys(read::geodist)),
    ("geohash", Handler::Keys(read::geohash)),
    ("geopos", Handler::Keys(read::geopos)),
    ("georadius", Handler::Keys(search::georadius)),
    ("georadius_ro", Handler::Keys(search::georadius_ro)),
    ("georadiusbymember", Handler::Keys(search::georadiusbymember)),
    ("georadiusbymember_ro", Handler::Keys(search::georadiusbymember_ro)),
    ("geosearch", Handler::Keys(search::geosearch)),
    ("geosearchstore", Handler::Keys(search::geosearchstore)),
];

/// Meters of a unit of length.
///
/// # Errors
/// That there is no such unit.
fn unit(word: &[u8]) -> Result<f64, CommandError> {
    match word {
        _ if is(word, "M") => Ok(1.0),
        _ if is(word, "KM") => Ok(1000.0),
        _ if is(word, "FT") => Ok(0.3048),
        _ if is(word, "MI") => Ok(1609.34),
        _ => Err(CommandError::text("ERR unsupported unit provided. please use M, KM, FT, MI")),
    }
}

/// A double as the processor of Redis's builds makes a 64-bit integer of it: what does not fit is `i64::MIN`.
fn truncated(value: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&value) { value as i64 } else { i64::MIN }
}
