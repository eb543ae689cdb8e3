//! The library `bit`: 32-bit operations, as LuaBitOp 1.0.2 defines them.

use mlua::{Lua, LuaString, MultiValue, Table};

use super::failure::wrong_type;
use super::text::to_number;

/// 2^52 + 2^51: added to a double, it leaves the value modulo 2^32 in the lowest bits.
const MAGIC: f64 = 6_755_399_441_055_744.0;

/// An operation on two operands.
type Operation = fn(u32, u32) -> u32;

/// An operation on one operand.
type Single = fn(u32) -> u32;

/// Operations on any number of operands.
const FOLDS: [(&str, Operation); 3] = [("band", |a, b| a & b), ("bor", |a, b| a | b), ("bxor", |a, b| a ^ b)];

/// Shifts; only the lowest five bits of the distance count.
const SHIFTS: [(&str, Operation); 5] = [
    ("lshift", |bits, by| bits << by),
    ("rshift", |bits, by| bits >> by),
    ("arshift", |bits, by| (bits.cast_signed() >> by).cast_unsigned()),
    ("rol", u32::rotate_left),
    ("ror", u32::rotate_right),
];

/// Operations on one operand.
const SINGLES: [(&str, Single); 3] =
    [("tobit", |bits| bits), ("bnot", |bits| !bits), ("bswap", u32::swap_bytes)];

/// The table `bit`.
pub(super) fn table(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    for (name, operation) in SINGLES {
        let function = move |lua: &Lua, args: MultiValue| Ok(signed(operation(bits(lua, &args, 0, name)?)));
        table.raw_set(name, lua.create_function(function)?)?;
    }
    for (name, operation) in FOLDS {
        let function = move |lua: &Lua, args: MultiValue| {
            let first = bits(lua, &args, 0, name)?;
            let rest = (1..args.len()).rev().map(|at| bits(lua, &args, at, name));
            rest.into_iter().try_fold(first, |folded, next| Ok(operation(folded, next?))).map(signed)
        };
        table.raw_set(name, lua.create_function(function)?)?;
    }
    for (name, operation) in SHIFTS {
        let function = move |lua: &Lua, args: MultiValue| {
            let value = bits(lua, &args, 0, name)?;
            Ok(signed(operation(value, bits(lua, &args, 1, name)? & 31)))
        };
        table.raw_set(name, lua.create_function(function)?)?;
    }
    table.raw_set("tohex", lua.create_function(|lua, args: MultiValue| tohex(lua, &args))?)?;
    Ok(table)
}

fn signed(bits: u32) -> f64 {
    f64::from(bits.cast_signed())
}

/// Argument `at` (from 0) modulo 2^32.
fn bits(lua: &Lua, args: &MultiValue, at: usize, function: &str) -> mlua::Result<u32> {
    let number = args.get(at).and_then(to_number);
    let number = number.ok_or_else(|| wrong_type(lua, at + 1, function, "number", args.get(at)))?;
    #[expect(clippy::cast_possible_truncation, reason = "modulo 2^32")]
    let bits = (number + MAGIC).to_bits() as u32;
    Ok(bits)
}

fn tohex(lua: &Lua, args: &MultiValue) -> mlua::Result<LuaString> {
    let value = bits(lua, args, 0, "tohex")?;
    let digits = if args.len() < 2 { 8 } else { bits(lua, args, 1, "tohex")?.cast_signed() };
    let text = if digits < 0 { format!("{value:08X}") } else { format!("{value:08x}") };
    let kept = usize::try_from(digits.unsigned_abs()).unwrap_or(8).min(8);
    lua.create_string(&text[8 - kept..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_modulo_two_to_the_32() {
        let lua = Lua::new();
        lua.globals().set("bit", table(&lua).unwrap()).unwrap();
        for (code, expected) in [
            ("bit.tobit(4294967295)", "-1"),
            ("bit.bnot(0)", "-1"),
            ("bit.band(7, 14, 6)", "6"),
            ("bit.lshift(1, 33)", "2"),
            ("bit.arshift(-8, 1)", "-4"),
            ("bit.rol(0x12345678, 8)", "878082066"),
            ("bit.tohex(-1, -4)", "FFFF"),
            ("bit.tohex(255)", "000000ff"),
            ("bit.tohex(1, -2147483648)", "00000001"),
        ] {
            let text: String = lua.load(format!("return tostring({code})")).eval().unwrap();
            assert_eq!(text, expected, "{code}");
        }
    }
}
