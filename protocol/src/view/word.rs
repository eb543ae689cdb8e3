//! What an operator has said of a member. It is decided as all that a view says, so every proxy goes by it.

/// The operator's word about a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Word {
    /// Nothing.
    #[default]
    None,
    /// It is to hold no slot: what it holds moves away, and it stays a member without weight.
    Drain,
    /// What it held is lost: nobody waits for it. Over as soon as it answers.
    GivenUp,
}

impl Word {
    /// Its number in the encoding of a view.
    #[must_use]
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Drain => 1,
            Self::GivenUp => 2,
        }
    }

    /// The word of a number.
    #[must_use]
    pub(super) const fn of(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::None),
            1 => Some(Self::Drain),
            2 => Some(Self::GivenUp),
            _ => None,
        }
    }
}
