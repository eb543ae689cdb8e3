//! Which arguments of a command are channels.

use crate::command::{Arguments, Spec};

/// The channels among the arguments of a command: from where to where, and whether they are patterns.
pub(super) struct Channels {
    pub(super) places: std::ops::Range<usize>,
    pub(super) are_patterns: bool,
}

/// The channels that a command publishes to or subscribes to. Unsubscribing is everybody's right.
pub(super) fn of<A: Arguments + ?Sized>(spec: &Spec, args: &A) -> Channels {
    let places = match spec.name {
        "publish" | "spublish" => 1..2,
        "subscribe" | "ssubscribe" | "psubscribe" => 1..args.count(),
        _ => 0..0,
    };
    Channels { places, are_patterns: spec.name == "psubscribe" }
}
