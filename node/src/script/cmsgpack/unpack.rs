//! MessagePack as Lua values.

use mlua::{Lua, Value};

use crate::script::failure::{bare, text};
use crate::script::pace::Pace;

/// Deepest nesting, and most values at once: the stacks of Lua and of C are bounded.
const DEPTH_MAX: usize = 1_000;
const VALUES_MAX: usize = 7_900;

/// Reads values from the front of some bytes.
pub(super) struct Reader<'l, 'b> {
    lua: &'l Lua,
    pace: &'l Pace,
    rest: &'b [u8],
    depth: usize,
}

impl<'l, 'b> Reader<'l, 'b> {
    pub(super) fn new(lua: &'l Lua, pace: &'l Pace, rest: &'b [u8]) -> Self {
        Self { lua, pace, rest, depth: 0 }
    }

    /// Bytes that are not read yet.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Up to `limit` values.
    pub(super) fn values(&mut self, limit: usize) -> mlua::Result<Vec<Value>> {
        let mut values = Vec::new();
        while !self.rest.is_empty() && values.len() < limit {
            if values.len() == VALUES_MAX {
                return Err(self.too_many());
            }
            values.push(self.value()?);
        }
        Ok(values)
    }

    fn too_many(&self) -> mlua::Error {
        let what = "stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)";
        text(self.lua, what)
    }

    fn take(&mut self, len: usize) -> mlua::Result<&'b [u8]> {
        let split = self.rest.split_at_checked(len);
        let (taken, rest) = split.ok_or_else(|| text(self.lua, "Missing bytes in input."))?;
        self.rest = rest;
        Ok(taken)
    }

    /// An unsigned integer of `len` bytes.
    fn unsigned(&mut self, len: usize) -> mlua::Result<u64> {
        Ok(self.take(len)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn length(&mut self, len: usize) -> mlua::Result<usize> {
        Ok(usize::try_from(self.unsigned(len)?).unwrap_or(usize::MAX))
    }

    /// A signed integer of `len` bytes.
    fn signed(&mut self, len: usize) -> mlua::Result<i64> {
        let unused = 64 - 8 * u32::try_from(len).unwrap_or(8);
        Ok((self.unsigned(len)? << unused).cast_signed() >> unused)
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "as C converts them")]
    fn value(&mut self) -> mlua::Result<Value> {
        self.pace.step(64)?;
        let kind = self.take(1)?[0];
        let number = match kind {
            0x00..=0x7F => f64::from(kind),
            0xE0..=0xFF => f64::from(kind.cast_signed()),
            0xCC => self.unsigned(1)? as f64,
            0xCD => self.unsigned(2)? as f64,
            0xCE => self.unsigned(4)? as f64,
            0xCF => self.unsigned(8)?.cast_signed() as f64,
            0xD0 => self.signed(1)? as f64,
            0xD1 => self.signed(2)? as f64,
            0xD2 => self.signed(4)? as f64,
            0xD3 => self.signed(8)? as f64,
            0xCA => f64::from(f32::from_bits(self.unsigned(4)? as u32)),
            0xCB => f64::from_bits(self.unsigned(8)?),
            _ => return self.other(kind),
        };
        Ok(Value::Number(number))
    }

    fn other(&mut self, kind: u8) -> mlua::Result<Value> {
        match kind {
            0xC0 => Ok(Value::Nil),
            0xC2 | 0xC3 => Ok(Value::Boolean(kind == 0xC3)),
            0xA0..=0xBF => self.string(usize::from(kind & 0x1F)),
            0xD9 => self.length(1).and_then(|len| self.string(len)),
            0xDA => self.length(2).and_then(|len| self.string(len)),
            0xDB => self.length(4).and_then(|len| self.string(len)),
            0x90..=0x9F => self.nested(usize::from(kind & 0xF), false),
            0xDC => self.length(2).and_then(|len| self.nested(len, false)),
            0xDD => self.length(4).and_then(|len| self.nested(len, false)),
            0x80..=0x8F => self.nested(usize::from(kind & 0xF), true),
            0xDE => self.length(2).and_then(|len| self.nested(len, true)),
            0xDF => self.length(4).and_then(|len| self.nested(len, true)),
            _ => Err(text(self.lua, "Bad data format in input.")),
        }
    }

    fn string(&mut self, len: usize) -> mlua::Result<Value> {
        let bytes = self.take(len)?;
        Ok(Value::String(self.lua.create_string(bytes)?))
    }

    /// An array or a map of `len` items.
    fn nested(&mut self, len: usize, map: bool) -> mlua::Result<Value> {
        if self.depth == DEPTH_MAX {
            return Err(self.too_many());
        }
        self.depth += 1;
        let table = self.lua.create_table()?;
        for at in 1..=len {
            if map {
                let (key, value) = (self.value()?, self.value()?);
                match key {
                    Value::Nil => return Err(bare("table index is nil")),
                    Value::Number(number) if number.is_nan() => return Err(bare("table index is NaN")),
                    key => table.raw_set(key, value)?,
                }
            } else {
                let value = self.value()?;
                table.raw_seti(at, value)?;
            }
        }
        self.depth -= 1;
        Ok(Value::Table(table))
    }
}
