//! The families of commands against a real redis-server 7.0: one file a family, the harness in [`support`].

mod bitmaps;
mod conversations;
mod deadlines;
mod dump;
mod dump_files;
mod generic;
mod geo;
mod hashes;
mod hyperloglogs;
mod lists;
mod notifications;
mod replay;
mod scripts;
mod sets;
mod sort;
mod sorted_sets;
mod streams;
mod strings;
mod support;
