//! Real processes that are killed, stopped and cut off from each other, under a load whose history is checked.

pub mod gate;
pub mod load;
pub mod members;
pub mod name_server;
pub mod processes;
pub mod readers;
