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
        /// Its first word, passwords blanked.
        rule: Vec<u8>,
    },
}

impl RuleError {
    pub(super) fn rule(rule: &[u8], fault: RuleFault) -> Self {
        Self::Rule { rule: blanked(rule), fault }
    }

    pub(super) fn unmatched(rule: &[u8]) -> Self {
        Self::Unmatched { rule: blanked(rule) }
    }

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

/// A rule as an error may repeat it: without a password or what was to be the hash of one. Those stand behind one of four
/// signs; what comes behind them, up to the end, may still be the password.
fn blanked(rule: &[u8]) -> Vec<u8> {
    let is_sign = |byte: u8| matches!(byte, b'>' | b'<' | b'#' | b'!');
    let is_between = |byte: u8| byte == b'(' || byte.is_ascii_whitespace();
    let begins_word = |at: usize| at == 0 || is_between(rule[at - 1]);
    match (0..rule.len()).find(|at| is_sign(rule[*at]) && begins_word(*at)) {
        Some(at) => [&rule[..=at], b"(the password)"].concat(),
        None => rule.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::User;

    #[test]
    fn no_error_repeats_a_password() {
        let full: Vec<String> = (0..64).map(|n| format!(">{n}")).collect();
        let full: Vec<&[u8]> = full.iter().map(String::as_bytes).collect();
        let user = User::new(b"app").with_rules(&full).unwrap();
        let forms = [
            ">hunter2",
            "<hunter2",
            "#hunter2",
            "!hunter2",
            ">two hunter2",
            "#two (hunter2",
            "(#hunter2)",
            "(>hunter2",
            "(~x >hunter2 +get)",
            "( !hunter2",
            "(~x <hunter2)",
        ];
        for form in forms {
            let error = user.with_rules(&[form.as_bytes()]).unwrap_err().to_string();
            assert!(!error.contains("hunter2") && error.contains("(the password)"), "{form}: {error}");
        }
        for shown in ["+nosuch", "~a b", "(+nosuch)", "(%x~a)"] {
            let error = user.with_rules(&[shown.as_bytes()]).unwrap_err().to_string();
            assert!(error.contains(shown), "{error}");
        }
    }
}
