//! The options of `SORT`.

use ringmaster_protocol::command::sort::Pattern;
use ringmaster_protocol::resp::Args;

use crate::command::CommandError;
use crate::command::options::{integer, is};

/// What a `GET` gives for an element.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Get<'a> {
    /// `#`: the element.
    Element,
    /// What the key or the field holds that a pattern makes of it.
    Value(Pattern<'a>),
    /// A pattern without a star: no key's value.
    Null,
}

/// The options, the last of each kind.
#[derive(Default)]
pub(super) struct Options<'a> {
    /// `DESC`.
    pub(super) descending: bool,
    /// `ALPHA`.
    pub(super) by_text: bool,
    /// `BY` a pattern: what the elements are sorted by.
    pub(super) by: Option<Pattern<'a>>,
    /// `BY` a constant: the elements are left in their own order.
    pub(super) unsorted: bool,
    /// `LIMIT`: offset and count.
    pub(super) limit: Option<(i64, i64)>,
    /// `GET`s, in order.
    pub(super) gets: Vec<Get<'a>>,
    /// `STORE`: the destination.
    pub(super) store: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    /// Reads the options from the third argument on.
    pub(super) fn parse(args: Args<'a>, may_store: bool) -> Result<Self, CommandError> {
        let (mut options, mut index) = (Self::default(), 2);
        while let Some(option) = args.get(index) {
            let next = args.get(index + 1);
            index += 1;
            match (option, next) {
                _ if is(option, "ASC") => options.descending = false,
                _ if is(option, "DESC") => options.descending = true,
                _ if is(option, "ALPHA") => options.by_text = true,
                _ if is(option, "LIMIT") && index + 1 < args.len() => {
                    options.limit = Some((integer(args, index)?, integer(args, index + 1)?));
                    index += 2;
                }
                (_, Some(next)) => {
                    options.with_argument(option, next, may_store)?;
                    index += 1;
                }
                _ => return Err(CommandError::Syntax),
            }
        }
        Ok(options)
    }

    fn with_argument(&mut self, option: &[u8], next: &'a [u8], may_store: bool) -> Result<(), CommandError> {
        let pattern = Pattern::parse(next);
        match option {
            _ if is(option, "STORE") && may_store => self.store = Some(next),
            _ if is(option, "BY") => {
                self.by = pattern;
                self.unsorted |= pattern.is_none();
            }
            _ if is(option, "GET") => self.gets.push(match pattern {
                Some(pattern) => Get::Value(pattern),
                None if next == b"#" => Get::Element,
                None => Get::Null,
            }),
            _ => return Err(CommandError::Syntax),
        }
        Ok(())
    }

    /// The part of `len` elements that `LIMIT` leaves.
    pub(super) fn bounds(&self, len: usize) -> (usize, usize) {
        let (offset, count) = self.limit.unwrap_or((0, -1));
        let start = usize::try_from(offset.max(0)).unwrap_or(len).min(len);
        let count = usize::try_from(count).unwrap_or(len);
        (start, start.saturating_add(count).min(len))
    }
}
