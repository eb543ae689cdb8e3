//! Snapshots while much changes, over a disk that loses power, and with bytes flipped; and
//! those that a broken log needs.

mod busy;
mod damage;
mod power;
mod renewal;
mod support;
mod values;
