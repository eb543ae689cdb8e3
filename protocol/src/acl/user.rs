//! One user.

use crate::command::{Arguments, Spec};

use super::denial::Denial;
use super::password::PasswordHash;
use super::rules::{RuleError, RuleFault};
use super::selector::Selector;

/// Most passwords of one user.
const PASSWORDS_MAX: usize = 64;

/// Most selectors of one user, beside the root.
const SELECTORS_MAX: usize = 64;

/// A user: who may log in as it, and what it may do.
#[derive(Clone, Debug)]
pub struct User {
    name: Vec<u8>,
    is_on: bool,
    needs_no_password: bool,
    /// Whether payloads of RESTORE are checked as a whole: they always are; it is kept to be shown.
    sanitizes: Option<bool>,
    passwords: Vec<PasswordHash>,
    root: Selector,
    selectors: Vec<Selector>,
}

impl User {
    /// A user who may nothing.
    #[must_use]
    pub fn new(name: &[u8]) -> Self {
        Self {
            name: name.to_vec(),
            is_on: false,
            needs_no_password: false,
            sanitizes: None,
            passwords: Vec::new(),
            root: {
                let mut root = Selector::default();
                // Nothing is forbidden that was not allowed before: this cannot fail.
                let _ = root.rule(b"nocommands");
                root
            },
            selectors: Vec::new(),
        }
    }

    /// A user who may everything, without a password.
    #[must_use]
    pub fn unrestricted(name: &[u8]) -> Self {
        Self { is_on: true, needs_no_password: true, root: Selector::unrestricted(), ..Self::new(name) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Whether anybody can log in as it.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Whether any password will do.
    #[must_use]
    pub fn needs_no_password(&self) -> bool {
        self.needs_no_password
    }

    /// Whether it may do everything.
    #[must_use]
    pub fn is_unrestricted(&self) -> bool {
        self.root.is_unrestricted()
    }

    /// Takes `rules`, one after the other, all or none of them.
    ///
    /// # Errors
    /// [`RuleError`], the first that cannot be taken.
    pub fn with_rules(&self, rules: &[&[u8]]) -> Result<Self, RuleError> {
        let mut user = self.clone();
        let mut rules = rules.iter();
        while let Some(rule) = rules.next() {
            if !rule.starts_with(b"(") {
                user.rule(rule).map_err(|fault| RuleError::rule(rule, fault))?;
                continue;
            }
            let mut whole = rule.to_vec();
            while !whole.ends_with(b")") {
                let Some(more) = rules.next() else {
                    return Err(RuleError::unmatched(rule));
                };
                whole.push(b' ');
                whole.extend_from_slice(more);
            }
            user.selector(&whole).map_err(|fault| RuleError::rule(&whole, fault))?;
        }
        Ok(user)
    }

    fn selector(&mut self, whole: &[u8]) -> Result<(), RuleFault> {
        if self.selectors.len() == SELECTORS_MAX {
            return Err(RuleFault::Syntax);
        }
        let mut selector = Selector::default();
        selector.rule(b"nocommands")?;
        for rule in whole[1..whole.len() - 1].split(|byte| *byte == b' ').filter(|rule| !rule.is_empty()) {
            selector.rule(rule)?;
        }
        self.selectors.push(selector);
        Ok(())
    }

    fn rule(&mut self, rule: &[u8]) -> Result<(), RuleFault> {
        match &rule.to_ascii_lowercase()[..] {
            b"" => {}
            b"on" => self.is_on = true,
            b"off" => self.is_on = false,
            b"nopass" => (self.needs_no_password, self.passwords) = (true, Vec::new()),
            b"resetpass" => (self.needs_no_password, self.passwords) = (false, Vec::new()),
            b"sanitize-payload" => self.sanitizes = Some(true),
            b"skip-sanitize-payload" => self.sanitizes = Some(false),
            b"clearselectors" => self.selectors.clear(),
            b"reset" => *self = Self { sanitizes: Some(true), ..Self::new(&self.name) },
            [b'>' | b'#' | b'<' | b'!', ..] => self.password(rule[0], &rule[1..])?,
            _ => self.root.rule(rule)?,
        }
        Ok(())
    }

    fn password(&mut self, sign: u8, text: &[u8]) -> Result<(), RuleFault> {
        let is_plain = matches!(sign, b'>' | b'<');
        let hash = if is_plain { Some(PasswordHash::of(text)) } else { PasswordHash::parse(text) };
        let hash = hash.ok_or(RuleFault::NoHash)?;
        let known = self.passwords.iter().position(|known| known.matches(&hash));
        match (sign, known) {
            (b'>' | b'#', None) if self.passwords.len() == PASSWORDS_MAX => return Err(RuleFault::Syntax),
            (b'>' | b'#', None) => self.passwords.push(hash),
            (b'>' | b'#', Some(_)) => {}
            (_, Some(at)) => drop(self.passwords.remove(at)),
            (_, None) => return Err(RuleFault::NoSuchPassword),
        }
        if matches!(sign, b'>' | b'#') {
            self.needs_no_password = false;
        }
        Ok(())
    }

    /// Whether this is one of its passwords. All are compared, so that the time tells nothing.
    #[must_use]
    pub fn accepts(&self, password: &[u8]) -> bool {
        let hash = PasswordHash::of(password);
        let is_one = self.passwords.iter().fold(false, |is_one, known| is_one | known.matches(&hash));
        self.is_on && (self.needs_no_password || is_one)
    }

    /// Whether it may run this command.
    ///
    /// # Errors
    /// [`Denial`], of the selector that came nearest.
    pub fn permit<A: Arguments + ?Sized>(&self, spec: &Spec, args: &A) -> Result<(), Denial> {
        let mut nearest = Denial::Command;
        for selector in std::iter::once(&self.root).chain(&self.selectors) {
            match selector.permit(spec, args) {
                Ok(()) => return Ok(()),
                Err(denial) => nearest = nearest.max(denial),
            }
        }
        Err(nearest)
    }

    /// Whether it may go on listening to a channel, or to all that match a pattern.
    #[must_use]
    pub fn may_listen(&self, channel: &[u8], is_pattern: bool) -> bool {
        std::iter::once(&self.root).chain(&self.selectors).any(|of| of.lets_listen(channel, is_pattern))
    }

    /// Whether it may still use all channels that it might `before`.
    #[must_use]
    pub fn keeps_channels_of(&self, before: &Self) -> bool {
        let all =
            |user: &Self| std::iter::once(&user.root).chain(&user.selectors).cloned().collect::<Vec<_>>();
        let now = all(self);
        all(before).iter().all(|before| now.iter().any(|now| now.keeps_channels_of(before)))
    }

    /// Its flags, as `ACL GETUSER` shows them.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        let sanitizes =
            self.sanitizes.map(|does| if does { "sanitize-payload" } else { "skip-sanitize-payload" });
        [Some(if self.is_on { "on" } else { "off" }), self.needs_no_password.then_some("nopass"), sanitizes]
            .into_iter()
            .flatten()
    }

    /// Its passwords' hashes, in hexadecimal digits.
    pub fn passwords(&self) -> impl ExactSizeIterator<Item = String> {
        self.passwords.iter().map(PasswordHash::text)
    }

    /// Commands, keys and channels that it may use: those of the root, then of each selector, as `ACL GETUSER` shows them.
    pub fn permissions(&self) -> impl Iterator<Item = [Vec<u8>; 3]> {
        std::iter::once(&self.root).chain(&self.selectors).map(|selector| {
            [selector.commands_text().into_bytes(), selector.keys_text(), selector.channels_text()]
        })
    }

    /// Its line in `ACL LIST`, which is also that of a file of users.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        let mut line = [b"user ", &self.name[..]].concat();
        let mut word = |text: &[u8]| {
            line.push(b' ');
            line.extend_from_slice(text);
        };
        self.flags().for_each(|flag| word(flag.as_bytes()));
        self.passwords().for_each(|hash| word(format!("#{hash}").as_bytes()));
        word(&self.root.text());
        self.selectors.iter().for_each(|selector| word(&[b"(", &selector.text()[..], b")"].concat()));
        line
    }
}
