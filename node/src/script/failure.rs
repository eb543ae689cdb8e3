//! Errors in scripts: as Redis's functions raise them, and as its error handler reports them.

use std::fmt;

use mlua::{Error, Lua, Table, Value};

use super::text::to_vec;

/// Source of what is not the user's: the functions written in Lua.
pub(super) const OWN_SOURCE: &str = "=redis";

/// What a function of ours raises. Lua carries it as an opaque value; whatever hands errors to scripts makes it plain
/// again.
#[derive(Clone, Debug)]
pub(super) enum Raised {
    /// A text, as most functions of Lua raise.
    Text(Vec<u8>),
    /// A table with the text in `err`, as Redis's own functions raise; true if the command has counted it.
    Table(Vec<u8>, bool),
    /// What a function of the script has raised in a function of ours.
    Value(Value),
}

impl fmt::Display for Raised {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Table(text, _) => formatter.write_str(&String::from_utf8_lossy(text)),
            Self::Value(value) => formatter.write_str(type_name(value)),
        }
    }
}

impl std::error::Error for Raised {}

/// A text with the place of the calling script in front.
pub(super) fn text(lua: &Lua, text: impl AsRef<[u8]>) -> Error {
    let mut message = place(lua, 1).into_bytes();
    message.extend_from_slice(text.as_ref());
    Error::external(Raised::Text(message))
}

/// A text without a place.
pub(super) fn bare(text: &str) -> Error {
    Error::external(Raised::Text(text.as_bytes().to_vec()))
}

/// An argument (from 1) that a function cannot use. The function is called what its caller calls it; `function` is its
/// name where it is called by code of ours.
pub(super) fn argument(lua: &Lua, at: usize, function: &str, what: impl AsRef<str>) -> Error {
    let what = what.as_ref();
    let called = lua.inspect_stack(0, |debug| {
        let names = debug.names();
        let name = names.name.map_or_else(|| "?".to_owned(), std::borrow::Cow::into_owned);
        (name, names.name_what == Some("method"))
    });
    let (name, is_method) = called.unwrap_or_default();
    let name = if function == "gmatch" { function.to_owned() } else { name };
    match at - usize::from(is_method) {
        0 => text(lua, format!("calling '{name}' on bad self ({what})")),
        at => text(lua, format!("bad argument #{at} to '{name}' ({what})")),
    }
}

/// An argument of the wrong type.
pub(super) fn wrong_type(lua: &Lua, at: usize, function: &str, wanted: &str, given: Option<&Value>) -> Error {
    let given = given.map_or("no value", type_name);
    argument(lua, at, function, format!("{wanted} expected, got {given}"))
}

/// The type of a value as Lua names it.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::LightUserData(_) | Value::UserData(_) | Value::Error(_) => "userdata",
        Value::Integer(_) | Value::Number(_) => "number",
        other => other.type_name(),
    }
}

/// A table of Redis, `message` in `err`, with `ERR` in front.
pub(super) fn table(message: &str) -> Error {
    Error::external(Raised::Table(format!("ERR {message}").into_bytes(), false))
}

/// Where the function at `level` stands, as Lua puts it before messages; level 1 called the running function.
/// Functions of ours that are written in Lua are passed over.
pub(super) fn place(lua: &Lua, level: usize) -> String {
    for level in level.. {
        let found = lua.inspect_stack(level, |debug| {
            let source = debug.source();
            if source.source.as_deref() == Some(OWN_SOURCE) {
                return None;
            }
            let name = source.short_src.map(std::borrow::Cow::into_owned).unwrap_or_default();
            Some(debug.current_line().map(|line| format!("{name}:{line}: ")).unwrap_or_default())
        });
        match found {
            Some(None) => {}
            Some(Some(place)) => return place,
            None => break,
        }
    }
    String::new()
}

/// An error as scripts see it: what a function of ours raised becomes a table or a text, all else stays.
pub(super) fn plain(lua: &Lua, value: Value) -> mlua::Result<Value> {
    let Value::Error(error) = value else { return Ok(value) };
    match error.downcast_ref::<Raised>() {
        Some(Raised::Text(text)) => Ok(Value::String(lua.create_string(text)?)),
        Some(Raised::Table(text, counted)) => Ok(Value::Table(error_table(lua, text, *counted)?)),
        Some(Raised::Value(value)) => Ok(value.clone()),
        None => Ok(Value::String(lua.create_string(cause(&error))?)),
    }
}

/// The table of an error.
pub(super) fn error_table(lua: &Lua, text: &[u8], counted: bool) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("err", lua.create_string(text)?)?;
    if counted {
        table.raw_set("ignore_error_stats_update", true)?;
    }
    Ok(table)
}

/// The first cause of an error of the binding itself, without a stack trace.
fn cause(error: &Error) -> String {
    match error {
        Error::CallbackError { cause: inner, .. } | Error::WithContext { cause: inner, .. } => cause(inner),
        Error::MemoryError(_) => "not enough memory".to_owned(),
        Error::RuntimeError(text) => text.split("\nstack traceback:").next().unwrap_or_default().to_owned(),
        other => other.to_string(),
    }
}

/// Why a script failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// The error, its code first.
    pub(super) text: Vec<u8>,
    /// Source and line.
    pub(super) place: Option<(String, i64)>,
}

/// What Redis's error handler reports of `error`; runs at the place of the error.
pub(super) fn report(lua: &Lua, error: Value) -> mlua::Result<Report> {
    let text = match plain(lua, error)? {
        Value::Table(table) => match table.raw_get::<Value>("err")? {
            Value::String(text) => text.as_bytes().to_vec(),
            number @ (Value::Integer(_) | Value::Number(_)) => to_vec(&number).unwrap_or_default(),
            _ => Vec::new(),
        },
        other => [b"ERR ", &other.to_string().map(String::into_bytes).unwrap_or_default()[..]].concat(),
    };
    Ok(Report { text, place: script_place(lua) })
}

/// Source and line of the function that failed; of its caller, if it is none of the user's.
fn script_place(lua: &Lua) -> Option<(String, i64)> {
    let mut skipped = false;
    for level in 1.. {
        let found = lua.inspect_stack(level, |debug| {
            let source = debug.source();
            let name = source.source.map(std::borrow::Cow::into_owned).unwrap_or_default();
            let line = debug.current_line().and_then(|line| i64::try_from(line).ok()).unwrap_or(-1);
            (source.what == "C", name, line)
        })?;
        match found {
            (_, name, _) if name == OWN_SOURCE => {}
            (true, ..) if !skipped => skipped = true,
            (_, name, line) => return Some((name, line)),
        }
    }
    None
}
