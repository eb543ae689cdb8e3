//! Lua scripts and functions, as Redis 7.0 runs them.
//!
//! A script runs in a [`vm::Vm`], on a stack of its own. It never touches the store: for a command it lays the words
//! on the [`desk::Desk`] and turns its thread over to whoever runs it, who holds the slots, carries the command out,
//! lays the reply there and goes on with the script. The same happens when it has run for a millisecond, wherever it
//! stands then (in a `pcall`, in a comparison of `table.sort`): the connection lets others have a turn and goes on
//! with it later. So no thread is ever stuck in a script, and a script may wait for a slot.
//!
//! [`catalogue`] keeps scripts by their SHA-1, [`library`] keeps functions; both know no Lua.

mod bit;
pub(crate) mod catalogue;
mod cjson;
mod cmsgpack;
pub(crate) mod convert;
pub(crate) mod desk;
mod failure;
pub(crate) mod learn;
pub(crate) mod library;
mod number;
mod pace;
mod pattern;
mod random;
mod redis;
mod roomy;
mod runner;
pub(crate) mod sandbox;
pub(crate) mod sha1;
pub(crate) mod shebang;
mod structure;
mod text;
pub(crate) mod vm;
pub(crate) mod words;
