//! Lua values as JSON.

use mlua::{Lua, Table, Value};

use super::{DEPTH_LIMIT, Invalid, Settings};
use crate::script::failure::{text, type_name};
use crate::script::number::general;
use crate::script::pace::Pace;
use crate::script::roomy::Roomy;
use crate::script::text::to_number;
use crate::script::vm::MEMORY_BYTES_MAX;

/// The JSON of `value`.
pub(super) fn encode(lua: &Lua, pace: &Pace, settings: &Settings, value: &Value) -> mlua::Result<Vec<u8>> {
    // Nothing is made in the machine but what a walk over a table needs.
    let _room = Roomy::new(lua)?;
    let mut encoder = Encoder { lua, pace, settings, out: Vec::new() };
    encoder.value(value, 0)?;
    Ok(encoder.out)
}

struct Encoder<'a> {
    lua: &'a Lua,
    pace: &'a Pace,
    settings: &'a Settings,
    out: Vec<u8>,
}

impl Encoder<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> mlua::Result<()> {
        // A table may name one long string many times.
        if self.out.len() > MEMORY_BYTES_MAX {
            return Err(text(self.lua, "not enough memory"));
        }
        self.pace.step(64)?;
        match value {
            Value::String(string) => {
                self.pace.step(string.as_bytes().len() / 16)?;
                self.string(&string.as_bytes());
            }
            Value::Integer(_) | Value::Number(_) => return self.number(value),
            Value::Boolean(true) => self.out.extend_from_slice(b"true"),
            Value::Boolean(false) => self.out.extend_from_slice(b"false"),
            Value::Nil => self.out.extend_from_slice(b"null"),
            Value::LightUserData(pointer) if pointer.0.is_null() => self.out.extend_from_slice(b"null"),
            Value::Table(table) => return self.table(table, depth + 1),
            other => return Err(self.refuse(other, "type not supported")),
        }
        Ok(())
    }

    fn refuse(&self, value: &Value, why: &str) -> mlua::Error {
        text(self.lua, format!("Cannot serialise {}: {why}", type_name(value)))
    }

    fn string(&mut self, string: &[u8]) {
        self.out.push(b'"');
        let special = |byte: &u8| matches!(byte, 0..32 | b'"' | b'\\' | b'/' | 127);
        let mut rest = string;
        while let Some(at) = rest.iter().position(special) {
            self.out.extend_from_slice(&rest[..at]);
            match rest[at] {
                b'"' => self.out.extend_from_slice(b"\\\""),
                b'\\' => self.out.extend_from_slice(b"\\\\"),
                b'/' => self.out.extend_from_slice(b"\\/"),
                8 => self.out.extend_from_slice(b"\\b"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                12 => self.out.extend_from_slice(b"\\f"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                byte => self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            }
            rest = &rest[at + 1..];
        }
        self.out.extend_from_slice(rest);
        self.out.push(b'"');
    }

    fn number(&mut self, value: &Value) -> mlua::Result<()> {
        let number = to_number(value).unwrap_or(0.0);
        if !number.is_finite() {
            match self.settings.encode_invalid {
                Invalid::Refused => return Err(self.refuse(value, "must not be NaN or Inf")),
                Invalid::Written if number.is_nan() => {
                    self.out.extend_from_slice(b"nan");
                    return Ok(());
                }
                Invalid::Written => {}
                Invalid::Null => {
                    self.out.extend_from_slice(b"null");
                    return Ok(());
                }
            }
        }
        general(&mut self.out, number, usize::try_from(self.settings.precision).unwrap_or(14));
        Ok(())
    }

    fn table(&mut self, table: &Table, depth: usize) -> mlua::Result<()> {
        let max = usize::try_from(self.settings.encode_max_depth).unwrap_or(DEPTH_LIMIT);
        if depth > max.min(DEPTH_LIMIT) {
            return Err(text(self.lua, format!("Cannot serialise, excessive nesting ({depth})")));
        }
        match self.array_length(table)? {
            Some(length) if length > 0 => self.array(table, length, depth),
            _ => self.object(table, depth),
        }
    }

    /// The highest index of a table that has nothing but positive integers as keys.
    fn array_length(&self, table: &Table) -> mlua::Result<Option<usize>> {
        // An object is known by its first key, mostly.
        if let Some(first) = table.pairs::<Value, Value>().next()
            && !matches!(first?.0, Value::Integer(_) | Value::Number(_))
        {
            return Ok(None);
        }
        let (mut max, mut items, mut pure) = (0.0f64, 0i64, true);
        // A key that no array has ends the walk at once.
        let walked = table.for_each(|key: Value, _: Value| match key {
            Value::Integer(_) | Value::Number(_) => {
                let key = to_number(&key).unwrap_or(0.0);
                if key.floor() != key || key < 1.0 {
                    pure = false;
                    return Err(mlua::Error::StackError);
                }
                // C keeps the highest index in an int.
                max = max.max(key.min(f64::from(i32::MAX)));
                items += 1;
                Ok(())
            }
            _ => {
                pure = false;
                Err(mlua::Error::StackError)
            }
        });
        if !pure {
            return Ok(None);
        }
        walked?;
        #[expect(clippy::cast_possible_truncation, reason = "at most 2^31")]
        let max = max as i64;
        let ratio = i64::from(self.settings.sparse_ratio);
        if ratio > 0 && max > items * ratio && max > i64::from(self.settings.sparse_safe) {
            if !self.settings.sparse_convert {
                return Err(text(self.lua, "Cannot serialise table: excessively sparse array"));
            }
            return Ok(None);
        }
        Ok(usize::try_from(max).ok())
    }

    fn array(&mut self, table: &Table, length: usize, depth: usize) -> mlua::Result<()> {
        self.out.push(b'[');
        for at in 1..=length {
            if at > 1 {
                self.out.push(b',');
            }
            let value: Value = table.raw_get(at)?;
            self.value(&value, depth)?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, table: &Table, depth: usize) -> mlua::Result<()> {
        self.out.push(b'{');
        // Not by `for_each`, within which Lua counts a call of a C function: it allows 200.
        for (pair, first) in
            table.pairs::<Value, Value>().zip(std::iter::once(true).chain(std::iter::repeat(false)))
        {
            let (key, value) = pair?;
            if !first {
                self.out.push(b',');
            }
            match &key {
                Value::Integer(_) | Value::Number(_) => {
                    self.out.push(b'"');
                    self.number(&key)?;
                    self.out.push(b'"');
                }
                Value::String(string) => self.string(&string.as_bytes()),
                other => return Err(self.refuse(other, "table key must be a number or string")),
            }
            self.out.push(b':');
            self.value(&value, depth)?;
        }
        self.out.push(b'}');
        Ok(())
    }
}
