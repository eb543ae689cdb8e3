//! `XREAD BLOCK … $`: a client waits for what comes after the last entry.
//!
//! What `$` is changes from one try to the next, so it is asked for once, at the beginning, and then is the id of an entry:
//! ```text
//! XREVRANGE key + - COUNT 1, for one `$` after the other ─► XREAD with ids, tried until it finds something
//! ```

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use ringmaster_protocol::extension::put_request;
use ringmaster_protocol::resp::Args;

use super::blocking::{Waiting, has_found_nothing};
use super::inbox::Owner;
use crate::upstream::TakePart;

/// The id behind which everything of an empty stream lies.
const NOTHING: &[u8] = b"0-0";

/// A reading command whose ids are not all known.
pub(crate) struct Naming {
    /// What is tried as soon as they are.
    waiting: Rc<Waiting>,
    words: RefCell<Vec<Bytes>>,
    /// Places of the keys whose last id is to be asked for, and of their `$`; the next one is the last.
    unknown: RefCell<Vec<(usize, usize)>>,
}

/// Places of the keys of an `XREAD` that are to be read from their last entry on, and of their ids.
pub(crate) fn from_the_last(args: Args<'_>) -> Vec<(usize, usize)> {
    let Some(at) = args.iter().position(|arg| arg.eq_ignore_ascii_case(b"streams")) else {
        return Vec::new();
    };
    let keys = args.len().saturating_sub(at + 1) / 2;
    let places = (at + 1..=at + keys).map(|key| (key, key + keys));
    places.filter(|(_, id)| args.get(*id).is_some_and(|id| id == b"$")).collect()
}

impl Naming {
    /// Asks for what `unknown` names, and begins then.
    pub(crate) fn begin(waiting: &Rc<Waiting>, args: Args<'_>, unknown: Vec<(usize, usize)>) {
        let (waiting, words) = (Rc::clone(waiting), args.iter().map(Bytes::copy_from_slice).collect());
        let naming = Self { waiting, words: RefCell::new(words), unknown: RefCell::new(unknown) };
        Rc::new(naming).go_on();
    }

    fn go_on(self: Rc<Self>) {
        let next = self.unknown.borrow().last().copied();
        let mut request = Vec::new();
        match next {
            Some((key, _)) => {
                put_request(
                    &mut request,
                    &[b"XREVRANGE", &self.words.borrow()[key], b"+", b"-", b"COUNT", b"1"],
                );
                let owner = Owner::Part(Rc::clone(&self) as Rc<dyn TakePart>, 0);
                self.waiting.submit(request.into(), owner);
            }
            None => {
                let words = self.words.borrow();
                let words: Vec<&[u8]> = words.iter().map(|word| &word[..]).collect();
                put_request(&mut request, &words);
                self.waiting.set_request(request.into());
                self.waiting.begin();
            }
        }
    }
}

impl TakePart for Naming {
    fn take_part(self: Rc<Self>, _index: u32, reply: &[u8]) {
        if let Some(id) = last_id(reply) {
            if let Some((_, place)) = self.unknown.borrow_mut().pop() {
                self.words.borrow_mut()[place] = Bytes::copy_from_slice(id);
            }
            // Not from within the answer: who gives that is at work on it.
            tokio::task::spawn_local(async move { self.go_on() });
            return;
        }
        if !has_found_nothing(reply) || self.waiting.is_over() {
            return self.waiting.answer(reply);
        }
        tokio::task::spawn_local(async move {
            self.waiting.rest().await;
            self.go_on();
        });
    }
}

/// The id of the one entry of a reply, or what stands before all where there is none; `None` if it is an error.
fn last_id(reply: &[u8]) -> Option<&[u8]> {
    if reply == b"*0\r\n" {
        return Some(NOTHING);
    }
    let rest = reply.strip_prefix(b"*1\r\n*2\r\n$")?;
    let mut lines = rest.split(|byte| *byte == b'\r').map(|line| line.strip_prefix(b"\n").unwrap_or(line));
    lines.nth(1)
}

#[cfg(test)]
mod tests {
    use ringmaster_protocol::resp::request::{RequestLimits, Resume, Step, parse};

    use super::*;

    #[test]
    fn the_last_id_is_read_from_the_reply() {
        assert_eq!(last_id(b"*0\r\n"), Some(NOTHING));
        let one = b"*1\r\n*2\r\n$4\r\n12-3\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n";
        assert_eq!(last_id(one), Some(&b"12-3"[..]));
        for reply in [&b"-WRONGTYPE no\r\n"[..], b"-TRYAGAIN later\r\n", b"*-1\r\n"] {
            assert_eq!(last_id(reply), None);
        }
    }

    #[test]
    fn only_streams_that_are_read_from_their_end_are_asked_for_their_last_id() {
        let places = |words: &[&[u8]]| {
            let (mut request, mut spans) = (Vec::new(), Vec::new());
            put_request(&mut request, words);
            let step = parse(&request, 0, &mut spans, &mut Resume::default(), &RequestLimits::default());
            assert!(matches!(step, Ok(Step::Command { .. })));
            from_the_last(Args::new(&request, &spans))
        };
        let head: &[&[u8]] = &[b"XREAD", b"BLOCK", b"0", b"streams"];
        assert_eq!(places(&[head, &[b"a", b"b", b"$", b"1-1"]].concat()), [(4, 6)]);
        assert_eq!(places(&[head, &[b"$", b"$"]].concat()), [(4, 5)], "a key may be called so");
        assert_eq!(places(&[head, &[b"a", b"0"]].concat()), []);
        assert_eq!(places(&[b"XREAD", b"BLOCK", b"0"]), []);
    }
}
