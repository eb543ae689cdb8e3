//! `string.find`, `match`, `gmatch` and `gsub`: Lua's patterns, matched here because a match in C cannot be
//! interrupted, takes exponential time with some patterns, and overflows the stack with others.

mod matcher;

use std::rc::Rc;

use mlua::{Function, Lua, MultiValue, Table, Value};

use super::failure::{OWN_SOURCE, Raised, argument, text, type_name, wrong_type};
use super::number::to_integer;
use super::pace::Pace;
use super::text::{to_number, to_vec};
use matcher::{Capture, Matcher};

/// Bytes that make a text a pattern.
const SPECIALS: &[u8] = b"^$*+?.([%-";

/// The functions that the prelude builds the library of.
pub(super) fn functions(lua: &Lua, pace: &Rc<Pace>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    for function in ["find", "match"] {
        let own = Rc::clone(pace);
        let search = move |lua: &Lua, args: MultiValue| find(lua, &own, &args, function);
        table.raw_set(function, lua.create_function(search)?)?;
    }
    let own = Rc::clone(pace);
    let next = lua.create_function(move |lua, args: MultiValue| next(lua, &own, &args))?;
    table.raw_set("next_match", next)?;
    let call: Function = lua.globals().raw_get("pcall")?;
    let index =
        lua.load("local call = ... return function(t, k) return call(function() return t[k] end) end");
    let ask = [call.clone(), index.set_name(OWN_SOURCE).call(call)?];
    let own = Rc::clone(pace);
    let gsub = lua.create_function(move |lua, args: MultiValue| gsub(lua, &own, &args, &ask))?;
    table.raw_set("gsub", gsub)?;
    Ok(table)
}

/// Argument `at` (from 0) as a string.
fn string(lua: &Lua, args: &MultiValue, at: usize, function: &str) -> mlua::Result<Vec<u8>> {
    let bytes = args.get(at).and_then(to_vec);
    bytes.ok_or_else(|| wrong_type(lua, at + 1, function, "string", args.get(at)))
}

/// Argument `at` (from 0) as an integer, if it is there.
fn integer(lua: &Lua, args: &MultiValue, at: usize, function: &str) -> mlua::Result<Option<i64>> {
    match args.get(at) {
        None | Some(Value::Nil) => Ok(None),
        Some(value) => {
            let number = to_number(value);
            let number = number.ok_or_else(|| wrong_type(lua, at + 1, function, "number", Some(value)))?;
            Ok(Some(to_integer(number)))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of Lua 5.1 is a double")]
fn position(at: usize) -> Value {
    Value::Number(at as f64)
}

/// Where a search from `init` (from 1, negative from the end) begins, from 0.
fn start_of(init: i64, len: usize) -> usize {
    let len_signed = i64::try_from(len).unwrap_or(i64::MAX);
    let init = if init < 0 { init.saturating_add(len_signed).saturating_add(1) } else { init };
    usize::try_from(init.saturating_sub(1)).unwrap_or(0).min(len)
}

/// `string.find` and `string.match`.
fn find(lua: &Lua, pace: &Pace, args: &MultiValue, function: &str) -> mlua::Result<MultiValue> {
    let (subject, pattern) = (string(lua, args, 0, function)?, string(lua, args, 1, function)?);
    let start = start_of(integer(lua, args, 2, function)?.unwrap_or(1), subject.len());
    let is_find = function == "find";
    let plain = is_find
        && (args.get(3).is_some_and(|flag| !matches!(flag, Value::Nil | Value::Boolean(false)))
            || !pattern.iter().any(|byte| SPECIALS.contains(byte)));
    if plain {
        let found = find_plain(pace, &subject[start..], &pattern)?;
        return Ok(match found {
            Some(at) => {
                [position(start + at + 1), position(start + at + pattern.len())].into_iter().collect()
            }
            None => MultiValue::from_iter([Value::Nil]),
        });
    }
    let (anchored, pattern) = match pattern.strip_prefix(b"^") {
        Some(rest) => (true, rest),
        None => (false, &pattern[..]),
    };
    let mut matcher = Matcher::new(lua, pace, &subject, pattern);
    let Some((from, to)) = matcher.search(start, anchored)? else {
        return Ok(MultiValue::from_iter([Value::Nil]));
    };
    let mut results = MultiValue::new();
    if is_find {
        results.push_back(position(from + 1));
        results.push_back(position(to));
    }
    captures(lua, &matcher, (from, to), !is_find, &mut results)?;
    Ok(results)
}

/// The first place of `needle` in `haystack`.
fn find_plain(pace: &Pace, haystack: &[u8], needle: &[u8]) -> mlua::Result<Option<usize>> {
    let cost = 1 + needle.len() / 16;
    for (at, window) in haystack.windows(needle.len().max(1)).enumerate() {
        if needle.is_empty() || window[0] == needle[0] && window == needle {
            return Ok(Some(at));
        }
        pace.step(if window[0] == needle[0] { cost } else { 1 })?;
    }
    Ok(needle.is_empty().then_some(0))
}

/// Appends the captures; the whole match if there are none and it is wanted.
fn captures(
    lua: &Lua,
    matcher: &Matcher<'_>,
    whole: (usize, usize),
    wanted: bool,
    results: &mut MultiValue,
) -> mlua::Result<()> {
    if matcher.captures().is_empty() && wanted {
        results.push_back(Value::String(lua.create_string(matcher.piece(whole))?));
    }
    for index in 0..matcher.captures().len() {
        results.push_back(match matcher.capture(index)? {
            Capture::Position(at) => position(at + 1),
            Capture::Piece(from, to) => Value::String(lua.create_string(matcher.piece((from, to)))?),
        });
    }
    Ok(())
}

/// The next match from a place (from 1) on: where it begins and ends, and its captures. `gmatch` is made of it.
fn next(lua: &Lua, pace: &Pace, args: &MultiValue) -> mlua::Result<MultiValue> {
    let (subject, pattern) = (args.front(), args.get(1));
    let (Some(Value::String(subject)), Some(Value::String(pattern))) = (subject, pattern) else {
        string(lua, args, 0, "gmatch")?;
        string(lua, args, 1, "gmatch")?;
        return Ok(MultiValue::new());
    };
    let start = start_of(integer(lua, args, 2, "gmatch")?.unwrap_or(1), subject.as_bytes().len());
    let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
    let mut matcher = Matcher::new(lua, pace, &subject, &pattern);
    let Some((from, to)) = matcher.search(start, false)? else {
        return Ok(MultiValue::from_iter([Value::Nil]));
    };
    let mut results: MultiValue = [position(from + 1), position(to)].into_iter().collect();
    captures(lua, &matcher, (from, to), true, &mut results)?;
    Ok(results)
}

/// What takes the place of matches.
enum Replacement {
    Text(Vec<u8>),
    /// A function or a table, and what calls it or looks into it without losing what it raises.
    Asked(Function, Value),
}

/// `string.gsub`.
fn gsub(lua: &Lua, pace: &Pace, args: &MultiValue, ask: &[Function; 2]) -> mlua::Result<MultiValue> {
    let (subject, pattern) = (string(lua, args, 0, "gsub")?, string(lua, args, 1, "gsub")?);
    let replacement = match args.get(2) {
        Some(value @ Value::Function(_)) => Replacement::Asked(ask[0].clone(), value.clone()),
        Some(value @ Value::Table(_)) => Replacement::Asked(ask[1].clone(), value.clone()),
        value => match value.and_then(to_vec) {
            Some(text) => Replacement::Text(text),
            None => return Err(argument(lua, 3, "gsub", "string/function/table expected")),
        },
    };
    let most = integer(lua, args, 3, "gsub")?;
    let most = most.map_or(subject.len() + 1, |most| usize::try_from(most).unwrap_or(0));
    let (anchored, pattern) = match pattern.strip_prefix(b"^") {
        Some(rest) => (true, rest),
        None => (false, &pattern[..]),
    };
    let mut matcher = Matcher::new(lua, pace, &subject, pattern);
    let (mut out, mut at, mut count) = (Vec::new(), 0, 0usize);
    while count < most {
        let Some((from, to)) = matcher.search(at, anchored)? else { break };
        out.extend_from_slice(&subject[at..from]);
        count += 1;
        match &replacement {
            Replacement::Text(text) => expand(&mut out, &matcher, text, (from, to))?,
            Replacement::Asked(ask, value) => asked(&mut out, (lua, &matcher), (ask, value), (from, to))?,
        }
        if out.len() > super::vm::MEMORY_BYTES_MAX {
            return Err(text(lua, "not enough memory"));
        }
        at = to;
        if to == from {
            let Some(&byte) = subject.get(from) else { break };
            out.push(byte);
            at += 1;
        }
        if anchored {
            break;
        }
    }
    out.extend_from_slice(subject.get(at..).unwrap_or_default());
    #[expect(clippy::cast_precision_loss, reason = "a number of Lua 5.1 is a double")]
    let count = Value::Number(count as f64);
    Ok([Value::String(lua.create_string(&out)?), count].into_iter().collect())
}

/// Appends what a function or a table gives for one match; the match itself if it gives nothing.
fn asked(
    out: &mut Vec<u8>,
    (lua, matcher): (&Lua, &Matcher<'_>),
    (ask, value): (&Function, &Value),
    whole: (usize, usize),
) -> mlua::Result<()> {
    let mut question = MultiValue::from_iter([value.clone()]);
    captures(lua, matcher, whole, true, &mut question)?;
    let (answered, answer) = ask.call::<(bool, Value)>(question)?;
    if !answered {
        return Err(mlua::Error::external(Raised::Value(answer)));
    }
    match &answer {
        Value::Nil | Value::Boolean(false) => out.extend_from_slice(matcher.piece(whole)),
        other => match to_vec(other) {
            Some(text) => out.extend_from_slice(&text),
            None => {
                let what = format!("invalid replacement value (a {})", type_name(other));
                return Err(text(lua, what));
            }
        },
    }
    Ok(())
}

/// Appends the replacement of one match, with `%0` to `%9` put in.
fn expand(
    out: &mut Vec<u8>,
    matcher: &Matcher<'_>,
    replacement: &[u8],
    whole: (usize, usize),
) -> mlua::Result<()> {
    let mut bytes = replacement.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'0') => out.extend_from_slice(matcher.piece(whole)),
            Some(b'1') if matcher.captures().is_empty() => out.extend_from_slice(matcher.piece(whole)),
            Some(digit @ b'1'..=b'9') => match matcher.capture(usize::from(digit - b'1'))? {
                Capture::Position(at) => out.extend_from_slice(itoa::Buffer::new().format(at + 1).as_bytes()),
                Capture::Piece(from, to) => out.extend_from_slice(matcher.piece((from, to))),
            },
            Some(other) => out.push(*other),
            // C finds the zero byte that ends the text.
            None => out.push(0),
        }
    }
    Ok(())
}
