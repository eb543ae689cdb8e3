//! Commands: one file a family.

pub mod error;
