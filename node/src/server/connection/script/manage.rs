//! SCRIPT and FUNCTION, as far as they run no code.

use ringmaster_protocol::glob::{self, Case};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::payload;
use crate::script::library::{Function, Library};
use crate::script::sha1::from_hex;
use crate::server::scripts::Scripts;

/// Carries out the subcommand `name` (`script|exists`).
///
/// # Errors
/// The error reply.
pub(super) fn execute(
    name: &str,
    args: Args<'_>,
    scripts: &Scripts,
    reply: &mut Reply<'_>,
) -> Result<(), String> {
    match name {
        "script|exists" => exists(args, scripts, reply),
        "script|flush" => {
            flush_mode(args, "ERR SCRIPT FLUSH only support SYNC|ASYNC option")?;
            scripts.catalogue.flush();
            reply.ok();
        }
        "script|kill" => {
            scripts.kill(false)?;
            reply.ok();
        }
        "script|debug" => debug(args, reply)?,
        "function|delete" => {
            let name = String::from_utf8_lossy(&args[2]).into_owned();
            if !scripts.libraries.delete(&name) {
                return Err("ERR Library not found".to_owned());
            }
            reply.ok();
        }
        "function|flush" => {
            if args.len() > 3 {
                let name = String::from_utf8_lossy(&args[1]);
                return Err(format!(
                    "ERR unknown subcommand or wrong number of arguments for '{name}'. Try FUNCTION HELP."
                ));
            }
            flush_mode(args, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option")?;
            scripts.libraries.flush();
            reply.ok();
        }
        "function|kill" => {
            scripts.kill(true)?;
            reply.ok();
        }
        "function|list" => list(args, scripts, reply)?,
        "function|stats" => stats(scripts, reply),
        "function|dump" => reply.bulk(&payload::dump(&scripts.libraries.all())),
        _ => return Err(format!("ERR command '{name}' is not supported by this release")),
    }
    Ok(())
}

fn exists(args: Args<'_>, scripts: &Scripts, reply: &mut Reply<'_>) {
    reply.array(args.len() - 2);
    for name in args.iter().skip(2) {
        let known = from_hex(name).is_some_and(|digest| scripts.catalogue.find(&digest).is_some());
        reply.int(i64::from(known));
    }
}

/// `[ASYNC|SYNC]`: both are done at once here.
fn flush_mode(args: Args<'_>, broken: &str) -> Result<(), String> {
    let known = |mode: &[u8]| mode.eq_ignore_ascii_case(b"sync") || mode.eq_ignore_ascii_case(b"async");
    match args.get(2) {
        Some(mode) if args.len() > 3 || !known(mode) => Err(broken.to_owned()),
        _ => Ok(()),
    }
}

/// `SCRIPT DEBUG`: there is no debugger; it can be switched off.
fn debug(args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), String> {
    let is = |mode: &[u8]| args[2].eq_ignore_ascii_case(mode);
    if is(b"no") {
        reply.ok();
        Ok(())
    } else if is(b"yes") || is(b"sync") {
        Err("ERR the script debugger is not supported by this release".to_owned())
    } else {
        Err("ERR Use SCRIPT DEBUG YES/SYNC/NO".to_owned())
    }
}

/// `FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]`.
fn list(args: Args<'_>, scripts: &Scripts, reply: &mut Reply<'_>) -> Result<(), String> {
    let (mut with_code, mut pattern, mut at) = (false, None, 2);
    while let Some(word) = args.get(at) {
        at += 1;
        if !with_code && word.eq_ignore_ascii_case(b"withcode") {
            with_code = true;
        } else if pattern.is_none() && word.eq_ignore_ascii_case(b"libraryname") {
            pattern = Some(args.get(at).ok_or("ERR library name argument was not given")?);
            at += 1;
        } else {
            return Err(format!("ERR Unknown argument {}", String::from_utf8_lossy(word)));
        }
    }
    let mut libraries = scripts.libraries.all();
    if let Some(pattern) = pattern {
        libraries.retain(|library| glob::matches(pattern, library.name.as_bytes(), Case::Insensitive));
    }
    reply.array(libraries.len());
    libraries.iter().for_each(|library| show_library(library, with_code, reply));
    Ok(())
}

fn show_library(library: &Library, with_code: bool, reply: &mut Reply<'_>) {
    reply.map(if with_code { 4 } else { 3 });
    reply.bulk(b"library_name");
    reply.bulk(library.name.as_bytes());
    reply.bulk(b"engine");
    reply.bulk(b"LUA");
    reply.bulk(b"functions");
    reply.array(library.functions.len());
    library.functions.iter().for_each(|function| show_function(function, reply));
    if with_code {
        reply.bulk(b"library_code");
        reply.bulk(&library.text);
    }
}

fn show_function(function: &Function, reply: &mut Reply<'_>) {
    reply.map(3);
    reply.bulk(b"name");
    reply.bulk(function.name.as_bytes());
    reply.bulk(b"description");
    reply.bulk_or_null(function.description.as_deref());
    reply.bulk(b"flags");
    reply.set(function.flags.names().count());
    function.flags.names().for_each(|name| reply.simple(name));
}

/// `FUNCTION STATS`: of those that run for long, the one that began first.
fn stats(scripts: &Scripts, reply: &mut Reply<'_>) {
    reply.map(2);
    reply.bulk(b"running_script");
    match scripts.longest() {
        None => reply.null(),
        Some(running) => {
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(running.name.as_bytes());
            reply.bulk(b"command");
            reply.array(running.command.len());
            running.command.iter().for_each(|word| reply.bulk(word));
            reply.bulk(b"duration_ms");
            reply.int(i64::try_from(running.began.elapsed().as_millis()).unwrap_or(i64::MAX));
        }
    }
    let libraries = scripts.libraries.all();
    let functions = libraries.iter().map(|library| library.functions.len()).sum::<usize>();
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(b"LUA");
    reply.map(2);
    for (name, count) in [("libraries_count", libraries.len()), ("functions_count", functions)] {
        reply.bulk(name.as_bytes());
        reply.int(i64::try_from(count).unwrap_or(i64::MAX));
    }
}
