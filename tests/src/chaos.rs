//! Real processes that are killed and stopped under a load whose history is checked.

pub mod load;
pub mod members;
pub mod processes;
