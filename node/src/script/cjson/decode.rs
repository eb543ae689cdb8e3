//! JSON as Lua values.

use std::borrow::Cow;

use mlua::{Lua, Value};

use super::{DEPTH_LIMIT, Settings};
use crate::command::hexadecimal::hexadecimal;
use crate::script::failure::text;
use crate::script::pace::Pace;
use crate::script::roomy::Roomy;

/// The value that `json` says.
pub(super) fn decode(lua: &Lua, pace: &Pace, settings: &Settings, json: &[u8]) -> mlua::Result<Value> {
    if json.len() >= 2 && (json[0] == 0 || json[1] == 0) {
        return Err(text(lua, "JSON parser does not support UTF-16 or UTF-32"));
    }
    let mut decoder = Decoder { lua, room: Roomy::new(lua)?, pace, settings, json, at: 0, depth: 0 };
    let first = decoder.token();
    let value = decoder.value(first)?;
    let last = decoder.token();
    if last.kind == Kind::End { Ok(value) } else { Err(decoder.unexpected("the end", &last)) }
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
enum Kind<'a> {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    String(Cow<'a, [u8]>),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Broken(&'static str),
}

/// A token and where it begins; one that is broken, where it breaks.
#[derive(Clone, Debug)]
struct Token<'a> {
    kind: Kind<'a>,
    at: usize,
}

struct Decoder<'a> {
    lua: &'a Lua,
    room: Roomy<'a>,
    pace: &'a Pace,
    settings: &'a Settings,
    json: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Decoder<'a> {
    /// The byte `ahead` of the place; the end reads as zero, which ends the text as it ends a C string.
    fn peek(&self, ahead: usize) -> u8 {
        self.json.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn rest(&self) -> &'a [u8] {
        &self.json[self.at.min(self.json.len())..]
    }

    fn unexpected(&self, expected: &str, token: &Token<'_>) -> mlua::Error {
        let found = match &token.kind {
            Kind::ObjectBegin => "T_OBJ_BEGIN",
            Kind::ObjectEnd => "T_OBJ_END",
            Kind::ArrayBegin => "T_ARR_BEGIN",
            Kind::ArrayEnd => "T_ARR_END",
            Kind::String(_) => "T_STRING",
            Kind::Number(_) => "T_NUMBER",
            Kind::Boolean(_) => "T_BOOLEAN",
            Kind::Null => "T_NULL",
            Kind::Colon => "T_COLON",
            Kind::Comma => "T_COMMA",
            Kind::End => "T_END",
            Kind::Broken(what) => what,
        };
        let message = format!("Expected {expected} but found {found} at character {}", token.at + 1);
        text(self.lua, message)
    }

    fn token(&mut self) -> Token<'a> {
        while matches!(self.peek(0), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        let at = self.at;
        let kind = self.kind();
        // A broken token lies where reading stopped.
        let at = if matches!(kind, Kind::Broken(_)) { self.at } else { at };
        Token { kind, at }
    }

    fn kind(&mut self) -> Kind<'a> {
        let single = match self.peek(0) {
            b'{' => Kind::ObjectBegin,
            b'}' => Kind::ObjectEnd,
            b'[' => Kind::ArrayBegin,
            b']' => Kind::ArrayEnd,
            b',' => Kind::Comma,
            b':' => Kind::Colon,
            0 => return Kind::End,
            b'"' => return self.string(),
            b'-' | b'0'..=b'9' => return self.number(),
            b'f' | b'i' | b'I' | b'n' | b'N' | b't' | b'+' => return self.word(),
            _ => return Kind::Broken("invalid token"),
        };
        self.at += 1;
        single
    }

    fn word(&mut self) -> Kind<'a> {
        let words = [("true", Kind::Boolean(true)), ("false", Kind::Boolean(false)), ("null", Kind::Null)];
        for (word, kind) in words {
            if self.rest().starts_with(word.as_bytes()) {
                self.at += word.len();
                return kind;
            }
        }
        if self.settings.decode_invalid && self.is_invalid_number() {
            return self.any_number();
        }
        Kind::Broken("invalid token")
    }

    fn number(&mut self) -> Kind<'a> {
        if !self.settings.decode_invalid && self.is_invalid_number() {
            return Kind::Broken("invalid number");
        }
        self.any_number()
    }

    fn any_number(&mut self) -> Kind<'a> {
        match prefix_number(self.rest()) {
            Some((number, len)) => {
                self.at += len;
                Kind::Number(number)
            }
            None => Kind::Broken("invalid number"),
        }
    }

    /// Whether JSON does not allow what C's `strtod` may take for a number.
    fn is_invalid_number(&self) -> bool {
        let rest = self.rest();
        if rest.first() == Some(&b'+') {
            return true;
        }
        let digits = rest.strip_prefix(b"-").unwrap_or(rest);
        match digits.first() {
            Some(b'0') => matches!(digits.get(1), Some(b'x' | b'X' | b'0'..=b'9')),
            Some(byte) if *byte <= b'9' => false,
            _ => starts_with_word(digits, "inf") || starts_with_word(digits, "nan"),
        }
    }

    /// The bytes from the place on that stand for themselves within a string.
    fn plain(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn string(&mut self) -> Kind<'a> {
        self.at += 1;
        let plain = self.plain();
        if self.peek(0) == b'"' {
            self.at += 1;
            return Kind::String(Cow::Borrowed(plain));
        }
        let mut out = plain.to_vec();
        loop {
            match self.peek(0) {
                b'"' => break,
                0 => return Kind::Broken("unexpected end of string"),
                b'\\' => {
                    let plain = match self.peek(1) {
                        byte @ (b'"' | b'\\' | b'/') => byte,
                        b'b' => 8,
                        b't' => b'\t',
                        b'n' => b'\n',
                        b'f' => 12,
                        b'r' => b'\r',
                        b'u' if self.unicode(&mut out) => continue,
                        b'u' => return Kind::Broken("invalid unicode escape code"),
                        _ => return Kind::Broken("invalid escape code"),
                    };
                    out.push(plain);
                    self.at += 2;
                }
                _ => out.extend_from_slice(self.plain()),
            }
        }
        self.at += 1;
        Kind::String(Cow::Owned(out))
    }

    /// A code unit of four hexadecimal digits, `ahead` of the place.
    fn unit(&self, ahead: usize) -> Option<u32> {
        (0..4).try_fold(0, |unit, digit| Some(unit << 4 | char::from(self.peek(ahead + digit)).to_digit(16)?))
    }

    /// Takes an escape `\uXXXX`, or two of a surrogate pair. Returns whether it is one.
    fn unicode(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(mut code) = self.unit(2) else { return false };
        let mut len = 6;
        if code & 0xF800 == 0xD800 {
            let low = (self.peek(6) == b'\\' && self.peek(7) == b'u').then(|| self.unit(8)).flatten();
            let Some(low) = low.filter(|low| low & 0xFC00 == 0xDC00 && code & 0x400 == 0) else {
                return false;
            };
            code = ((code & 0x3FF) << 10 | low & 0x3FF) + 0x1_0000;
            len = 12;
        }
        let Some(char) = char::from_u32(code) else { return false };
        out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        self.at += len;
        true
    }

    fn descend(&mut self) -> mlua::Result<()> {
        self.depth += 1;
        let max = usize::try_from(self.settings.decode_max_depth).unwrap_or(DEPTH_LIMIT);
        if self.depth > max.min(DEPTH_LIMIT) {
            let (depth, at) = (self.depth, self.at);
            let message = format!("Found too many nested data structures ({depth}) at character {at}");
            return Err(text(self.lua, message));
        }
        Ok(())
    }

    fn value(&mut self, token: Token<'a>) -> mlua::Result<Value> {
        self.pace.step(64)?;
        self.room.check()?;
        match token.kind {
            Kind::String(string) => Ok(Value::String(self.lua.create_string(&string)?)),
            Kind::Number(number) => Ok(Value::Number(number)),
            Kind::Boolean(boolean) => Ok(Value::Boolean(boolean)),
            Kind::Null => Ok(Value::NULL),
            Kind::ObjectBegin => self.object(),
            Kind::ArrayBegin => self.array(),
            _ => Err(self.unexpected("value", &token)),
        }
    }

    fn object(&mut self) -> mlua::Result<Value> {
        self.descend()?;
        let table = self.lua.create_table()?;
        let mut token = self.token();
        while token.kind != Kind::ObjectEnd {
            let Kind::String(key) = &token.kind else {
                return Err(self.unexpected("object key string", &token));
            };
            let key = self.lua.create_string(key)?;
            let colon = self.token();
            if colon.kind != Kind::Colon {
                return Err(self.unexpected("colon", &colon));
            }
            let next = self.token();
            table.raw_set(key, self.value(next)?)?;
            let after = self.token();
            match after.kind {
                Kind::ObjectEnd => break,
                Kind::Comma => token = self.token(),
                _ => return Err(self.unexpected("comma or object end", &after)),
            }
            if token.kind == Kind::ObjectEnd {
                return Err(self.unexpected("object key string", &token));
            }
        }
        self.depth -= 1;
        Ok(Value::Table(table))
    }

    fn array(&mut self) -> mlua::Result<Value> {
        self.descend()?;
        let table = self.lua.create_table()?;
        let mut token = self.token();
        if token.kind != Kind::ArrayEnd {
            for at in 1.. {
                table.raw_seti(at, self.value(token)?)?;
                let after = self.token();
                match after.kind {
                    Kind::ArrayEnd => break,
                    Kind::Comma => token = self.token(),
                    _ => return Err(self.unexpected("comma or array end", &after)),
                }
            }
        }
        self.depth -= 1;
        Ok(Value::Table(table))
    }
}

fn starts_with_word(bytes: &[u8], word: &str) -> bool {
    bytes.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
}

/// The number at the front of `bytes` and its length, as C's `strtod` finds it.
fn prefix_number(bytes: &[u8]) -> Option<(f64, usize)> {
    let signed = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let sign = if bytes.first() == Some(&b'-') { -1.0 } else { 1.0 };
    let rest = &bytes[signed..];
    for (word, value) in [("infinity", f64::INFINITY), ("inf", f64::INFINITY), ("nan", f64::NAN)] {
        if starts_with_word(rest, word) {
            return Some((value.copysign(sign), signed + word.len()));
        }
    }
    if starts_with_word(rest, "0x")
        && let Some((value, len)) = hexadecimal(&rest[2..])
    {
        return Some((sign * value, signed + 2 + len));
    }
    let digits = |from: usize| rest[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(0);
    let mut len = whole;
    if rest.get(whole) == Some(&b'.') {
        let fraction = digits(whole + 1);
        if whole + fraction > 0 {
            len = whole + 1 + fraction;
        }
    }
    if len == 0 {
        return None;
    }
    if matches!(rest.get(len), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(rest.get(len + 1), Some(b'-' | b'+')));
        let exponent = digits(len + 1 + sign);
        if exponent > 0 {
            len += 1 + sign + exponent;
        }
    }
    let value = std::str::from_utf8(&rest[..len]).ok()?.parse::<f64>().ok()?;
    Some((sign * value, signed + len))
}
