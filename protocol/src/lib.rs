//! The words that all sides of Ringmaster speak. Pure: no socket, no clock, no runtime, no randomness.
//!
//! | room | what |
//! | --- | --- |
//! | [`resp`] | requests parsed borrowed, reply frames measured, replies written (RESP2 and RESP3) |
//! | [`command`] | the one table of commands: arity, flags, keys, how they split over slots |
//! | [`extension`] | what proxies and nodes say to each other about slots: the RM.* messages |
//! | [`heartbeat`] | what proxies ask nodes ten times a second: the lease, their state, posts of other proxies |
//! | [`register`] | deciding the next view: what proposers and acceptors say |
//! | [`acl`] | users, their rules, and the log of what was refused to them |
//! | [`secret`] | how a proxy proves to a node that it knows the secret of their cluster |
//! | [`session`] | state of one client connection, and the commands that concern only it or the process |
//! | [`rdb`] | Redis's RDB: values as bytes, for `DUMP`, `RESTORE` and `dump.rdb` |
//! | [`proxy_header`] | the PROXY protocol: what a load balancer says in front of a connection |
//! | [`glob`] | patterns of `KEYS` and `CONFIG GET` |
//! | [`slot`] | hash slots and hash tags |
//! | [`trace`] | where a command stands in a trace: the `traceparent` of W3C |
//! | [`varint`] | numbers of any size in few bytes |
//! | [`view`] | who serves what in an epoch: view, chain, version |
//! | [`config`] | the loader of YAML files: all errors at once, each with line and column; sizes and times |
//! | [`cluster_file`] | the types of `cluster.yaml` |

#![forbid(unsafe_code)]

pub mod acl;
pub mod cluster_file;
pub mod command;
pub mod config;
pub mod extension;
pub mod glob;
pub mod heartbeat;
mod input;
pub mod proxy_header;
pub mod rdb;
pub mod register;
pub mod resp;
pub mod secret;
pub mod session;
pub mod slot;
pub mod trace;
pub mod varint;
pub mod view;
