//! Which program this is, as a metric.

use super::{Family, Kind, Samples};

/// The family `name`: 1, with the release as its label.
#[must_use]
pub const fn family<S>(name: &'static str, collect: fn(&S, &mut Samples<'_>)) -> Family<S> {
    let help = "1; the label says which release runs.";
    Family { name, kind: Kind::Gauge, labels: &["version"], help, collect }
}

/// Its one sample.
pub fn sample(samples: &mut Samples<'_>) {
    samples.of(&[env!("CARGO_PKG_VERSION")], 1);
}
