//! Between replies and Lua values, as Redis converts them.

use mlua::{Lua, LuaString, Table, Value};
use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::number::parse_integer;
use ringmaster_protocol::resp::reply::Reply;

use super::failure::error_table;
use super::number::to_integer;
use super::roomy::Roomy;
use super::text::to_number;

/// Deepest nesting of tables in a reply: a client's parser is not to overflow either.
const DEPTH_MAX: usize = 100;

/// The text of an error reply as scripts see it: without `-`, with a code in front.
pub(super) fn error_text(reply: &[u8]) -> Vec<u8> {
    let text = reply.strip_prefix(b"-").unwrap_or(reply);
    // A blank at the end is the text's own.
    let end = text.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |last| last + 1);
    let text = &text[..end];
    if text.contains(&b' ') { text.to_vec() } else { [b"ERR ", text].concat() }
}

/// Longest reply of a script in bytes, and one string more.
const REPLY_BYTES_MAX: usize = 512 << 20;

/// A reply as a Lua value.
pub(super) fn to_lua(lua: &Lua, reply: &[u8]) -> mlua::Result<Value> {
    match reply.first() {
        // One value: the bound holds.
        Some(b':' | b'$' | b'#' | b'_') => Parser { lua, room: None, rest: reply }.value(),
        _ => Parser { lua, room: Some(Roomy::new(lua)?), rest: reply }.value(),
    }
}

struct Parser<'l, 'r> {
    lua: &'l Lua,
    room: Option<Roomy<'l>>,
    rest: &'r [u8],
}

impl<'r> Parser<'_, 'r> {
    /// The next value. Our own replies are well formed and not deep.
    fn value(&mut self) -> mlua::Result<Value> {
        if let Some(room) = &self.room {
            room.check()?;
        }
        let (kind, line) = self.line();
        let len = || parse_integer(line).and_then(|len| usize::try_from(len).ok());
        #[expect(clippy::cast_precision_loss, reason = "a number of Lua 5.1 is a double")]
        let number = |integer: i64| Value::Number(integer as f64);
        match kind {
            b':' => Ok(parse_integer(line).map_or(Value::Nil, number)),
            b'$' => match len() {
                Some(len) => self.string(len),
                None => Ok(Value::Boolean(false)),
            },
            b'*' | b'>' => match len() {
                Some(len) => self.array(len),
                None => Ok(Value::Boolean(false)),
            },
            b'+' => self.tagged("ok", line),
            b'-' => Ok(Value::Table(error_table(self.lua, &error_text(line), true)?)),
            b'%' => self.map(len().unwrap_or(0)),
            b'~' => self.set(len().unwrap_or(0)),
            b'#' => Ok(Value::Boolean(line == b"t")),
            b',' => self.double(line),
            b'(' => self.tagged("big_number", line),
            b'=' => self.verbatim(len().unwrap_or(0)),
            _ => Ok(Value::Nil),
        }
    }

    fn line(&mut self) -> (u8, &'r [u8]) {
        let end = self.rest.iter().position(|&byte| byte == b'\r').unwrap_or(self.rest.len());
        let line = &self.rest[..end];
        self.rest = self.rest.get(end + 2..).unwrap_or_default();
        line.split_first().map_or((b'_', &[][..]), |(&kind, line)| (kind, line))
    }

    fn bytes(&mut self, len: usize) -> &'r [u8] {
        let bytes = self.rest.get(..len).unwrap_or_default();
        self.rest = self.rest.get(len + 2..).unwrap_or_default();
        bytes
    }

    fn string(&mut self, len: usize) -> mlua::Result<Value> {
        let bytes = self.bytes(len);
        Ok(Value::String(self.lua.create_string(bytes)?))
    }

    fn tagged(&self, tag: &str, text: &[u8]) -> mlua::Result<Value> {
        let table = self.lua.create_table()?;
        table.raw_set(tag, self.lua.create_string(text)?)?;
        Ok(Value::Table(table))
    }

    fn wrapped(&self, tag: &str, inner: impl mlua::IntoLua) -> mlua::Result<Value> {
        let table = self.lua.create_table()?;
        table.raw_set(tag, inner)?;
        Ok(Value::Table(table))
    }

    fn array(&mut self, len: usize) -> mlua::Result<Value> {
        let table = self.lua.create_table_with_capacity(len.min(self.rest.len()), 0)?;
        for index in 1..=len {
            let value = self.value()?;
            table.raw_seti(index, value)?;
        }
        Ok(Value::Table(table))
    }

    fn map(&mut self, len: usize) -> mlua::Result<Value> {
        let map = self.lua.create_table()?;
        for _ in 0..len {
            let (key, value) = (self.value()?, self.value()?);
            map.raw_set(key, value)?;
        }
        self.wrapped("map", map)
    }

    fn set(&mut self, len: usize) -> mlua::Result<Value> {
        let set = self.lua.create_table()?;
        for _ in 0..len {
            let member = self.value()?;
            set.raw_set(member, true)?;
        }
        self.wrapped("set", set)
    }

    fn double(&self, text: &[u8]) -> mlua::Result<Value> {
        let double = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
        self.wrapped("double", double)
    }

    fn verbatim(&mut self, len: usize) -> mlua::Result<Value> {
        let bytes = self.bytes(len);
        let (format, text) = bytes.split_at_checked(4).unwrap_or((b"txt:", bytes));
        let inner = self.lua.create_table()?;
        inner.raw_set("string", self.lua.create_string(text)?)?;
        inner.raw_set("format", self.lua.create_string(&format[..3])?)?;
        self.wrapped("verbatim_string", inner)
    }
}

/// The names of fields that give a table a meaning, made once.
pub(super) struct Tags {
    err: LuaString,
    ok: LuaString,
    double: LuaString,
    big_number: LuaString,
    verbatim: LuaString,
    map: LuaString,
    set: LuaString,
}

impl Tags {
    pub(super) fn new(lua: &Lua) -> mlua::Result<Self> {
        Ok(Self {
            err: lua.create_string("err")?,
            ok: lua.create_string("ok")?,
            double: lua.create_string("double")?,
            big_number: lua.create_string("big_number")?,
            verbatim: lua.create_string("verbatim_string")?,
            map: lua.create_string("map")?,
            set: lua.create_string("set")?,
        })
    }
}

/// Writes what a script returned as its reply.
pub(super) struct Writer<'t> {
    pub(super) tags: &'t Tags,
    /// Protocol of the client, in which the reply is written.
    pub(super) client: Protocol,
    /// Protocol that the script has set; it decides what booleans mean.
    pub(super) script: Protocol,
}

/// The text up to its first zero byte and without line ends, as C's strings go into a line.
fn one_line(text: &[u8]) -> Vec<u8> {
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    text.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }).collect()
}

/// Appends an error reply with `text`, its code first.
pub(crate) fn write_error(out: &mut Vec<u8>, text: &[u8]) {
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    let end = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
    let start = text[..end].iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(0);
    out.push(b'-');
    out.extend(one_line(&text[start..end]));
    out.extend_from_slice(b"\r\n");
}

impl Writer<'_> {
    /// Appends `value`.
    pub(super) fn write(&self, out: &mut Vec<u8>, value: &Value) -> mlua::Result<()> {
        self.write_at(out, value, 0)
    }

    fn write_at(&self, out: &mut Vec<u8>, value: &Value, depth: usize) -> mlua::Result<()> {
        // A table may name one long string many times.
        if out.len() > REPLY_BYTES_MAX {
            return Err(mlua::Error::MemoryError("the reply is too long".to_owned()));
        }
        let mut reply = Reply::new(out, self.client);
        match value {
            Value::String(text) => reply.bulk(&text.as_bytes()),
            Value::Boolean(value) if self.script == Protocol::Resp3 => reply.boolean(*value),
            Value::Boolean(true) => reply.int(1),
            Value::Integer(_) | Value::Number(_) => reply.int(to_integer(to_number(value).unwrap_or(0.0))),
            Value::Table(_) if depth == DEPTH_MAX => reply.error("ERR reached lua stack limit"),
            Value::Table(table) => self.table(out, table, depth)?,
            _ => reply.null(),
        }
        Ok(())
    }

    fn table(&self, out: &mut Vec<u8>, table: &Table, depth: usize) -> mlua::Result<()> {
        if let Value::String(text) = table.raw_get::<Value>(&self.tags.err)? {
            write_error(out, &text.as_bytes());
            return Ok(());
        }
        if let Value::String(text) = table.raw_get::<Value>(&self.tags.ok)? {
            out.push(b'+');
            out.extend(one_line(&text.as_bytes()));
            out.extend_from_slice(b"\r\n");
            return Ok(());
        }
        let double = table.raw_get::<Value>(&self.tags.double)?;
        if let Value::Integer(_) | Value::Number(_) = double {
            Reply::new(out, self.client).double(to_number(&double).unwrap_or(0.0));
            return Ok(());
        }
        if let Value::String(text) = table.raw_get::<Value>(&self.tags.big_number)? {
            self.big_number(out, &text.as_bytes());
            return Ok(());
        }
        if let Value::Table(inner) = table.raw_get::<Value>(&self.tags.verbatim)?
            && self.verbatim(out, &inner)?
        {
            return Ok(());
        }
        if let Value::Table(inner) = table.raw_get::<Value>(&self.tags.map)? {
            return self.pairs(out, &inner, depth, true);
        }
        if let Value::Table(inner) = table.raw_get::<Value>(&self.tags.set)? {
            return self.pairs(out, &inner, depth, false);
        }
        self.array(out, table, depth)
    }

    fn big_number(&self, out: &mut Vec<u8>, text: &[u8]) {
        let text: Vec<u8> =
            text.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }).collect();
        match self.client {
            Protocol::Resp2 => Reply::new(out, self.client).bulk(&text),
            Protocol::Resp3 => {
                out.push(b'(');
                out.extend_from_slice(&text);
                out.extend_from_slice(b"\r\n");
            }
        }
    }

    fn verbatim(&self, out: &mut Vec<u8>, inner: &Table) -> mlua::Result<bool> {
        let (format, text) = (inner.raw_get::<Value>("format")?, inner.raw_get::<Value>("string")?);
        let (Value::String(format), Value::String(text)) = (format, text) else { return Ok(false) };
        let mut letters: Vec<u8> = one_line(&format.as_bytes()).into_iter().take(3).collect();
        letters.resize(3, b' ');
        let mut reply = Reply::new(out, self.client);
        match self.client {
            Protocol::Resp2 => reply.bulk(&text.as_bytes()),
            Protocol::Resp3 => {
                let text = text.as_bytes();
                reply.raw(format!("={}\r\n", text.len() + 4).as_bytes());
                reply.raw(&letters);
                reply.raw(b":");
                reply.raw(&text);
                reply.raw(b"\r\n");
            }
        }
        Ok(true)
    }

    fn pairs(&self, out: &mut Vec<u8>, inner: &Table, depth: usize, map: bool) -> mlua::Result<()> {
        let (mut body, mut count) = (Vec::new(), 0);
        for pair in inner.pairs::<Value, Value>() {
            let (key, value) = pair?;
            count += 1;
            self.write_at(&mut body, &key, depth + 1)?;
            if map {
                self.write_at(&mut body, &value, depth + 1)?;
            }
        }
        let mut reply = Reply::new(out, self.client);
        if map {
            reply.map(count);
        } else {
            reply.set(count);
        }
        reply.raw(&body);
        Ok(())
    }

    fn array(&self, out: &mut Vec<u8>, table: &Table, depth: usize) -> mlua::Result<()> {
        // The length of a table with holes is any border; what counts ends at the first hole.
        let mut body = Vec::new();
        let mut count = 0;
        loop {
            let value = table.raw_get::<Value>(count + 1)?;
            if value.is_nil() {
                break;
            }
            self.write_at(&mut body, &value, depth + 1)?;
            count += 1;
        }
        let mut reply = Reply::new(out, self.client);
        reply.array(count);
        reply.raw(&body);
        Ok(())
    }
}
