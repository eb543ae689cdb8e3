//! From the arguments of a request to its row, or to Redis's error.

use super::{Spec, table::lookup};
use crate::resp;

/// The arguments of one command, the name first. Lets every part look at them as they lie, without a copy.
pub trait Arguments {
    /// Number of arguments, the name included.
    fn count(&self) -> usize;
    /// Argument `index`, `None` past the end.
    fn argument(&self, index: usize) -> Option<&[u8]>;
}

impl Arguments for resp::Args<'_> {
    #[inline]
    fn count(&self) -> usize {
        self.len()
    }

    #[inline]
    fn argument(&self, index: usize) -> Option<&[u8]> {
        self.get(index)
    }
}

impl<T: AsRef<[u8]>> Arguments for [T] {
    #[inline]
    fn count(&self) -> usize {
        self.len()
    }

    #[inline]
    fn argument(&self, index: usize) -> Option<&[u8]> {
        self.get(index).map(AsRef::as_ref)
    }
}

/// Why a request has no row. [`Rejection::text`] is the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// No such command.
    UnknownCommand,
    /// The command has subcommands, but not this one.
    UnknownSubcommand,
    /// Too few or too many arguments; holds the full name of the command.
    Arity(&'static str),
}

/// The row of the command or subcommand that `args` calls, if its number of arguments is right.
///
/// # Errors
/// [`Rejection`]; nothing is known about the command then, and nothing of it may be executed.
#[inline]
pub fn resolve<A: Arguments + ?Sized>(args: &A) -> Result<&'static Spec, Rejection> {
    let spec = find(args)?;
    if spec.arity_allows(args.count()) { Ok(spec) } else { Err(Rejection::Arity(spec.name)) }
}

/// As [`resolve`], whatever the number of arguments.
#[inline]
pub(super) fn find<A: Arguments + ?Sized>(args: &A) -> Result<&'static Spec, Rejection> {
    let spec = args.argument(0).and_then(lookup).ok_or(Rejection::UnknownCommand)?;
    match args.argument(1) {
        Some(name) if spec.is_container() => spec.subcommand(name).ok_or(Rejection::UnknownSubcommand),
        _ => Ok(spec),
    }
}

/// Longest part of a request that an error repeats, in bytes.
const SHOWN_MAX: usize = 128;

impl Rejection {
    /// Whether a transaction that the client has begun is discarded by it: `EXEC` with arguments.
    #[must_use]
    pub fn ends_transaction(self) -> bool {
        self == Self::Arity("exec")
    }

    /// Redis's error for these arguments, without the leading `-` and in one line. The arguments are repeated
    /// as they are, so it need not be UTF-8.
    #[must_use]
    pub fn text<A: Arguments + ?Sized>(self, args: &A) -> Vec<u8> {
        let mut text = if self.ends_transaction() {
            b"EXECABORT Transaction discarded because of: ".to_vec()
        } else {
            b"ERR ".to_vec()
        };
        match self {
            Self::UnknownCommand => unknown_command(&mut text, args),
            Self::UnknownSubcommand => unknown_subcommand(&mut text, args),
            Self::Arity(name) => {
                text.extend_from_slice(b"wrong number of arguments for '");
                text.extend_from_slice(name.as_bytes());
                text.extend_from_slice(b"' command");
            }
        }
        for byte in &mut text {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        text
    }
}

fn unknown_command<A: Arguments + ?Sized>(text: &mut Vec<u8>, args: &A) {
    text.extend_from_slice(b"unknown command '");
    text.extend_from_slice(shown(args, 0, SHOWN_MAX));
    text.extend_from_slice(b"', with args beginning with: ");
    let start = text.len();
    for index in 1..args.count() {
        let written = text.len() - start;
        if written >= SHOWN_MAX {
            return;
        }
        text.push(b'\'');
        text.extend_from_slice(shown(args, index, SHOWN_MAX - written));
        text.extend_from_slice(b"' ");
    }
}

fn unknown_subcommand<A: Arguments + ?Sized>(text: &mut Vec<u8>, args: &A) {
    text.extend_from_slice(b"unknown subcommand '");
    text.extend_from_slice(shown(args, 1, SHOWN_MAX));
    text.extend_from_slice(b"'. Try ");
    let container = shown(args, 0, usize::MAX);
    text.extend(container.iter().map(u8::to_ascii_uppercase));
    text.extend_from_slice(b" HELP.");
}

/// The argument as C prints it: to its first zero byte, `limit` bytes at most.
fn shown<A: Arguments + ?Sized>(args: &A, index: usize, limit: usize) -> &[u8] {
    let bytes = args.argument(index).unwrap_or_default();
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    &bytes[..end.min(limit)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(args: &[&str]) -> String {
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        match resolve(&args[..]) {
            Ok(spec) => spec.name.to_string(),
            Err(rejection) => rejection.text(&args[..]).escape_ascii().to_string(),
        }
    }

    #[test]
    fn a_command_and_a_subcommand_are_found_in_any_letter_case() {
        assert_eq!(outcome(&["gEt", "key"]), "get");
        assert_eq!(outcome(&["Client", "SETNAME", "me"]), "client|setname");
        assert_eq!(outcome(&["COMMAND"]), "command");
        assert_eq!(
            super::super::lookup_full(b"CLIENT|setname").map(|spec| spec.name),
            Some("client|setname")
        );
    }

    #[test]
    fn the_errors_are_those_of_redis() {
        let unknown = |text| format!("ERR unknown command {text}");
        assert_eq!(
            outcome(&["foo", "a", "b"]),
            unknown("\\'foo\\', with args beginning with: \\'a\\' \\'b\\' ")
        );
        assert_eq!(outcome(&["client"]), "ERR wrong number of arguments for \\'client\\' command");
        assert_eq!(
            outcome(&["exec", "x"]),
            "EXECABORT Transaction discarded because of: wrong number of arguments for \\'exec\\' command"
        );
        assert_eq!(outcome(&["get"]), "ERR wrong number of arguments for \\'get\\' command");
        assert_eq!(
            outcome(&["client", "setname"]),
            "ERR wrong number of arguments for \\'client|setname\\' command"
        );
        assert_eq!(outcome(&["client", "x"]), "ERR unknown subcommand \\'x\\'. Try CLIENT HELP.");
        assert_eq!(outcome(&["a\r\nb"]), unknown("\\'a  b\\', with args beginning with: "));
        assert_eq!(outcome(&["a\0b"]), unknown("\\'a\\', with args beginning with: "));
        assert_eq!(
            outcome(&["client|setname", "x"]),
            unknown("\\'client|setname\\', with args beginning with: \\'x\\' ")
        );
    }

    #[test]
    fn an_error_repeats_a_bounded_part_of_the_request() {
        let long = "x".repeat(1000);
        let text = outcome(&[&long, &long, &long]);
        assert!(text.len() < 400, "{text}");
    }
}
