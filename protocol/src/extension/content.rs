//! What moves between the entries of a chain: single operations, and whole slots.

use bytes::Bytes;

use super::History;
use crate::slot::HashSlot;
use crate::view::{Epoch, Version};

/// One operation as it goes down the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Version of the slot before it.
    pub previous: Version,
    /// Version of the slot after it.
    pub new: Version,
    /// The slot's time after it, in Unix milliseconds.
    pub time: u64,
    /// Its effects, as the node that executed it encoded them.
    pub effects: Bytes,
}

/// A whole slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// `changed` of the chain under which it was taken.
    pub changed: Epoch,
    /// Epoch in which the slot started empty.
    pub born: Epoch,
    /// The operations that it contains.
    pub history: History,
    /// The slot's time in Unix milliseconds.
    pub time: u64,
    /// Effects that make it out of an empty slot, as the node encoded them.
    pub effects: Bytes,
}

/// What a node says of a slot when nobody is known to hold it in-sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The slot.
    pub slot: HashSlot,
    /// Epoch in which its content started empty; 0 if it never had any.
    pub born: Epoch,
    /// The operations that it contains.
    pub history: History,
    /// The highest epoch since which its content was proven to be the chain's.
    pub proven: Epoch,
}

/// A key that its node would evict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim {
    /// Its slot.
    pub slot: HashSlot,
    /// Its database, below 16.
    pub database: u8,
    /// The key.
    pub key: Bytes,
    /// Bytes that its entry takes there, about.
    pub bytes: u64,
}
