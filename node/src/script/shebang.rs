//! The first line of a script: `#!lua name=… flags=…`.

use ringmaster_protocol::resp::{Args, inline};

/// What a script promises or asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(u8);

/// The names of flags, by their bits.
const NAMES: [&str; 5] = ["no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"];

impl Flags {
    /// It calls no command that writes.
    pub(crate) const NO_WRITES: Self = Self(1);
    /// It may run when memory is short.
    pub(crate) const ALLOW_OOM: Self = Self(2);
    /// It has no first line with flags: the rules before Redis 7 hold.
    pub(crate) const COMPATIBLE: Self = Self(1 << 7);

    /// The flag of this name.
    pub(crate) fn by_name(name: &[u8]) -> Option<Self> {
        NAMES.iter().position(|known| known.as_bytes() == name).map(|bit| Self(1 << bit))
    }

    /// As one byte; [`Flags::of_bits`] reads it.
    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    /// What [`Flags::bits`] told.
    pub(crate) fn of_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Both.
    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `other` is among them.
    pub(crate) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of those that are set.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().enumerate().filter(move |(bit, _)| self.0 & 1 << bit != 0).map(|(_, name)| name)
    }
}

/// The words of the first line of `text` and what follows them, its line end included; `None` if there is no whole
/// first line that begins with `#!`.
fn first_line(text: &[u8]) -> Option<(Vec<Vec<u8>>, &[u8])> {
    let end = text.starts_with(b"#!").then(|| text.iter().position(|&byte| byte == b'\n'))??;
    let (mut store, mut spans) = (Vec::new(), Vec::new());
    let (line, rest) = text.split_at(end);
    // Unbalanced quotes leave no words, which no engine is called.
    let words = match inline::split(line, &mut store, &mut spans) {
        Ok(()) => Args::new(&store, &spans).iter().map(<[u8]>::to_vec).collect(),
        Err(_) => Vec::new(),
    };
    Some((words, rest))
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The flags of a script and its code without the first line's words (its line end stays, so that lines keep their
/// numbers).
///
/// # Errors
/// What is wrong with the first line, in Redis's words.
pub(crate) fn of_script(text: &[u8]) -> Result<(Flags, &[u8]), String> {
    if !text.starts_with(b"#!") {
        return Ok((Flags::COMPATIBLE, text));
    }
    let (words, code) = first_line(text).ok_or("Invalid script shebang")?;
    let (engine, options) = words.split_first().ok_or("Invalid engine in script shebang")?;
    if engine != b"#!lua" {
        return Err(format!("Unexpected engine in script shebang: {}", shown(engine)));
    }
    let mut flags = Flags::default();
    for option in options {
        let names = option.strip_prefix(b"flags=");
        let names = names.ok_or_else(|| format!("Unknown lua shebang option: {}", shown(option)))?;
        for name in names.split(|&byte| byte == b',').filter(|_| !names.is_empty()) {
            let flag = Flags::by_name(name);
            let flag = flag.ok_or_else(|| format!("Unexpected flag in script shebang: {}", shown(name)))?;
            flags = flags.with(flag);
        }
    }
    Ok((flags, code))
}

/// What the first line of a library says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heading<'a> {
    /// The engine that runs it.
    pub(crate) engine: Vec<u8>,
    /// Its name.
    pub(crate) name: Vec<u8>,
    /// What follows the words of the line.
    pub(crate) code: &'a [u8],
}

/// The first line of a library.
///
/// # Errors
/// What is wrong with it, in Redis's words.
pub(crate) fn of_library(text: &[u8]) -> Result<Heading<'_>, String> {
    if !text.starts_with(b"#!") {
        return Err("Missing library metadata".to_owned());
    }
    let (mut words, code) = first_line(text).ok_or("Invalid library metadata")?;
    if words.is_empty() {
        return Err("Invalid library metadata".to_owned());
    }
    let engine = words.remove(0).split_off(2);
    let mut name = None;
    for word in words {
        let is_name = word.len() >= 5 && word[..5].eq_ignore_ascii_case(b"name=");
        if !is_name {
            return Err(format!("Invalid metadata value given: {}", shown(&word)));
        }
        if name.replace(word[5..].to_vec()).is_some() {
            return Err("Invalid metadata value, name argument was given multiple times".to_owned());
        }
    }
    let name = name.ok_or("Library name was not given")?;
    if !is_name(&name) {
        return Err(BAD_NAME.to_owned());
    }
    Ok(Heading { engine, name, code })
}

/// The refusal of a name of a library or a function.
pub(crate) const BAD_NAME: &str = "Library names can only contain letters, numbers, or underscores(_) and must be at \
                                   least one character long";

/// Whether a library or a function may be called so.
pub(crate) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_without_a_first_line_is_compatible() {
        assert_eq!(of_script(b"return 1"), Ok((Flags::COMPATIBLE, &b"return 1"[..])));
    }

    #[test]
    fn flags_are_read_and_lines_keep_their_numbers() {
        let (flags, code) = of_script(b"#!lua flags=no-writes,allow-oom\nreturn 1").unwrap();
        assert_eq!(code, b"\nreturn 1");
        assert_eq!(flags.names().collect::<Vec<_>>(), ["no-writes", "allow-oom"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, error) in [
            ("#!lua", "Invalid script shebang"),
            ("#!js\n", "Unexpected engine in script shebang: #!js"),
            ("#!lua x=1\n", "Unknown lua shebang option: x=1"),
            ("#!lua flags=bad\n", "Unexpected flag in script shebang: bad"),
        ] {
            assert_eq!(of_script(text.as_bytes()).unwrap_err(), error);
        }
        assert_eq!(of_library(b"return 1").unwrap_err(), "Missing library metadata");
        assert_eq!(of_library(b"#!lua\n").unwrap_err(), "Library name was not given");
    }

    #[test]
    fn a_library_has_an_engine_and_a_name() {
        let heading = of_library(b"#!lua name=mylib\nreturn").unwrap();
        let (engine, name, code) = (b"lua".to_vec(), b"mylib".to_vec(), &b"\nreturn"[..]);
        assert_eq!(heading, Heading { engine, name, code });
    }
}
