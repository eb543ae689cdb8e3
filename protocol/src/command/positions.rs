//! Where the keys of a request stand: the key specs read against its arguments.
//!
//! The rules are those of Redis's `COMMAND GETKEYS`: the specs are tried first; where a spec cannot tell
//! (`SORT … STORE`, `MIGRATE … KEYS`) or does not fit the arguments, the command's own rule decides.

use super::{Arguments, Begin, Find, Flags, KeyFlags, KeySpec, Spec, key::FIRST_HALF};

/// One key of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRef {
    /// Its argument; the command's name is 0.
    pub position: u32,
    /// How the command uses it.
    pub flags: KeyFlags,
}

impl From<KeyRef> for u32 {
    fn from(key: KeyRef) -> Self {
        key.position
    }
}

/// Why a request has no key positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// The command never has keys.
    NoKeys,
    /// The arguments contradict themselves (a wrong count of keys): the command itself answers the error.
    Invalid,
}

impl KeyError {
    /// The error of `COMMAND GETKEYS`, without the leading `-`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoKeys => "ERR The command has no key arguments",
            Self::Invalid => "ERR Invalid arguments specified for command",
        }
    }
}

/// Which key specs count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Include {
    /// Keys only.
    Keys,
    /// Shard channels too.
    Channels,
}

impl Spec {
    /// Writes the positions of all keys into `out`, after clearing it; also their flags if `K` is [`KeyRef`].
    /// For the caller's reusable vector. The number of arguments was checked before. A command that may have
    /// no key (`EVAL script 0`) gives none.
    ///
    /// # Errors
    /// [`KeyError`]; `out` is empty then.
    pub fn key_positions<K, A>(&self, args: &A, out: &mut Vec<K>) -> Result<(), KeyError>
    where
        K: From<KeyRef>,
        A: Arguments + ?Sized,
    {
        if !self.has_keys() {
            out.clear();
            return Err(KeyError::NoKeys);
        }
        self.find_keys(args, Include::Keys, out)
    }

    /// As [`Spec::key_positions`], with the shard channels too: all arguments whose slots must be one.
    ///
    /// # Errors
    /// [`KeyError`]; `out` is empty then.
    pub fn slot_positions<K, A>(&self, args: &A, out: &mut Vec<K>) -> Result<(), KeyError>
    where
        K: From<KeyRef>,
        A: Arguments + ?Sized,
    {
        if self.keys.is_empty() {
            out.clear();
            return Err(KeyError::NoKeys);
        }
        self.find_keys(args, Include::Channels, out)
    }

    /// Whether the command may have keys. Shard channels are none.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.keys.iter().any(|spec| !spec.flags.contains(KeyFlags::NOT_KEY))
    }

    fn find_keys<K, A>(&self, args: &A, include: Include, out: &mut Vec<K>) -> Result<(), KeyError>
    where
        K: From<KeyRef>,
        A: Arguments + ?Sized,
    {
        out.clear();
        let variable = self.keys.iter().any(|spec| spec.flags.contains(KeyFlags::VARIABLE_FLAGS));
        if variable || by_specs(self.keys, args, include, out).is_none() {
            out.clear();
            by_own_rule(self, args, out);
        }
        let may_be_none = self.flags.contains(Flags::NO_MANDATORY_KEYS);
        if out.is_empty() && !may_be_none { Err(KeyError::Invalid) } else { Ok(()) }
    }
}

/// `None` if a spec cannot tell or does not fit.
fn by_specs<K, A>(specs: &[KeySpec], args: &A, include: Include, out: &mut Vec<K>) -> Option<()>
where
    K: From<KeyRef>,
    A: Arguments + ?Sized,
{
    for spec in specs {
        if include == Include::Keys && spec.flags.contains(KeyFlags::NOT_KEY) {
            continue;
        }
        let begin = match spec.begin {
            Begin::Index(index) => usize::try_from(index).ok()?,
            Begin::Keyword { word, from } => match after_keyword(args, word, from) {
                Some(begin) => begin,
                None => continue,
            },
            Begin::Unknown => return None,
        };
        let (first, last, step) = range_of(spec.find, begin, args)?;
        if last >= args.count() || last < first {
            return None;
        }
        out.extend((first..=last).step_by(step).map(|index| key(index, spec.flags)));
        if spec.flags.contains(KeyFlags::INCOMPLETE) {
            return None;
        }
    }
    Some(())
}

/// First and last key and their distance.
fn range_of<A: Arguments + ?Sized>(find: Find, begin: usize, args: &A) -> Option<(usize, usize, usize)> {
    match find {
        FIRST_HALF => Some((begin, (begin + args.count().checked_sub(begin)? / 2).checked_sub(1)?, 1)),
        Find::Range { last, step, .. } => {
            let from = if last >= 0 { begin } else { args.count() };
            Some((begin, from.checked_add_signed(isize::from(last))?, usize::try_from(step).ok()?))
        }
        Find::Keynum { number, first, step } => {
            let count = args.argument(begin.checked_add_signed(isize::from(number))?)?;
            let count = usize::try_from(strict_integer(count)?).ok()?;
            let first = begin.checked_add_signed(isize::from(first))?;
            let step = usize::try_from(step).ok()?;
            Some((first, first.checked_add(count.checked_sub(1)?.checked_mul(step)?)?, step))
        }
        Find::Unknown => None,
    }
}

/// The argument after `word`. The last argument is never taken for the word, nor, backwards, argument 1.
fn after_keyword<A: Arguments + ?Sized>(args: &A, word: &str, from: i16) -> Option<usize> {
    let is_word = |index: &usize| is(args, *index, word);
    let found = if from > 0 {
        (usize::try_from(from).ok()?..args.count().saturating_sub(1)).find(is_word)
    } else {
        (2..=args.count().checked_add_signed(isize::from(from))?).rev().find(is_word)
    };
    found.map(|index| index + 1)
}

/// The rule of the command itself, where its specs do not tell. Writes nothing if the arguments do not fit.
fn by_own_rule<K, A>(spec: &Spec, args: &A, out: &mut Vec<K>)
where
    K: From<KeyRef>,
    A: Arguments + ?Sized,
{
    match spec.name {
        "set" => out.push(key(1, set_flags(args))),
        "delex" => out.push(key(1, if args.count() > 2 { spec.keys[0].flags } else { REMOVED })),
        // Without sources: Redis's rule finds no key in it then, though the command has one.
        "pfmerge" => out.push(key(1, spec.keys[0].flags)),
        "bitfield" => out.push(key(1, bitfield_flags(args))),
        "sort" | "sort_ro" => {
            out.push(key(1, spec.keys[0].flags));
            if let (Some(store), true) = (sort_store(args), spec.writes()) {
                out.push(key(store, OVERWRITTEN));
            }
        }
        "migrate" => migrate_keys(args, out),
        _ => counted_keys(spec, args, out),
    }
}

const OVERWRITTEN: KeyFlags = KeyFlags::named("OW update");
const REMOVED: KeyFlags = KeyFlags::named("RM delete");
const CHANGED: KeyFlags = KeyFlags::named("RW access update");
const READ: KeyFlags = KeyFlags::named("RO access");

/// `SET key value … GET` gives the old value too.
fn set_flags<A: Arguments + ?Sized>(args: &A) -> KeyFlags {
    if (3..args.count()).any(|index| is(args, index, "get")) { CHANGED } else { OVERWRITTEN }
}

/// BITFIELD with nothing but GET and OVERFLOW changes nothing.
fn bitfield_flags<A: Arguments + ?Sized>(args: &A) -> KeyFlags {
    let mut index = 2;
    while index < args.count() {
        let following = args.count() - index - 1;
        if is(args, index, "get") && following >= 2 {
            index += 3;
        } else if is(args, index, "overflow") && following >= 1 {
            index += 2;
        } else {
            return CHANGED;
        }
    }
    READ
}

/// The value of the last STORE of a SORT.
fn sort_store<A: Arguments + ?Sized>(args: &A) -> Option<usize> {
    let (mut store, mut index) = (None, 2);
    while index < args.count() {
        if is(args, index, "limit") {
            index += 2;
        } else if is(args, index, "get") || is(args, index, "by") {
            index += 1;
        } else if is(args, index, "store") && index + 1 < args.count() {
            store = Some(index + 1);
        }
        index += 1;
    }
    store
}

/// `MIGRATE host port key|"" db timeout [COPY] [REPLACE] [AUTH p | AUTH2 u p] [KEYS key …]`.
fn migrate_keys<K: From<KeyRef>, A: Arguments + ?Sized>(args: &A, out: &mut Vec<K>) {
    let flags = KeyFlags::named("RW access delete");
    let mut index = 6;
    while index < args.count() {
        if is(args, index, "keys") {
            let only_listed = args.argument(3).is_some_and(<[u8]>::is_empty);
            let listed = if only_listed { index + 1..args.count() } else { 0..0 };
            out.extend(listed.map(|index| key(index, flags)));
            return;
        }
        index += 1 + usize::from(is(args, index, "auth")) + 2 * usize::from(is(args, index, "auth2"));
    }
    out.push(key(3, flags));
}

/// Commands with a number of keys: Redis's own rule reads the number as C's `atoi` does (`2x` is 2), puts a
/// stored key last and knows no flags.
fn counted_keys<K: From<KeyRef>, A: Arguments + ?Sized>(spec: &Spec, args: &A, out: &mut Vec<K>) {
    let Some((at, step)) = spec.keys.iter().find_map(counter) else {
        return;
    };
    let count = args.argument(at).map_or(0, leading_integer);
    if count < 1 || count > args.count().saturating_sub(at + 1) / step {
        return;
    }
    out.extend((0..count).map(|number| key(at + 1 + number * step, KeyFlags::NONE)));
    if spec.keys.len() > 1 {
        out.push(key(1, KeyFlags::NONE));
    }
}

/// The argument that holds a number of keys, and the distance of these keys.
fn counter(spec: &KeySpec) -> Option<(usize, usize)> {
    match (spec.begin, spec.find) {
        (Begin::Index(index), Find::Keynum { step, .. }) => {
            Some((usize::try_from(index).ok()?, usize::try_from(step).ok()?))
        }
        _ => None,
    }
}

fn key<K: From<KeyRef>>(index: usize, flags: KeyFlags) -> K {
    KeyRef { position: u32::try_from(index).unwrap_or(u32::MAX), flags }.into()
}

fn is<A: Arguments + ?Sized>(args: &A, index: usize, word: &str) -> bool {
    args.argument(index).is_some_and(|argument| argument.eq_ignore_ascii_case(word.as_bytes()))
}

/// A decimal integer as Redis writes one: no sign but `-`, no leading zero, nothing around it.
fn strict_integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = text == b"0" || matches!(digits.first(), Some(b'1'..=b'9'));
    let text = std::str::from_utf8(text).ok().filter(|_| canonical)?;
    text.parse().ok()
}

/// The integer at the beginning, after blanks; 0 if there is none or it is negative.
fn leading_integer(text: &[u8]) -> usize {
    let text = text.trim_ascii_start();
    let digits = text.strip_prefix(b"+").unwrap_or(text);
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    std::str::from_utf8(&digits[..end]).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
