//! The RM.* requests and replies as RESP: who writes them, and what the other side takes out of them.

use std::io::Write;

use super::wire::put_apply_message;
use super::{Ask, Note, Say};
use crate::resp::Args;
use crate::slot::HashSlot;
use crate::view::{Boot, ClusterId, Epoch, Incarnation, Version};

/// Name of the one field of an attribute.
const FIELD: &[u8] = b"|1\r\n$2\r\nrm\r\n$";

/// The tail's answer to a read of a key that its clock calls expired, but the slot's time does not: the head is to be told
/// to move that time (`RM.TICK`).
pub const EXPIRING: &[u8] = b"-EXPIRING the key is due\r\n";

/// `RM.ATTACH`: whom the asker believes to speak with, and by which view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attach {
    /// The cluster.
    pub cluster: ClusterId,
    /// The asker's view.
    pub epoch: Epoch,
    /// The node's data directory.
    pub incarnation: Incarnation,
    /// The node's process.
    pub boot: Boot,
}

/// R17: whose connection it is, and which of them. From the answer to a later one on nothing of an older one is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who sends: 128 random bits of a thread of a proxy's process.
    pub sender: u128,
    /// Which of the sender's connections to the node it takes the place of.
    pub lane: u32,
    /// Rises with each connection of the sender.
    pub generation: u64,
}

/// Why a node refuses to be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedAttach {
    /// Its committed epoch is lower: it has to be handed the view.
    Behind(Epoch),
    /// It is another process or another data directory.
    Reborn,
    /// It belongs to another cluster, or to none.
    Foreign,
    /// A later connection of the same sender was attached.
    Superseded,
}

impl Attach {
    /// The value of the request's arguments, its name included.
    #[must_use]
    pub fn parse(args: Args<'_>) -> Option<Self> {
        if !matches!(args.len(), 5 | 8) {
            return None;
        }
        let text = |at: usize| std::str::from_utf8(&args[at]).ok();
        let bits = |at: usize| u128::from_str_radix(text(at)?, 16).ok();
        Some(Self {
            cluster: ClusterId(bits(1)?),
            epoch: Epoch(text(2)?.parse().ok()?),
            incarnation: Incarnation(bits(3)?),
            boot: Boot(bits(4)?),
        })
    }
}

impl Claim {
    /// The claim at the end of the arguments of `RM.ATTACH`. `Some(None)`: there is none; `None`: it is malformed.
    #[must_use]
    pub fn parse(args: Args<'_>) -> Option<Option<Self>> {
        if args.len() < 8 {
            return Some(None);
        }
        let text = |at: usize| std::str::from_utf8(&args[at]).ok();
        let sender = u128::from_str_radix(text(5)?, 16).ok()?;
        Some(Some(Self { sender, lane: text(6)?.parse().ok()?, generation: text(7)?.parse().ok()? }))
    }
}

/// Appends `RM.ATTACH` for a connection that takes the place of those before it.
pub fn put_attach_as(out: &mut Vec<u8>, attach: &Attach, claim: &Claim) {
    let from = out.len();
    put_attach(out, attach);
    // The count of arguments is one digit.
    out[from + 1] = b'8';
    put_blob(out, format!("{:032x}", claim.sender).as_bytes());
    put_blob(out, claim.lane.to_string().as_bytes());
    put_blob(out, claim.generation.to_string().as_bytes());
}

/// Appends `RM.ATTACH`.
pub fn put_attach(out: &mut Vec<u8>, attach: &Attach) {
    let Attach { cluster, epoch, incarnation, boot } = attach;
    let [cluster, incarnation, boot] = [cluster.0, incarnation.0, boot.0].map(|bits| format!("{bits:032x}"));
    let epoch = epoch.to_string();
    put_request(
        out,
        &[b"RM.ATTACH", cluster.as_bytes(), epoch.as_bytes(), incarnation.as_bytes(), boot.as_bytes()],
    );
}

/// Appends `RM.ASK`.
pub fn put_ask(out: &mut Vec<u8>, id: u64, ask: &Ask) {
    out.extend_from_slice(b"*3\r\n$6\r\nRM.ASK\r\n");
    put_blob(out, itoa::Buffer::new().format(id).as_bytes());
    put_message(out, |out| ask.encode(out));
}

/// Appends the `RM.ASK` that has the entry of `slot` that was appended in `since` apply an operation, which is there as
/// bytes.
pub fn put_apply(out: &mut Vec<u8>, id: u64, to: (HashSlot, Epoch), operation: &[u8]) {
    out.extend_from_slice(b"*3\r\n$6\r\nRM.ASK\r\n");
    put_blob(out, itoa::Buffer::new().format(id).as_bytes());
    put_message(out, |out| put_apply_message(out, to, operation));
}

/// Appends the answer to an `RM.ASK`.
pub fn put_say(out: &mut Vec<u8>, id: u64, say: &Say) {
    out.extend_from_slice(b"*2\r\n:");
    put_line(out, id);
    put_message(out, |out| say.encode(out));
}

/// Appends `RM.UNLESS` with a whole request behind it as its last argument.
pub fn put_unless(out: &mut Vec<u8>, version: Version, request: &[u8]) {
    let (changed, n) = (version.changed.to_string(), version.n.to_string());
    put_request(out, &[b"RM.UNLESS", changed.as_bytes(), n.as_bytes(), request]);
}

/// Appends a request of one name and one message.
pub fn put_request(out: &mut Vec<u8>, args: &[&[u8]]) {
    out.push(b'*');
    put_line(out, args.len() as u64);
    args.iter().for_each(|arg| put_blob(out, arg));
}

/// Appends a bulk string.
pub fn put_blob(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'$');
    put_line(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Appends a number as the end of a line.
fn put_line(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends what `encode` appends as a bulk string.
fn put_message(out: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'$');
    let from = out.len();
    // Most are short: their length is one digit or two. What is longer is moved once.
    out.extend_from_slice(b"00\r\n");
    let start = out.len();
    encode(out);
    let len = out.len() - start;
    if (10..100).contains(&len) {
        let [tens, ones] = [len / 10, len % 10].map(|digit| b'0' + u8::try_from(digit).unwrap_or_default());
        (out[from], out[from + 1]) = (tens, ones);
    } else {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(len).as_bytes();
        out.resize(out.len() + digits.len().saturating_sub(2), 0);
        out.copy_within(from + 2..start + len, from + digits.len());
        out[from..from + digits.len()].copy_from_slice(digits);
        out.truncate(start + len + digits.len() - 2);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a note, in front of the reply that it is about.
pub fn put_attribute(out: &mut Vec<u8>, note: &Note) {
    put_attribute_of(out, |out| note.encode(out));
}

/// Appends an attribute whose note `encode` appends.
pub(super) fn put_attribute_of(out: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&FIELD[..FIELD.len() - 1]);
    put_message(out, encode);
}

/// The bytes of a note.
#[must_use]
pub fn attribute(note: &Note) -> Vec<u8> {
    let mut message = Vec::new();
    note.encode(&mut message);
    message
}

/// Takes a whole reply apart: the bytes of its note, if it has one, and the reply itself.
#[inline]
#[must_use]
pub fn split_attribute(frame: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let Some(rest) = frame.strip_prefix(FIELD) else { return (None, frame) };
    let Some(line) = rest.iter().position(|byte| *byte == b'\r') else { return (None, frame) };
    let len = std::str::from_utf8(&rest[..line]).ok().and_then(|text| text.parse::<usize>().ok());
    let bytes = len.and_then(|len| rest[line + 2..].split_at_checked(len));
    match bytes {
        Some((note, [b'\r', b'\n', reply @ ..])) => (Some(note), reply),
        _ => (None, frame),
    }
}

/// Appends the error of who is attached below what it needs.
pub fn put_refusal(out: &mut Vec<u8>, say: &Say) {
    match say {
        Say::Fenced(epoch) => {
            write_to(out, format_args!("-FENCED {epoch} the slot is about to change its chain\r\n"));
        }
        Say::Stale(epoch) => {
            write_to(out, format_args!("-STALE {epoch} the view is another\r\n"));
        }
        _ => out.extend_from_slice(b"-ERR refused\r\n"),
    }
}

/// The epoch of a refusal that [`put_refusal`] wrote; `None` if the reply is none.
#[must_use]
pub fn refusal(reply: &[u8]) -> Option<Epoch> {
    let rest = reply.strip_prefix(b"-STALE ").or_else(|| reply.strip_prefix(b"-FENCED "))?;
    let text = std::str::from_utf8(rest.split(|byte| *byte == b' ').next()?).ok()?;
    text.parse().ok().map(Epoch)
}

fn write_to(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Nothing fails to be written to memory.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extension::Outcome;
    use crate::slot::HashSlot;

    #[test]
    fn a_note_is_taken_off_its_reply() {
        let note =
            Note { slot: HashSlot::default(), outcome: Outcome::Saw(Version { changed: Epoch(7), n: 9 }) };
        let mut frame = Vec::new();
        put_attribute(&mut frame, &note);
        frame.extend_from_slice(b"$3\r\nabc\r\n");
        let (bytes, reply) = split_attribute(&frame);
        assert_eq!(reply, b"$3\r\nabc\r\n");
        assert_eq!(Note::decode(&bytes.unwrap().to_vec().into()), Ok(note));
        assert_eq!(split_attribute(b"+OK\r\n"), (None, &b"+OK\r\n"[..]));
        assert_eq!(split_attribute(b"|1\r\n+other\r\n:1\r\n+OK\r\n").0, None);
    }

    #[test]
    fn a_refusal_names_its_epoch() {
        for say in [Say::Stale(Epoch(12)), Say::Fenced(Epoch(12))] {
            let mut out = Vec::new();
            put_refusal(&mut out, &say);
            assert_eq!(refusal(&out), Some(Epoch(12)));
        }
        assert_eq!(refusal(b"-ERR no\r\n"), None);
        assert_eq!(refusal(b"-STALE x\r\n"), None);
    }
}
