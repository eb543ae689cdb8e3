//! Lua values as MessagePack.

use mlua::{Table, Value};

use crate::script::pace::Pace;
use crate::script::text::to_number;
use crate::script::vm::MEMORY_BYTES_MAX;

/// Tables nested deeper become nil.
const NESTING_MAX: usize = 16;

/// Appends `value`, which is `level` tables deep.
pub(super) fn value(out: &mut Vec<u8>, pace: &Pace, value: &Value, level: usize) -> mlua::Result<()> {
    // A table may name one long string many times.
    if out.len() > MEMORY_BYTES_MAX {
        return Err(mlua::Error::MemoryError("the packed value is too long".to_owned()));
    }
    pace.step(64)?;
    match value {
        Value::String(text) => string(out, &text.as_bytes()),
        Value::Boolean(true) => out.push(0xC3),
        Value::Boolean(false) => out.push(0xC2),
        Value::Integer(_) | Value::Number(_) => number(out, to_number(value).unwrap_or(0.0)),
        Value::Table(inner) if level < NESTING_MAX => return table(out, pace, inner, level),
        _ => out.push(0xC0),
    }
    Ok(())
}

/// Appends `kinds[0]` and one byte of `len`, or `kinds[1]` and two, or `kinds[2]` and four; 0 is no such form.
#[expect(clippy::cast_possible_truncation, reason = "the bytes that C keeps")]
fn header(out: &mut Vec<u8>, kinds: [u8; 3], len: usize) {
    if len <= 0xFF && kinds[0] != 0 {
        out.extend_from_slice(&[kinds[0], len as u8]);
    } else if len <= 0xFFFF {
        out.push(kinds[1]);
        out.extend_from_slice(&(len as u16).to_be_bytes());
    } else {
        out.push(kinds[2]);
        out.extend_from_slice(&(len as u32).to_be_bytes());
    }
}

/// A short length within the kind's byte.
#[expect(clippy::cast_possible_truncation, reason = "at most 31")]
fn short(kind: u8, len: usize) -> u8 {
    kind | len as u8
}

fn string(out: &mut Vec<u8>, text: &[u8]) {
    if text.len() < 32 {
        out.push(short(0xA0, text.len()));
    } else {
        header(out, [0xD9, 0xDA, 0xDB], text.len());
    }
    out.extend_from_slice(text);
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "compared with what is kept"
)]
fn number(out: &mut Vec<u8>, number: f64) {
    let bounds = -9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0;
    if bounds.contains(&number) && number as i64 as f64 == number {
        return integer(out, number as i64);
    }
    let single = number as f32;
    if f64::from(single) == number {
        out.push(0xCA);
        out.extend_from_slice(&single.to_be_bytes());
    } else {
        out.push(0xCB);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the bytes that C keeps")]
fn integer(out: &mut Vec<u8>, integer: i64) {
    let (kind, bytes) = match integer {
        -32..=0x7F => return out.push(integer as u8),
        0x80..=0xFF => (0xCC, 1),
        0x100..=0xFFFF => (0xCD, 2),
        0x1_0000..=0xFFFF_FFFF => (0xCE, 4),
        0x1_0000_0000.. => (0xCF, 8),
        -0x80..=-33 => (0xD0, 1),
        -0x8000..=-0x81 => (0xD1, 2),
        -0x8000_0000..=-0x8001 => (0xD2, 4),
        _ => (0xD3, 8),
    };
    out.push(kind);
    out.extend_from_slice(&integer.to_be_bytes()[8 - bytes..]);
}

/// The length of a table that has the keys 1 to n and no others.
fn array_length(table: &Table) -> mlua::Result<Option<usize>> {
    let (mut max, mut count, mut pure) = (0.0f64, 0usize, true);
    // A key that no array has ends the walk at once.
    let walked = table.for_each(|key: Value, _: Value| {
        let key = if let Value::Integer(_) | Value::Number(_) = key { to_number(&key) } else { None };
        match key.filter(|key| *key > 0.0 && key.fract() == 0.0 && *key <= f64::from(i32::MAX)) {
            Some(key) => {
                max = max.max(key);
                count += 1;
                Ok(())
            }
            None => {
                pure = false;
                Err(mlua::Error::StackError)
            }
        }
    });
    if !pure {
        return Ok(None);
    }
    walked?;
    #[expect(clippy::cast_precision_loss, reason = "below 2^31")]
    Ok((max == count as f64).then_some(count))
}

fn table(out: &mut Vec<u8>, pace: &Pace, inner: &Table, level: usize) -> mlua::Result<()> {
    if let Some(len) = array_length(inner)? {
        if len <= 15 {
            out.push(short(0x90, len));
        } else {
            header(out, [0, 0xDC, 0xDD], len);
        }
        for at in 1..=len {
            value(out, pace, &inner.raw_get(at)?, level + 1)?;
        }
        return Ok(());
    }
    let mut len = 0;
    inner.for_each(|_: Value, _: Value| {
        len += 1;
        Ok(())
    })?;
    if len <= 15 {
        out.push(short(0x80, len));
    } else {
        header(out, [0, 0xDE, 0xDF], len);
    }
    inner.for_each(|key: Value, item: Value| {
        value(out, pace, &key, level + 1)?;
        value(out, pace, &item, level + 1)
    })
}
