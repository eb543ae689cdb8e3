//! The notation in which rows write down a command's arguments.
//!
//! Arguments are separated by one space. Each is `name:type`, then in this order, as far as it applies:
//!
//! | mark | means |
//! | --- | --- |
//! | `@0` | key, found by key spec 0 |
//! | `=TOKEN` | stands after, or is, this word |
//! | `^6.2.0` | since this version |
//! | `!2.8.12` | deprecated since this version |
//! | `?` | optional |
//! | `*` | may be repeated |
//! | `+` | its word is repeated with it |
//! | `(…)` | what it consists of (`block`), or one of which it is (`oneof`) |
//!
//! A name or word of other than letters, digits, `-` and `_` stands in `'…'`.

/// One argument, its text borrowed from the row.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Argument<'a> {
    /// Its name: `numkeys`, `seconds`.
    pub name: &'a str,
    /// Redis's type: `key`, `string`, `integer`, `double`, `pattern`, `unix-time`, `pure-token`, `oneof`, `block`.
    pub kind: &'a str,
    /// The key spec that finds it.
    pub key_spec: Option<i64>,
    /// The word that it stands after, or is.
    pub token: Option<&'a str>,
    /// Empty if it is as old as the command.
    pub since: &'a str,
    /// Empty if it is not deprecated.
    pub deprecated: &'a str,
    /// May be left out.
    pub optional: bool,
    /// May be repeated.
    pub multiple: bool,
    /// Its word is repeated with it.
    pub multiple_token: bool,
    /// What it consists of, or one of which it is.
    pub children: Vec<Self>,
}

impl Argument<'_> {
    /// Names of its flags, in Redis's order.
    pub(super) fn flags(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        let flags = [
            ("optional", self.optional),
            ("multiple", self.multiple),
            ("multiple_token", self.multiple_token),
        ];
        flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| name)
    }

    /// Whether it consists of others.
    pub(super) fn nests(&self) -> bool {
        matches!(self.kind, "oneof" | "block")
    }

    /// Number of fields that COMMAND DOCS prints.
    pub(super) fn fields(&self) -> usize {
        2 + usize::from(self.key_spec.is_some())
            + usize::from(self.token.is_some())
            + usize::from(!self.since.is_empty())
            + usize::from(!self.deprecated.is_empty())
            + usize::from(self.flags().next().is_some())
            + usize::from(self.nests())
    }
}

/// The arguments that `text` describes. A test proves that every row can be read.
#[must_use]
pub fn parse(text: &str) -> Vec<Argument<'_>> {
    let mut rest = text;
    arguments(&mut rest)
}

/// Arguments up to the end of the text or a closing bracket.
fn arguments<'a>(rest: &mut &'a str) -> Vec<Argument<'a>> {
    let mut all = Vec::new();
    while !rest.is_empty() && !rest.starts_with(')') {
        all.push(argument(rest));
        skip(rest, ' ');
    }
    all
}

fn argument<'a>(rest: &mut &'a str) -> Argument<'a> {
    let mut argument = Argument { name: word(rest), ..Argument::default() };
    skip(rest, ':');
    argument.kind = word(rest);
    if skip(rest, '@') {
        argument.key_spec = word(rest).parse().ok();
    }
    if skip(rest, '=') {
        argument.token = Some(word(rest));
    }
    if skip(rest, '^') {
        argument.since = version(rest);
    }
    if skip(rest, '!') {
        argument.deprecated = version(rest);
    }
    argument.optional = skip(rest, '?');
    argument.multiple = skip(rest, '*');
    argument.multiple_token = skip(rest, '+');
    if skip(rest, '(') {
        argument.children = arguments(rest);
        skip(rest, ')');
    }
    argument
}

/// Letters, digits, `-` and `_`, or anything in quotes.
fn word<'a>(rest: &mut &'a str) -> &'a str {
    if skip(rest, '\'') {
        let quoted = take(rest, |character| character != '\'');
        skip(rest, '\'');
        return quoted;
    }
    take(rest, |character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_'))
}

fn version<'a>(rest: &mut &'a str) -> &'a str {
    take(rest, |character| character.is_ascii_digit() || character == '.')
}

fn take<'a>(rest: &mut &'a str, belongs: impl Fn(char) -> bool) -> &'a str {
    let (taken, after) = rest.split_at(rest.find(|character| !belongs(character)).unwrap_or(rest.len()));
    *rest = after;
    taken
}

/// Whether `mark` came next; it is passed then.
fn skip(rest: &mut &str, mark: char) -> bool {
    let after = rest.strip_prefix(mark);
    *rest = after.unwrap_or(rest);
    after.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The notation of `arguments`, to compare with what was read.
    fn written(arguments: &[Argument<'_>]) -> String {
        let one = |argument: &Argument<'_>| {
            let quoted = |text: &str| {
                let plain =
                    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
                if plain { text.to_string() } else { format!("'{text}'") }
            };
            let mut text = format!("{}:{}", quoted(argument.name), argument.kind);
            text.extend(argument.key_spec.map(|index| format!("@{index}")));
            text.extend(argument.token.map(|token| format!("={}", quoted(token))));
            let marked = |mark: char, text: &str| {
                if text.is_empty() { String::new() } else { format!("{mark}{text}") }
            };
            text += &marked('^', argument.since);
            text += &marked('!', argument.deprecated);
            text += if argument.optional { "?" } else { "" };
            text += if argument.multiple { "*" } else { "" };
            text += if argument.multiple_token { "+" } else { "" };
            if argument.nests() {
                text += &format!("({})", written(&argument.children));
            }
            text
        };
        arguments.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_row_reads_back_as_it_is_written() {
        for spec in crate::command::all() {
            assert_eq!(written(&parse(spec.docs.arguments)), spec.docs.arguments, "{}", spec.name);
        }
    }

    #[test]
    fn each_mark_has_its_meaning() {
        let read = parse("'ip:port':string!2.8.12 id:integer=ID^6.2.0?*+ by:oneof(a:pure-token='*' b:key@1)");
        assert_eq!((read[0].name, read[0].deprecated), ("ip:port", "2.8.12"));
        assert_eq!((read[1].token, read[1].since), (Some("ID"), "6.2.0"));
        assert_eq!(read[1].flags().collect::<Vec<_>>(), ["optional", "multiple", "multiple_token"]);
        assert_eq!((read[2].children[0].token, read[2].children[1].key_spec), (Some("*"), Some(1)));
    }
}
