//! `COMMAND` and its subcommands, rendered from the table as a redis-server renders its own.
//!
//! Redis lists commands and subcommands in the order of a seeded hash table, so no order is promised; here it is
//! the table's. Rows newer than Redis 7.0 are listed too.

pub mod arguments;
mod docs;
mod info;

use super::{COMMANDS, Categories, KeyRef, Spec, all, lookup_full, resolve};
use crate::{
    glob::{self, Case},
    resp::{Args, reply::Reply},
};

/// Answers the request `COMMAND …` in `args`.
pub fn command(args: Args<'_>, reply: &mut Reply<'_>) {
    let spec = match resolve(&args) {
        Ok(spec) => spec,
        Err(rejection) => return reply.error_bytes(&rejection.text(&args)),
    };
    let names = args.iter().skip(2);
    match spec.name {
        "command|info" if names.len() > 0 => {
            reply.array(names.len());
            names.for_each(|name| info::command_or_null(lookup_full(name), reply));
        }
        "command" | "command|info" => {
            reply.array(commands().len());
            commands().iter().for_each(|spec| info::command(spec, reply));
        }
        "command|docs" if names.len() > 0 => docs::map(names.filter_map(lookup_full), reply),
        "command|docs" => docs::map(commands().iter(), reply),
        "command|count" => reply.count(commands().len()),
        "command|list" => list(args, reply),
        "command|getkeys" => keys(args, reply, false),
        "command|getkeysandflags" => keys(args, reply, true),
        _ => help(reply),
    }
}

/// All commands, without subcommands.
fn commands() -> &'static [Spec] {
    &all()[..COMMANDS]
}

/// `COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern]`: full names, subcommands too.
fn list(args: Args<'_>, reply: &mut Reply<'_>) {
    let lists: Box<dyn Fn(&Spec) -> bool> = match (args.len(), args.get(2), args.get(3), args.get(4)) {
        (2, ..) => Box::new(|_| true),
        (5, Some(filter_by), Some(filter), Some(value)) if filter_by.eq_ignore_ascii_case(b"filterby") => {
            match filter.to_ascii_lowercase().as_slice() {
                // No command comes from a module.
                b"module" => Box::new(|_| false),
                b"aclcat" => {
                    let wanted = Categories::by_name(value);
                    Box::new(move |spec| wanted.is_some_and(|wanted| spec.categories.contains(wanted)))
                }
                b"pattern" => {
                    Box::new(move |spec| glob::matches(value, spec.name.as_bytes(), Case::Insensitive))
                }
                _ => return reply.error("ERR syntax error"),
            }
        }
        _ => return reply.error("ERR syntax error"),
    };
    reply.array(all().iter().filter(|spec| lists(spec)).count());
    all().iter().filter(|spec| lists(spec)).for_each(|spec| reply.bulk(spec.name.as_bytes()));
}

/// `COMMAND GETKEYS command …` and `COMMAND GETKEYSANDFLAGS command …`.
fn keys(args: Args<'_>, reply: &mut Reply<'_>, with_flags: bool) {
    let request = args.from(2);
    let found = match keys_of(request) {
        Ok(found) => found,
        Err(error) => return reply.error(error),
    };
    reply.array(found.len());
    for key in found {
        let name = request.get(key.position as usize).unwrap_or_default();
        if !with_flags {
            reply.bulk(name);
            continue;
        }
        reply.array(2);
        reply.bulk(name);
        info::names(key.flags.len(), key.flags.names(), reply);
    }
}

fn keys_of(request: Args<'_>) -> Result<Vec<KeyRef>, &'static str> {
    let spec = resolve::find(&request).map_err(|_| "ERR Invalid command specified")?;
    if spec.has_keys() && !spec.arity_allows(request.len()) {
        return Err("ERR Invalid number of arguments specified for command");
    }
    let mut found = Vec::new();
    match spec.key_positions(&request, &mut found) {
        Ok(()) => Ok(found),
        Err(error) => Err(error.text()),
    }
}

/// Redis's text, line by line.
const HELP: [&str; 21] = [
    "COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "(no subcommand)",
    "    Return details about all Redis commands.",
    "COUNT",
    "    Return the total number of commands in this Redis server.",
    "LIST",
    "    Return a list of all commands in this Redis server.",
    "INFO [<command-name> ...]",
    "    Return details about multiple Redis commands.",
    "    If no command names are given, documentation details for all",
    "    commands are returned.",
    "DOCS [<command-name> ...]",
    "    Return documentation details about multiple Redis commands.",
    "    If no command names are given, documentation details for all",
    "    commands are returned.",
    "GETKEYS <full-command>",
    "    Return the keys from a full Redis command.",
    "GETKEYSANDFLAGS <full-command>",
    "    Return the keys and the access flags from a full Redis command.",
    "HELP",
    "    Prints this help.",
];

fn help(reply: &mut Reply<'_>) {
    reply.array(HELP.len());
    HELP.iter().for_each(|line| reply.simple(line));
}
