//! The log over a disk that loses power, fails and is damaged.

mod damage;
mod failing;
mod power;
pub(super) mod support;
