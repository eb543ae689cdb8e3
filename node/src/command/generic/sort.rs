//! `SORT` and `SORT_RO`: the elements of a list, a set or a sorted set in order.
//!
//! Patterns that name other keys (`BY weight_*`, `GET data_*`) reach into other slots: what they name is known when the
//! elements are read, and those slots are held then, too, before anything else is done.

mod options;
mod patterns;

use std::borrow::Cow;
use std::cmp::Ordering;

use ringmaster_protocol::command;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::parse_double;
use ringmaster_protocol::resp::reply::{REPLY_BYTES_MAX, Reply};

use super::rebuild;
use crate::command::collected::Collected;
use crate::command::{CommandError, CommandResult};
use crate::store::entry::EntryRef;
use crate::store::keyspace::Keyspace;
use crate::store::value::{Text, Value};
use options::{Get, Options};

/// `SORT key [BY p] [LIMIT offset count] [GET p …] [ASC|DESC] [ALPHA] [STORE destination]`.
pub(crate) fn sort(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let options = Options::parse(args, true)?;
    keyspace.notify_miss(keyspace.key());
    patterns::reach(keyspace, &options)?;
    let elements = sorted(keyspace, &options)?;
    let Some(destination) = options.store else {
        return write(keyspace, &elements, &options, reply);
    };
    // The table's rule for keys and the parser agree; if they ever did not, nothing must be touched.
    let destination = keyspace.keys().iter().copied().find(|key| key.bytes == destination);
    let destination = destination.ok_or(CommandError::Syntax)?;
    let items = stored(keyspace, &elements, &options);
    reply.count(items.len());
    rebuild::replace_list(keyspace, destination, &items.slices());
    Ok(())
}

/// `SORT_RO`: without `STORE`.
pub(crate) fn sort_ro(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let options = Options::parse(args, false)?;
    patterns::reach(keyspace, &options)?;
    write(keyspace, &sorted(keyspace, &options)?, &options, reply)
}

/// Whether a `SORT` names keys by its elements.
pub(crate) fn is_far(args: Args<'_>) -> bool {
    command::sort::patterns(args).next().is_some()
}

/// All elements, in their own order.
fn elements<'k>(keyspace: &'k Keyspace<'_, '_>) -> Result<Vec<Text<'k>>, CommandError> {
    Ok(match keyspace.find(keyspace.key()).map(EntryRef::value) {
        None => Vec::new(),
        Some(Value::List(list)) => list.iter().map(Text::bytes).collect(),
        Some(Value::Set(set)) => set.iter().collect(),
        Some(Value::SortedSet(set)) => set.iter().map(|(member, _)| Text::bytes(member)).collect(),
        Some(Value::String(_) | Value::Hash(_) | Value::Stream(_)) => return Err(CommandError::WrongType),
    })
}

/// The elements that are asked for, in order.
fn sorted<'k>(keyspace: &'k Keyspace<'_, '_>, options: &Options<'_>) -> Result<Vec<Text<'k>>, CommandError> {
    let value = keyspace.find(keyspace.key()).map(EntryRef::value);
    let elements = elements(keyspace)?;
    // A set that is stored, or that a script looks at, is put in order: what is made of it must not hang on the table's order.
    let is_set = matches!(value, Some(Value::Set(_)));
    let is_kept = options.store.is_some() || keyspace.moment().is_scripted;
    let keep_order = options.unsorted && !(is_set && is_kept);
    let mut elements = match keep_order {
        true => elements,
        false => match options.by.filter(|_| !options.unsorted) {
            Some(by) if options.by_text => patterns::in_order_of_texts(keyspace, by, elements),
            Some(by) => in_order_of_numbers(elements, |element| patterns::value(keyspace, by, element))?,
            None if options.by_text || options.unsorted => in_order_of_text(elements),
            None => in_order_of_numbers(elements, |element| Some(element.to_vec()))?,
        },
    };
    if options.descending && !(keep_order && is_set) {
        elements.reverse();
    }
    let (start, end) = options.bounds(elements.len());
    Ok(elements.drain(start..end).collect())
}

/// Byte by byte; Redis's order in the C locale, but for what follows a zero byte, which Redis does not look at.
fn in_order_of_text(mut elements: Vec<Text<'_>>) -> Vec<Text<'_>> {
    elements.sort_unstable();
    elements
}

/// By the number that `weight` gives, 0 where there is none, then by the element.
fn in_order_of_numbers<'k>(
    elements: Vec<Text<'k>>,
    weight: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<Vec<Text<'k>>, CommandError> {
    let no_number = CommandError::text("ERR One or more scores can't be converted into double");
    let scored = elements.into_iter().map(|element| {
        let score = weight(&element).map_or(Some(0.0), |weight| number(&weight));
        score.map(|score| (score, element))
    });
    let mut scored: Vec<(f64, Text<'_>)> = scored.collect::<Option<_>>().ok_or(no_number)?;
    let order = |a: &(f64, Text<'_>), b: &(f64, Text<'_>)| {
        a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal).then_with(|| a.1.cmp(&b.1))
    };
    scored.sort_unstable_by(order);
    Ok(scored.into_iter().map(|(_, element)| element).collect())
}

/// The number of an element as C's `strtod` reads it: white space before it, no text at all (0) and whatever
/// follows a zero byte are allowed. `None` if it is no number or out of range.
fn number(element: &[u8]) -> Option<f64> {
    let text = element.split(|&byte| byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Some(0.0);
    }
    let start = text.iter().position(|byte| !matches!(byte, b' ' | b'\t'..=b'\r'))?;
    parse_double(&text[start..])
}

fn write(
    keyspace: &Keyspace<'_, '_>,
    elements: &[Text<'_>],
    options: &Options<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let before = reply.len();
    reply.array(elements.len() * options.gets.len().max(1));
    for element in elements {
        if options.gets.is_empty() {
            reply.bulk(element);
        }
        for get in &options.gets {
            reply.bulk_or_null(given(keyspace, *get, element).as_deref());
        }
        // Checked here as well: `SORT` may write, and the engine does not bound the replies of what writes.
        if reply.len() - before > REPLY_BYTES_MAX {
            return Err(CommandError::ReplyTooLong);
        }
    }
    Ok(())
}

/// The items to store; what is null in a reply is an empty one.
fn stored(keyspace: &Keyspace<'_, '_>, elements: &[Text<'_>], options: &Options<'_>) -> Collected {
    let mut items = Collected::default();
    for element in elements {
        if options.gets.is_empty() {
            items.push(element);
        }
        for get in &options.gets {
            items.push(&given(keyspace, *get, element).unwrap_or_default());
        }
    }
    items
}

/// What a `GET` gives for an element.
fn given<'e>(keyspace: &'e Keyspace<'_, '_>, get: Get<'_>, element: &'e [u8]) -> Option<Cow<'e, [u8]>> {
    match get {
        Get::Element => Some(Cow::Borrowed(element)),
        Get::Null => None,
        Get::Value(pattern) => patterns::value(keyspace, pattern, element).map(Cow::Owned),
    }
}
