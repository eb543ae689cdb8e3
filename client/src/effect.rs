//! What a command does to the connection that it is sent over, beyond its reply.

use crate::error::Error;

/// Decided by the first two words of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing that the next command would notice.
    None,
    /// `MULTI`: what follows is queued.
    Opens,
    /// `EXEC`, `DISCARD`: ends that.
    Closes,
    /// `WATCH`: may make the next `EXEC` fail.
    Watches,
    /// What follows is read or answered in another way, or is another user's: `SELECT`, `AUTH`, `HELLO`.
    Changes,
    /// A property that few ask for: `CLIENT SETNAME` and its like.
    Marks,
    /// `CLIENT REPLY`: breaks the order of replies.
    Silences,
}

/// `CLIENT …` that leaves its connection as it is.
const CLIENT_HARMLESS: [&str; 11] = [
    "ID",
    "INFO",
    "LIST",
    "GETNAME",
    "GETREDIR",
    "TRACKINGINFO",
    "KILL",
    "PAUSE",
    "UNPAUSE",
    "UNBLOCK",
    "HELP",
];

impl Effect {
    /// Of a command of that name.
    pub(crate) fn of_name(name: &[u8]) -> Effect {
        let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
        match () {
            () if is("MULTI") => Effect::Opens,
            () if is("EXEC") || is("DISCARD") => Effect::Closes,
            () if is("WATCH") => Effect::Watches,
            () if is("SELECT") || is("AUTH") => Effect::Changes,
            () if is("READONLY") || is("READWRITE") || is("ASKING") => Effect::Marks,
            () => Effect::None,
        }
    }

    /// Of a command of that name and first argument.
    pub(crate) fn of_words(name: &[u8], second: &[u8]) -> Effect {
        let is_harmless = |word: &str| second.eq_ignore_ascii_case(word.as_bytes());
        if name.eq_ignore_ascii_case(b"HELLO") {
            Effect::Changes
        } else if !name.eq_ignore_ascii_case(b"CLIENT")
            || CLIENT_HARMLESS.iter().any(|word| is_harmless(word))
        {
            Effect::of_name(name)
        } else if second.eq_ignore_ascii_case(b"REPLY") {
            Effect::Silences
        } else {
            Effect::Marks
        }
    }

    /// Whether the connection is another one afterwards.
    pub(crate) fn stays(self) -> bool {
        matches!(self, Effect::Opens | Effect::Changes | Effect::Marks | Effect::Silences)
    }

    /// Whether it may be sent by itself over a connection that others use as well.
    ///
    /// # Errors
    /// [`Error::NotSent`] that says what to use in its place.
    pub(crate) fn may_be_shared(self) -> Result<(), Error> {
        match self {
            Effect::None | Effect::Marks | Effect::Silences => Ok(()),
            Effect::Changes => Err(Error::refused(
                "this command would change the connection that all tasks share: use Options, or Client::dedicated",
            )),
            Effect::Opens | Effect::Closes | Effect::Watches => Err(Error::refused(
                "a transaction by single commands would take in those of other tasks: use Client::transaction, \
                 Client::watch or Client::dedicated",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_words_say_what_becomes_of_the_connection() {
        for (words, effect) in [
            (["get", "k"], Effect::None),
            (["Multi", ""], Effect::Opens),
            (["select", "3"], Effect::Changes),
            (["hello", "3"], Effect::Changes),
            (["client", "id"], Effect::None),
            (["client", "setname"], Effect::Marks),
            (["client", "tracking"], Effect::Marks),
            (["client", "reply"], Effect::Silences),
        ] {
            assert_eq!(Effect::of_words(words[0].as_bytes(), words[1].as_bytes()), effect, "{words:?}");
        }
        assert_eq!(Effect::of_name(b"HELLO"), Effect::None, "it only asks");
        assert!(Effect::Changes.stays() && Effect::Marks.stays() && !Effect::Watches.stays());
    }
}
