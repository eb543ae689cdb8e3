//! The library `cmsgpack`: MessagePack as lua-cmsgpack 0.4.0 writes and reads it.

mod pack;
mod unpack;

use std::rc::Rc;

use mlua::{Lua, MultiValue, Table, Value};

use super::failure::{text, wrong_type};
use super::number::to_integer;
use super::pace::Pace;
use super::text::{to_number, to_vec};

/// Most values that are packed at once: twice as many fit on the stack of a call.
const PACKED_MAX: usize = 4_000;

/// The table `cmsgpack`.
pub(super) fn table(lua: &Lua, pace: &Rc<Pace>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let own = Rc::clone(pace);
    table.raw_set("pack", lua.create_function(move |lua, args: MultiValue| pack(lua, &own, &args))?)?;
    let own = Rc::clone(pace);
    table.raw_set(
        "unpack",
        lua.create_function(move |lua, args: MultiValue| unpack_from((lua, &own), &args, ("unpack", 0, 0)))?,
    )?;
    let own = Rc::clone(pace);
    table.raw_set(
        "unpack_one",
        lua.create_function(move |lua, args: MultiValue| {
            let offset = optional(lua, &args, 1, "unpack_one")?;
            unpack_from((lua, &own), &args, ("unpack_one", 1, offset.unwrap_or(0)))
        })?,
    )?;
    let own = Rc::clone(pace);
    table.raw_set(
        "unpack_limit",
        lua.create_function(move |lua, args: MultiValue| {
            let limit = optional(lua, &args, 1, "unpack_limit")?;
            let limit = limit.ok_or_else(|| wrong_type(lua, 2, "unpack_limit", "number", args.get(1)))?;
            let offset = optional(lua, &args, 2, "unpack_limit")?;
            unpack_from((lua, &own), &args, ("unpack_limit", limit, offset.unwrap_or(0)))
        })?,
    )?;
    table.raw_set("_NAME", "cmsgpack")?;
    table.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    table.raw_set("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo")?;
    table.raw_set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    Ok(table)
}

fn pack(lua: &Lua, pace: &Pace, args: &MultiValue) -> mlua::Result<Value> {
    if args.is_empty() {
        return Err(text(lua, "bad argument #0 to 'pack' (MessagePack pack needs input.)"));
    }
    if args.len() > PACKED_MAX {
        return Err(text(lua, "bad argument #0 to 'pack' (Too many arguments for MessagePack pack.)"));
    }
    let mut out = Vec::new();
    for value in args {
        pack::value(&mut out, pace, value, 0)?;
    }
    Ok(Value::String(lua.create_string(&out)?))
}

/// Argument `at` (from 0) as an integer, if it is there.
fn optional(lua: &Lua, args: &MultiValue, at: usize, function: &str) -> mlua::Result<Option<i64>> {
    match args.get(at) {
        None | Some(Value::Nil) => Ok(None),
        Some(value) => {
            let number = to_number(value);
            let number = number.ok_or_else(|| wrong_type(lua, at + 1, function, "number", Some(value)))?;
            Ok(Some(to_integer(number)))
        }
    }
}

/// Up to `limit` values from `offset` on; all of them if both are 0, else with the place where to go on in front.
fn unpack_from(
    (lua, pace): (&Lua, &Pace),
    args: &MultiValue,
    (function, limit, offset): (&str, i64, i64),
) -> mlua::Result<MultiValue> {
    let input = args.front().and_then(to_vec);
    let input = input.ok_or_else(|| wrong_type(lua, 1, function, "string", args.front()))?;
    let all = limit == 0 && offset == 0;
    let (Ok(limit), Ok(start)) = (usize::try_from(limit), usize::try_from(offset)) else {
        let len = input.len();
        let message = format!("Invalid request to unpack with offset of {offset} and limit of {len}.");
        return Err(text(lua, message));
    };
    if start > input.len() {
        let message = format!("Start offset {offset} greater than input length {}.", input.len());
        return Err(text(lua, message));
    }
    let mut reader = unpack::Reader::new(lua, pace, &input[start..]);
    let mut values = reader.values(if all { usize::MAX } else { limit })?;
    if !all {
        let left = reader.left();
        #[expect(clippy::cast_precision_loss, reason = "a number of Lua 5.1 is a double")]
        let next = if left == 0 { -1.0 } else { (input.len() - left) as f64 };
        values.insert(0, Value::Number(next));
    }
    Ok(MultiValue::from_vec(values))
}
