//! Rules that cannot be taken, and why.

/// What is wrong with a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// It is no rule.
    #[error("Syntax error")]
    Syntax,
    /// It names what does not exist.
    #[error("Unknown command or category name in ACL")]
    Unknown,
    /// All keys are allowed already.
    #[error(
        "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try \
         'resetkeys' to start with an empty list of patterns"
    )]
    BehindAllKeys,
    /// All channels are allowed already.
    #[error(
        "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. \
         Try 'resetchannels' to start with an empty list of channels"
    )]
    BehindAllChannels,
    /// The user does not have the password that is to be taken away.
    #[error("The password you are trying to remove from the user does not exist")]
    NoSuchPassword,
    /// It is no SHA-256 in hexadecimal digits.
    #[error(
        "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
    )]
    NoHash,
    /// First arguments of subcommands are not told apart.
    #[error("Allowing first-arg of a subcommand is not supported")]
    FirstOfSubcommand,
}

/// A list of rules was refused; nothing of it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleError {
    /// One rule is wrong.
    Rule {
        /// The rule as it was given, passwords blanked.
        rule: Vec<u8>,
        /// What is wrong.
        fault: RuleFault,
    },
    /// A selector has no end.
    Unmatched {
        /// Its first word.
        rule: Vec<u8>,
    },
}

impl RuleError {
    /// Redis's text, without a code in front.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        match self {
            Self::Rule { rule, fault } => {
                [b"Error in ACL SETUSER modifier '", &rule[..], b"': ", fault.to_string().as_bytes()].concat()
            }
            Self::Unmatched { rule } => {
                [b"Unmatched parenthesis in acl selector starting at '", &rule[..], b"'."].concat()
            }
        }
    }
}

impl std::fmt::Display for RuleError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(&self.text()))
    }
}

impl std::error::Error for RuleError {}
