//! Snapshots while much changes, over a disk that loses power, and with bytes flipped.

mod busy;
mod damage;
mod power;
mod support;
mod values;
