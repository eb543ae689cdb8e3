//! The library `cjson`: JSON as lua-cjson 2.1.0 writes and reads it.
//!
//! Redis keeps the settings of `cjson` from one script to the next; here each script begins with the defaults, since
//! it may run in another machine than the last.

mod decode;
mod encode;

use std::cell::Cell;
use std::rc::Rc;

use mlua::{Lua, MultiValue, Table, Value};

use super::failure::{argument, wrong_type};
use super::number::to_integer;
use super::pace::Pace;
use super::text::{to_number, to_vec};

/// Deepest nesting, whatever the settings say: the stack is bounded.
const DEPTH_LIMIT: usize = 1_000;

/// What is done with infinities and NaN when they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Invalid {
    /// An error.
    Refused,
    /// As C prints them.
    Written,
    /// As `null`.
    Null,
}

/// The settings.
#[derive(Clone, Copy, Debug)]
struct Settings {
    sparse_convert: bool,
    sparse_ratio: i32,
    sparse_safe: i32,
    encode_max_depth: i32,
    decode_max_depth: i32,
    precision: i32,
    keep_buffer: bool,
    encode_invalid: Invalid,
    decode_invalid: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_max_depth: 1000,
            decode_max_depth: 1000,
            precision: 14,
            keep_buffer: true,
            encode_invalid: Invalid::Refused,
            decode_invalid: true,
        }
    }
}

/// One instance of the library, with its settings.
pub(super) struct Cjson {
    settings: Cell<Settings>,
    pace: Rc<Pace>,
}

impl Cjson {
    pub(super) fn new(pace: &Rc<Pace>) -> Self {
        Self { settings: Cell::default(), pace: Rc::clone(pace) }
    }

    /// Takes the default settings.
    pub(super) fn reset(&self) {
        self.settings.set(Settings::default());
    }

    fn change(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.settings.get();
        change(&mut settings);
        self.settings.set(settings);
    }
}

/// The table of an instance.
pub(super) fn table(lua: &Lua, cjson: &Rc<Cjson>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let own = Rc::clone(cjson);
    table.raw_set(
        "encode",
        lua.create_function(move |lua, args: MultiValue| {
            let value = only(lua, &args, "encode")?;
            let out = encode::encode(lua, &own.pace, &own.settings.get(), value)?;
            lua.create_string(&out)
        })?,
    )?;
    let own = Rc::clone(cjson);
    table.raw_set(
        "decode",
        lua.create_function(move |lua, args: MultiValue| {
            let value = only(lua, &args, "decode")?;
            let text = to_vec(value).ok_or_else(|| wrong_type(lua, 1, "decode", "string", Some(value)))?;
            decode::decode(lua, &own.pace, &own.settings.get(), &text)
        })?,
    )?;
    setters(lua, &table, cjson)?;
    let pace = Rc::clone(&cjson.pace);
    let new = move |lua: &Lua, _: MultiValue| self::table(lua, &Rc::new(Cjson::new(&pace)));
    table.raw_set("new", lua.create_function(new)?)?;
    table.raw_set("null", Value::NULL)?;
    table.raw_set("_NAME", "cjson")?;
    table.raw_set("_VERSION", "2.1.0")?;
    Ok(table)
}

/// The one argument.
fn only<'a>(lua: &Lua, args: &'a MultiValue, function: &str) -> mlua::Result<&'a Value> {
    match args.front() {
        Some(value) if args.len() == 1 => Ok(value),
        _ => Err(argument(lua, 1, function, "expected 1 argument")),
    }
}

type Get = fn(&Settings) -> i32;
type Put = fn(&mut Settings, i32);

/// The settings that are integers: name, lowest and highest value, access.
const INTEGERS: [(&str, i32, i32, Get, Put); 3] = [
    ("encode_max_depth", 1, i32::MAX, |s| s.encode_max_depth, |s, value| s.encode_max_depth = value),
    ("decode_max_depth", 1, i32::MAX, |s| s.decode_max_depth, |s, value| s.decode_max_depth = value),
    ("encode_number_precision", 1, 14, |s| s.precision, |s, value| s.precision = value),
];

fn setters(lua: &Lua, table: &Table, cjson: &Rc<Cjson>) -> mlua::Result<()> {
    for (name, low, high, get, put) in INTEGERS {
        let own = Rc::clone(cjson);
        let setter = move |lua: &Lua, args: MultiValue| {
            let call = Call { lua, args: &args, function: name };
            call.at_most(1)?;
            if let Some(value) = call.integer(0, low, high)? {
                own.change(|settings| put(settings, value));
            }
            Ok(get(&own.settings.get()))
        };
        table.raw_set(name, lua.create_function(setter)?)?;
    }
    let own = Rc::clone(cjson);
    let sparse = move |lua: &Lua, args: MultiValue| {
        let call = Call { lua, args: &args, function: "encode_sparse_array" };
        call.at_most(3)?;
        let convert = call.boolean(0)?;
        own.change(|settings| settings.sparse_convert = convert.unwrap_or(settings.sparse_convert));
        let ratio = call.integer(1, 0, i32::MAX)?;
        own.change(|settings| settings.sparse_ratio = ratio.unwrap_or(settings.sparse_ratio));
        let safe = call.integer(2, 0, i32::MAX)?;
        own.change(|settings| settings.sparse_safe = safe.unwrap_or(settings.sparse_safe));
        let settings = own.settings.get();
        Ok((settings.sparse_convert, settings.sparse_ratio, settings.sparse_safe))
    };
    table.raw_set("encode_sparse_array", lua.create_function(sparse)?)?;
    let own = Rc::clone(cjson);
    let keep = move |lua: &Lua, args: MultiValue| {
        let call = Call { lua, args: &args, function: "encode_keep_buffer" };
        call.at_most(1)?;
        let value = call.boolean(0)?;
        own.change(|settings| settings.keep_buffer = value.unwrap_or(settings.keep_buffer));
        Ok(own.settings.get().keep_buffer)
    };
    table.raw_set("encode_keep_buffer", lua.create_function(keep)?)?;
    let own = Rc::clone(cjson);
    let decode = move |lua: &Lua, args: MultiValue| {
        let call = Call { lua, args: &args, function: "decode_invalid_numbers" };
        call.at_most(1)?;
        let value = call.boolean(0)?;
        own.change(|settings| settings.decode_invalid = value.unwrap_or(settings.decode_invalid));
        Ok(own.settings.get().decode_invalid)
    };
    table.raw_set("decode_invalid_numbers", lua.create_function(decode)?)?;
    let own = Rc::clone(cjson);
    let invalid = move |lua: &Lua, args: MultiValue| invalid_numbers(&own, lua, &args);
    table.raw_set("encode_invalid_numbers", lua.create_function(invalid)?)
}

fn invalid_numbers(cjson: &Cjson, lua: &Lua, args: &MultiValue) -> mlua::Result<Value> {
    let call = Call { lua, args, function: "encode_invalid_numbers" };
    call.at_most(1)?;
    let wanted = match args.front() {
        None | Some(Value::Nil) => None,
        Some(Value::Boolean(true)) => Some(Invalid::Written),
        Some(Value::Boolean(false)) => Some(Invalid::Refused),
        Some(value) => match to_vec(value).as_deref() {
            Some(b"off") => Some(Invalid::Refused),
            Some(b"on") => Some(Invalid::Written),
            Some(b"null") => Some(Invalid::Null),
            Some(other) => {
                let what = format!("invalid option '{}'", String::from_utf8_lossy(other));
                return Err(argument(lua, 1, call.function, what));
            }
            None => return Err(wrong_type(lua, 1, call.function, "string", Some(value))),
        },
    };
    cjson.change(|settings| settings.encode_invalid = wanted.unwrap_or(settings.encode_invalid));
    Ok(match cjson.settings.get().encode_invalid {
        Invalid::Refused => Value::Boolean(false),
        Invalid::Written => Value::Boolean(true),
        Invalid::Null => Value::String(lua.create_string("null")?),
    })
}

/// The arguments of a setter.
struct Call<'a> {
    lua: &'a Lua,
    args: &'a MultiValue,
    function: &'static str,
}

impl Call<'_> {
    fn at_most(&self, count: usize) -> mlua::Result<()> {
        if self.args.len() > count {
            return Err(argument(self.lua, count + 1, self.function, "found too many arguments"));
        }
        Ok(())
    }

    fn integer(&self, at: usize, low: i32, high: i32) -> mlua::Result<Option<i32>> {
        let value = match self.args.get(at) {
            None | Some(Value::Nil) => return Ok(None),
            Some(value) => value,
        };
        let number = to_number(value);
        let number =
            number.ok_or_else(|| wrong_type(self.lua, at + 1, self.function, "number", Some(value)))?;
        let integer = i32::try_from(to_integer(number)).ok().filter(|value| (low..=high).contains(value));
        let what = || format!("expected integer between {low} and {high}");
        // The library blames its first argument, whichever it is.
        integer.map(Some).ok_or_else(|| argument(self.lua, 1, self.function, what()))
    }

    fn boolean(&self, at: usize) -> mlua::Result<Option<bool>> {
        match self.args.get(at) {
            None | Some(Value::Nil) => Ok(None),
            Some(Value::Boolean(value)) => Ok(Some(*value)),
            other => Err(wrong_type(self.lua, at + 1, self.function, "boolean", other)),
        }
    }
}
