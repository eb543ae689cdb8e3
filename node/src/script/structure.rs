//! The library `struct`: numbers and strings in binary formats, as Redis brings it along.

use mlua::{Lua, LuaString, MultiValue, Table, Value};

use super::failure::{argument, text, wrong_type};
use super::number::to_integer;
use super::text::{to_number, to_vec};

/// Longest integer in bytes.
const INTEGER_BYTES_MAX: usize = 32;

/// The alignment of `!` without a number.
const ALIGNMENT_MAX: usize = 8;

/// What `too many results` means for `unpack`.
const RESULTS_MAX: usize = 7_000;

/// The table `struct`.
pub(super) fn table(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("pack", lua.create_function(|lua, args: MultiValue| pack(lua, &args))?)?;
    table.raw_set("unpack", lua.create_function(|lua, args: MultiValue| unpack(lua, &args))?)?;
    table.raw_set("size", lua.create_function(|lua, args: MultiValue| size(lua, &args))?)?;
    Ok(table)
}

/// Reads a format, option by option.
struct Format<'l> {
    lua: &'l Lua,
    function: &'static str,
    text: Vec<u8>,
    at: usize,
    little: bool,
    align: usize,
}

impl<'l> Format<'l> {
    fn new(lua: &'l Lua, args: &MultiValue, function: &'static str) -> mlua::Result<Self> {
        let text = args.front().and_then(to_vec);
        let mut text = text.ok_or_else(|| wrong_type(lua, 1, function, "string", args.front()))?;
        // A C string: it ends at its first zero byte.
        text.truncate(text.iter().position(|&byte| byte == 0).unwrap_or(text.len()));
        Ok(Self { lua, function, text, at: 0, little: true, align: 1 })
    }

    /// The next option and the size of its item in bytes.
    fn next(&mut self) -> mlua::Result<Option<(u8, usize)>> {
        let Some(&option) = self.text.get(self.at) else { return Ok(None) };
        self.at += 1;
        let size = match option {
            b'B' | b'b' | b'x' => 1,
            b'H' | b'h' => 2,
            b'L' | b'l' | b'T' | b'd' => 8,
            b'f' => 4,
            b'c' => self.number(1)?,
            b'i' | b'I' => self.number(4)?,
            _ => 0,
        };
        if matches!(option, b'i' | b'I') && size > INTEGER_BYTES_MAX {
            let message = format!("integral size {size} is larger than limit of {INTEGER_BYTES_MAX}");
            return Err(text(self.lua, message));
        }
        Ok(Some((option, size)))
    }

    /// The number that follows, `default` if none does.
    fn number(&mut self, default: usize) -> mlua::Result<usize> {
        let mut number: Option<i32> = None;
        while let Some(digit) = self.text.get(self.at).filter(|byte| byte.is_ascii_digit()) {
            let next = number.unwrap_or(0).checked_mul(10);
            let next = next.and_then(|number| number.checked_add(i32::from(digit - b'0')));
            number = Some(next.ok_or_else(|| text(self.lua, "integral size overflow"))?);
            self.at += 1;
        }
        Ok(number.and_then(|number| usize::try_from(number).ok()).unwrap_or(default))
    }

    /// Bytes before an item at `position`.
    fn padding(&self, position: usize, option: u8, size: usize) -> usize {
        if size == 0 || option == b'c' {
            return 0;
        }
        let size = size.min(self.align);
        size.wrapping_sub(position & size.wrapping_sub(1)) & size.wrapping_sub(1)
    }

    /// An option that concerns the options after it.
    fn control(&mut self, option: u8) -> mlua::Result<()> {
        match option {
            b' ' => {}
            b'>' => self.little = false,
            b'<' => self.little = true,
            b'!' => {
                let align = self.number(ALIGNMENT_MAX)?;
                if !align.is_power_of_two() {
                    return Err(text(self.lua, format!("alignment {align} is not a power of 2")));
                }
                self.align = align;
            }
            other => {
                let what = format!("invalid format option '{}'", char::from(other));
                return Err(argument(self.lua, 1, self.function, what));
            }
        }
        Ok(())
    }

    /// `bytes`, which are in little-endian order, in the order asked for.
    fn ordered(&self, bytes: &mut [u8]) {
        if !self.little {
            bytes.reverse();
        }
    }

    fn too_short(&self) -> mlua::Error {
        argument(self.lua, 2, self.function, "data string too short")
    }
}

fn number(lua: &Lua, args: &MultiValue, at: usize) -> mlua::Result<f64> {
    let number = args.get(at).and_then(to_number);
    // The library marks the end of its arguments with a nil.
    number.ok_or_else(|| wrong_type(lua, at + 1, "pack", "number", args.get(at).or(Some(&Value::Nil))))
}

fn pack(lua: &Lua, args: &MultiValue) -> mlua::Result<LuaString> {
    let mut format = Format::new(lua, args, "pack")?;
    let (mut out, mut at) = (Vec::new(), 1);
    while let Some((option, size)) = format.next()? {
        out.resize(out.len() + format.padding(out.len(), option, size), 0);
        match option {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                put_integer(&mut out, &format, number(lua, args, at)?, size);
            }
            b'x' => out.push(0),
            b'f' | b'd' => put_float(&mut out, &format, number(lua, args, at)?, option),
            b'c' | b's' => put_string(&mut out, lua, args, at, (option, size))?,
            other => {
                format.control(other)?;
                continue;
            }
        }
        at += usize::from(option != b'x');
    }
    lua.create_string(&out)
}

fn put_integer(out: &mut Vec<u8>, format: &Format<'_>, number: f64, size: usize) {
    // As C on x86 casts it: to a signed integer below zero, else to an unsigned one.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as C casts it")]
    let value = if number < 9_223_372_036_854_775_808.0 || number.is_nan() {
        to_integer(number).cast_unsigned()
    } else if number < 18_446_744_073_709_551_616.0 {
        number as u64
    } else {
        0
    };
    let mut bytes = [0; INTEGER_BYTES_MAX];
    bytes[..8].copy_from_slice(&value.to_le_bytes());
    format.ordered(&mut bytes[..size]);
    out.extend_from_slice(&bytes[..size]);
}

fn put_float(out: &mut Vec<u8>, format: &Format<'_>, number: f64, option: u8) {
    let (mut bytes, size) = (number.to_le_bytes(), if option == b'f' { 4 } else { 8 });
    if option == b'f' {
        #[expect(clippy::cast_possible_truncation, reason = "as C casts it")]
        let single = number as f32;
        bytes[..4].copy_from_slice(&single.to_le_bytes());
    }
    format.ordered(&mut bytes[..size]);
    out.extend_from_slice(&bytes[..size]);
}

fn put_string(
    out: &mut Vec<u8>,
    lua: &Lua,
    args: &MultiValue,
    at: usize,
    (option, size): (u8, usize),
) -> mlua::Result<()> {
    let string = args.get(at).and_then(to_vec);
    let string = string
        .ok_or_else(|| wrong_type(lua, at + 1, "pack", "string", args.get(at).or(Some(&Value::Nil))))?;
    let size = if size == 0 { string.len() } else { size };
    let Some(kept) = string.get(..size) else {
        return Err(argument(lua, at + 2, "pack", "string too short"));
    };
    out.extend_from_slice(kept);
    if option == b's' {
        out.push(0);
    }
    Ok(())
}

fn unpack(lua: &Lua, args: &MultiValue) -> mlua::Result<MultiValue> {
    let mut format = Format::new(lua, args, "unpack")?;
    let data = args.get(1).and_then(to_vec);
    let data = data.ok_or_else(|| wrong_type(lua, 2, "unpack", "string", args.get(1)))?;
    let start = match args.get(2) {
        None | Some(Value::Nil) => 1,
        Some(value) => {
            let number =
                to_number(value).ok_or_else(|| wrong_type(lua, 3, "unpack", "number", Some(value)))?;
            to_integer(number)
        }
    };
    if start == 0 {
        return Err(argument(lua, 3, "unpack", "offset must be 1 or greater"));
    }
    let mut position = start.cast_unsigned().wrapping_sub(1) as usize;
    let mut results: Vec<Value> = Vec::new();
    while let Some((option, mut size)) = format.next()? {
        position = position.wrapping_add(format.padding(position, option, size));
        let fits = |position: usize, size: usize| size <= data.len() && position <= data.len() - size;
        if !fits(position, size) {
            return Err(format.too_short());
        }
        if results.len() >= RESULTS_MAX {
            return Err(text(lua, "stack overflow (too many results)"));
        }
        match option {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let signed = option.is_ascii_lowercase();
                results.push(Value::Number(integer_of(
                    &data[position..position + size],
                    format.little,
                    signed,
                )));
            }
            b'x' => {}
            b'f' | b'd' => results.push(Value::Number(float_of(&data[position..position + size], &format))),
            b'c' => {
                if size == 0 {
                    let previous = results.pop().as_ref().and_then(to_number);
                    let previous = previous.ok_or_else(|| text(lua, "format 'c0' needs a previous size"))?;
                    size = usize::try_from(to_integer(previous)).unwrap_or(usize::MAX);
                    if !fits(position, size) {
                        return Err(format.too_short());
                    }
                }
                results.push(Value::String(lua.create_string(&data[position..position + size])?));
            }
            b's' => {
                let end = data[position..].iter().position(|&byte| byte == 0);
                let len = end.ok_or_else(|| text(lua, "unfinished string in data"))?;
                results.push(Value::String(lua.create_string(&data[position..position + len])?));
                size = len + 1;
            }
            other => format.control(other)?,
        }
        position += size;
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of Lua 5.1 is a double")]
    results.push(Value::Number((position + 1) as f64));
    Ok(MultiValue::from_vec(results))
}

/// An integer of any size; of a long one the lowest eight bytes count.
#[expect(clippy::cast_precision_loss, reason = "a number of Lua 5.1 is a double")]
fn integer_of(bytes: &[u8], little: bool, signed: bool) -> f64 {
    let join = |value: u64, byte: &u8| value.wrapping_shl(8) | u64::from(*byte);
    let value = if little { bytes.iter().rev().fold(0, join) } else { bytes.iter().fold(0, join) };
    if !signed {
        return value as f64;
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 256 bits")]
    let mask = u64::MAX.wrapping_shl((bytes.len() as u32 * 8).wrapping_sub(1));
    let value = if value & mask == 0 { value } else { value | mask };
    value.cast_signed() as f64
}

fn float_of(bytes: &[u8], format: &Format<'_>) -> f64 {
    let mut ordered = [0; 8];
    ordered[..bytes.len()].copy_from_slice(bytes);
    format.ordered(&mut ordered[..bytes.len()]);
    if bytes.len() == 4 {
        f64::from(f32::from_le_bytes([ordered[0], ordered[1], ordered[2], ordered[3]]))
    } else {
        f64::from_le_bytes(ordered)
    }
}

fn size(lua: &Lua, args: &MultiValue) -> mlua::Result<f64> {
    let mut format = Format::new(lua, args, "size")?;
    let mut position = 0usize;
    while let Some((option, size)) = format.next()? {
        position = position.wrapping_add(format.padding(position, option, size));
        if option == b's' {
            return Err(argument(lua, 1, "size", "option 's' has no fixed size"));
        }
        if option == b'c' && size == 0 {
            return Err(argument(lua, 1, "size", "option 'c0' has no fixed size"));
        }
        if !option.is_ascii_alphanumeric() {
            format.control(option)?;
        }
        position = position.wrapping_add(size);
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of Lua 5.1 is a double")]
    Ok(position as f64)
}
