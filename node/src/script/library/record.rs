//! Changes of the libraries as bytes: the body of a record of the log.
//!
//! ```text
//! 0 | flush first, 0 or 1 | count | libraries      put in, instead of those of the same names
//! 1 | name                                         taken out
//! library: name | text | where its code begins | count | functions
//! function: name | flags, 1 byte | 0, or 1 and description
//! ```
//! Numbers are varints, byte strings have their length in front. A library is there as it was registered, so that
//! reading it back runs no code.

use std::sync::atomic::AtomicBool;

use super::{Function, Library};
use crate::script::shebang::Flags;
use crate::store::effect::encoding::varint;

const PUT: u8 = 0;
const DELETE: u8 = 1;

/// A change that was read.
#[derive(Debug)]
pub(super) enum Change {
    Put { fresh: Vec<Library>, flush: bool },
    Delete(String),
}

/// The record of libraries put in; of none with `flush`, all are gone.
pub(super) fn put<'l>(fresh: impl ExactSizeIterator<Item = &'l Library>, flush: bool) -> Vec<u8> {
    let mut out = vec![PUT, u8::from(flush)];
    varint::put(&mut out, fresh.len() as u64);
    for library in fresh {
        put_bytes(&mut out, library.name.as_bytes());
        put_bytes(&mut out, &library.text);
        varint::put(&mut out, library.code_from as u64);
        varint::put(&mut out, library.functions.len() as u64);
        library.functions.iter().for_each(|function| put_function(&mut out, function));
    }
    out
}

/// The record of a library taken out.
pub(super) fn delete(name: &str) -> Vec<u8> {
    let mut out = vec![DELETE];
    put_bytes(&mut out, name.as_bytes());
    out
}

fn put_function(out: &mut Vec<u8>, function: &Function) {
    put_bytes(out, function.name.as_bytes());
    out.push(function.flags.bits());
    out.push(u8::from(function.description.is_some()));
    if let Some(description) = &function.description {
        put_bytes(out, description);
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    varint::put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// The change that a record tells; `None` if it is malformed.
pub(super) fn read(mut record: &[u8]) -> Option<Change> {
    let rest = &mut record;
    let change = match byte(rest)? {
        PUT => {
            let flush = byte(rest)? == 1;
            let count = number(rest)?;
            let fresh = (0..count).map(|_| library(rest)).collect::<Option<_>>()?;
            Change::Put { fresh, flush }
        }
        DELETE => Change::Delete(text(rest)?),
        _ => return None,
    };
    record.is_empty().then_some(change)
}

fn library(rest: &mut &[u8]) -> Option<Library> {
    let (name, text) = (text(rest)?, bytes(rest)?);
    let code_from = usize::try_from(number(rest)?).ok().filter(|from| *from <= text.len())?;
    let count = number(rest)?;
    let functions = (0..count).map(|_| function(rest)).collect::<Option<_>>()?;
    Some(Library { name, text, code_from, functions, extends: AtomicBool::default() })
}

fn function(rest: &mut &[u8]) -> Option<Function> {
    let (name, flags) = (text(rest)?, Flags::of_bits(byte(rest)?));
    let description = if byte(rest)? == 1 { Some(bytes(rest)?) } else { None };
    Some(Function { name, description, flags })
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (byte, behind) = rest.split_first()?;
    *rest = behind;
    Some(*byte)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    varint::take(rest).ok()
}

fn bytes(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let len = usize::try_from(number(rest)?).ok()?;
    let (bytes, behind) = rest.split_at_checked(len)?;
    *rest = behind;
    Some(bytes.to_vec())
}

fn text(rest: &mut &[u8]) -> Option<String> {
    String::from_utf8(bytes(rest)?).ok()
}
