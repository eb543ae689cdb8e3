//! The table `redis` of scripts, of functions, and of libraries while they are loaded.

use std::rc::Rc;

use mlua::{Lua, MultiValue, Scope, Table, Value, Variadic};
use ringmaster_protocol::command::lookup;
use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::session::REDIS_VERSION;

use super::convert;
use super::desk::Desk;
use super::failure::{Raised, error_table, table};
use super::number::{general, to_integer};
use super::runner::Loading;
use super::sha1::{hex, sha1};
use super::text::{to_number, to_vec};
use super::vm::{Answer, Event, Way};

/// The version that `INFO` tells, as a number: a byte each for its three parts.
const REDIS_VERSION_NUMBER: u32 = 0x0007_0204;

const LEVELS: [(&str, i64); 4] =
    [("LOG_DEBUG", 0), ("LOG_VERBOSE", 1), ("LOG_NOTICE", 2), ("LOG_WARNING", 3)];

/// What each kind of code finds under the name `redis`.
pub(super) struct Tables {
    /// Scripts.
    pub(super) scripts: Table,
    /// Functions when they run.
    pub(super) functions: Table,
    /// Libraries when they are loaded.
    pub(super) libraries: Table,
}

/// Makes the tables.
pub(super) fn tables<'scope, 'env: 'scope>(
    lua: &Lua,
    scope: &'scope Scope<'scope, 'env>,
    (way, desk): (&'env Way, &'env Rc<Desk>),
    loading: &Rc<Loading>,
) -> mlua::Result<Tables> {
    let [scripts, functions, libraries] = [lua.create_table()?, lua.create_table()?, lua.create_table()?];
    for (name, raises) in [("call", true), ("pcall", false)] {
        let call =
            scope.create_function(move |lua, args: MultiValue| call(lua, (way, desk), &args, raises))?;
        functions.raw_set(name, call)?;
    }
    functions
        .raw_set("error_reply", lua.create_function(|lua, args: Variadic<Value>| error_reply(lua, &args))?)?;
    functions.raw_set(
        "status_reply",
        lua.create_function(|lua, args: Variadic<Value>| status_reply(lua, &args))?,
    )?;
    functions.raw_set("sha1hex", lua.create_function(|lua, args: Variadic<Value>| sha1hex(lua, &args))?)?;
    let own = Rc::clone(desk);
    functions.raw_set(
        "setresp",
        lua.create_function(move |_, args: Variadic<Value>| set_protocol(&own, &args))?,
    )?;
    functions.raw_set(
        "set_repl",
        lua.create_function(|lua, args: Variadic<Value>| set_replication(lua, &args))?,
    )?;
    functions.raw_set(
        "acl_check_cmd",
        lua.create_function(|lua, args: Variadic<Value>| acl_check_command(lua, &args))?,
    )?;
    let targets =
        [("REPL_NONE", 0), ("REPL_AOF", 1), ("REPL_SLAVE", 2), ("REPL_REPLICA", 2), ("REPL_ALL", 3)];
    for (name, value) in targets {
        functions.raw_set(name, value)?;
    }
    for table in [&functions, &libraries] {
        log_and_version(lua, table)?;
    }
    let loading = Rc::clone(loading);
    let register = lua.create_function(move |lua, args| loading.register(lua, &args))?;
    libraries.raw_set("register_function", register)?;
    functions.for_each(|key: Value, value: Value| scripts.raw_set(key, value))?;
    scripts.raw_set("breakpoint", lua.create_function(|_, _: MultiValue| Ok(false))?)?;
    scripts.raw_set("debug", lua.create_function(|_, _: MultiValue| Ok(()))?)?;
    scripts.raw_set("replicate_commands", lua.create_function(|_, _: MultiValue| Ok(true))?)?;
    Ok(Tables { scripts, functions, libraries })
}

fn log_and_version(lua: &Lua, table: &Table) -> mlua::Result<()> {
    table.raw_set("log", lua.create_function(|lua, args: Variadic<Value>| log(lua, &args))?)?;
    for (name, level) in LEVELS {
        table.raw_set(name, level)?;
    }
    table.raw_set("REDIS_VERSION", REDIS_VERSION)?;
    table.raw_set("REDIS_VERSION_NUM", REDIS_VERSION_NUMBER)
}

/// Lays a command's words on the desk.
///
/// # Errors
/// The text of Redis's error.
fn lay_out(desk: &Desk, args: &MultiValue) -> Result<(), &'static str> {
    const NO_WORDS: &str = "Lua redis lib command arguments must be strings or integers";
    if args.is_empty() {
        return Err("Please specify at least one argument for this redis lib call");
    }
    let mut words = desk.call.borrow_mut();
    words.clear();
    for value in args {
        let fits = match value {
            Value::String(text) => words.push(&text.as_bytes()),
            Value::Integer(integer) if integer.unsigned_abs() < 1 << 53 => {
                words.push(itoa::Buffer::new().format(*integer).as_bytes())
            }
            Value::Integer(_) | Value::Number(_) => {
                let mut digits = Vec::with_capacity(24);
                general(&mut digits, to_number(value).unwrap_or(0.0), 17);
                words.push(&digits)
            }
            _ => false,
        };
        if !fits {
            return Err(NO_WORDS);
        }
    }
    Ok(())
}

/// `redis.call` and `redis.pcall`.
fn call(lua: &Lua, (way, desk): (&Way, &Desk), args: &MultiValue, raises: bool) -> mlua::Result<Value> {
    if let Err(text) = lay_out(desk, args) {
        let text = format!("ERR {text}").into_bytes();
        return if raises {
            Err(mlua::Error::external(Raised::Table(text, false)))
        } else {
            Ok(Value::Table(error_table(lua, &text, false)?))
        };
    }
    desk.reply.borrow_mut().clear();
    if desk.stopped.get() || way.suspend(Event::Call) == Answer::Stop {
        desk.stopped.set(true);
        return Err(super::sandbox::stop());
    }
    let reply = desk.reply.borrow();
    if raises && reply.first() == Some(&b'-') {
        return Err(mlua::Error::external(Raised::Table(convert::error_text(&reply), true)));
    }
    convert::to_lua(lua, &reply)
}

fn error_reply(lua: &Lua, args: &[Value]) -> mlua::Result<Table> {
    match args {
        [Value::String(text)] => error_table(lua, &convert::error_text(&text.as_bytes()), false),
        _ => error_table(lua, b"ERR wrong number or type of arguments", false),
    }
}

fn status_reply(lua: &Lua, args: &[Value]) -> mlua::Result<Table> {
    let [Value::String(text)] = args else {
        return error_table(lua, b"ERR wrong number or type of arguments", false);
    };
    let table = lua.create_table()?;
    table.raw_set("ok", text)?;
    Ok(table)
}

fn sha1hex(_: &Lua, args: &[Value]) -> mlua::Result<String> {
    match args {
        [value] => Ok(hex(&sha1(&to_vec(value).unwrap_or_default()))),
        _ => Err(table("wrong number of arguments")),
    }
}

fn set_protocol(desk: &Desk, args: &[Value]) -> mlua::Result<()> {
    let [version] = args else {
        return Err(table("redis.setresp() requires one argument."));
    };
    match to_integer(to_number(version).unwrap_or(0.0)) {
        2 => desk.protocol.set(Protocol::Resp2),
        3 => desk.protocol.set(Protocol::Resp3),
        _ => return Err(table("RESP version must be 2 or 3.")),
    }
    Ok(())
}

/// `redis.set_repl`: what a script writes is logged and sent on as effects; there is nothing to switch.
fn set_replication(_: &Lua, args: &[Value]) -> mlua::Result<()> {
    let [flags] = args else {
        return Err(table("redis.set_repl() requires two arguments."));
    };
    match to_integer(to_number(flags).unwrap_or(0.0)) {
        0..=3 => Ok(()),
        _ => Err(table("Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.")),
    }
}

/// `redis.acl_check_cmd`: every user may call every command.
fn acl_check_command(_: &Lua, args: &[Value]) -> mlua::Result<bool> {
    let Some(name) = args.first() else {
        return Err(table("Please specify at least one argument for this redis lib call"));
    };
    let texts: Option<Vec<Vec<u8>>> = args.iter().map(to_vec).collect();
    let texts = texts.ok_or_else(|| table("Lua redis lib command arguments must be strings or integers"))?;
    let spec = to_vec(name).and_then(|name| lookup(&name));
    let known = spec.is_some_and(|spec| match texts.get(1) {
        Some(name) if spec.is_container() => spec.subcommand(name).is_some(),
        _ => true,
    });
    if known { Ok(true) } else { Err(table("Invalid command passed to redis.acl_check_cmd()")) }
}

/// `redis.log`: to the node's log, at the level `debug` whatever the script says.
fn log(_: &Lua, args: &[Value]) -> mlua::Result<()> {
    let [level, parts @ ..] = args else {
        return Err(table("redis.log() requires two arguments or more."));
    };
    if parts.is_empty() {
        return Err(table("redis.log() requires two arguments or more."));
    }
    let level = to_number(level).ok_or_else(|| table("First argument must be a number (log level)."))?;
    if !(0..=3).contains(&to_integer(level)) {
        return Err(table("Invalid debug level."));
    }
    if tracing::enabled!(tracing::Level::DEBUG) {
        let parts: Vec<Vec<u8>> = parts.iter().filter_map(to_vec).collect();
        let text = parts.join(&b' ');
        tracing::debug!(text = %text.escape_ascii(), "a script logs");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_the_version_is_that_of_its_text() {
        let parts = REDIS_VERSION.split('.').map(|part| part.parse::<u32>().unwrap());
        assert_eq!(parts.fold(0, |number, part| number << 8 | part), REDIS_VERSION_NUMBER);
    }
}
