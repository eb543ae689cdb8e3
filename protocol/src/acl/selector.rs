//! What is allowed together: commands, with keys of these patterns, with channels of these patterns.

use crate::command::{Arguments, KeyFlags, KeyRef, Spec};
use crate::glob::{self, Case};

use super::channels;
use super::commands::Commands;
use super::denial::Denial;
use super::rules::RuleFault;

/// Most patterns of keys, and of channels, of one selector.
const PATTERNS_MAX: usize = 4096;

/// A pattern of keys, and how they may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
struct KeyPattern {
    pattern: Vec<u8>,
    reads: bool,
    writes: bool,
}

/// One set of permissions.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    commands: Commands,
    all_keys: bool,
    keys: Vec<KeyPattern>,
    all_channels: bool,
    channels: Vec<Vec<u8>>,
}

impl Selector {
    /// Everything.
    pub(super) fn unrestricted() -> Self {
        let mut selector = Self { all_keys: true, all_channels: true, ..Self::default() };
        selector.commands.reset(true);
        selector
    }

    pub(super) fn is_unrestricted(&self) -> bool {
        self.commands.are_all() && self.all_keys && self.all_channels
    }

    /// Takes one rule.
    pub(super) fn rule(&mut self, rule: &[u8]) -> Result<(), RuleFault> {
        let word = rule.to_ascii_lowercase();
        match &word[..] {
            b"allkeys" | b"~*" => (self.all_keys, self.keys) = (true, Vec::new()),
            b"resetkeys" => (self.all_keys, self.keys) = (false, Vec::new()),
            b"allchannels" | b"&*" => (self.all_channels, self.channels) = (true, Vec::new()),
            b"resetchannels" => (self.all_channels, self.channels) = (false, Vec::new()),
            b"allcommands" => self.commands.reset(true),
            b"nocommands" => self.commands.reset(false),
            [b'~', ..] => self.key(&rule[1..], true, true)?,
            [b'%', ..] => self.key_with_rights(&rule[1..])?,
            [b'&', ..] => self.channel(&rule[1..])?,
            [b'+' | b'-', ..] => {
                let text = std::str::from_utf8(rule).map_err(|_| RuleFault::Unknown)?;
                self.commands.rule(text)?;
            }
            _ => return Err(RuleFault::Syntax),
        }
        Ok(())
    }

    /// `R~pattern`, `W~pattern`, `RW~pattern`.
    fn key_with_rights(&mut self, rest: &[u8]) -> Result<(), RuleFault> {
        if self.all_keys {
            return Err(RuleFault::BehindAllKeys);
        }
        let tilde = rest.iter().position(|byte| *byte == b'~').ok_or(RuleFault::Syntax)?;
        let (mut reads, mut writes) = (false, false);
        for right in &rest[..tilde] {
            match right.to_ascii_uppercase() {
                b'R' if !reads => reads = true,
                b'W' if !writes => writes = true,
                _ => return Err(RuleFault::Syntax),
            }
        }
        if !reads && !writes {
            return Err(RuleFault::Syntax);
        }
        self.key(&rest[tilde + 1..], reads, writes)
    }

    fn key(&mut self, pattern: &[u8], reads: bool, writes: bool) -> Result<(), RuleFault> {
        if self.all_keys {
            return Err(RuleFault::BehindAllKeys);
        }
        check_pattern(pattern, self.keys.len())?;
        match self.keys.iter_mut().find(|known| known.pattern == pattern) {
            Some(known) => {
                known.reads |= reads;
                known.writes |= writes;
            }
            None => self.keys.push(KeyPattern { pattern: pattern.to_vec(), reads, writes }),
        }
        Ok(())
    }

    fn channel(&mut self, pattern: &[u8]) -> Result<(), RuleFault> {
        if self.all_channels {
            return Err(RuleFault::BehindAllChannels);
        }
        check_pattern(pattern, self.channels.len())?;
        if !self.channels.iter().any(|known| known == pattern) {
            self.channels.push(pattern.to_vec());
        }
        Ok(())
    }

    /// Whether the command is allowed as a whole.
    pub(super) fn permit<A: Arguments + ?Sized>(&self, spec: &Spec, args: &A) -> Result<(), Denial> {
        if !self.commands.allow(spec, args) {
            return Err(Denial::Command);
        }
        if !self.all_keys && spec.has_keys() && !self.permits_only_key(spec, args) {
            let mut keys: Vec<KeyRef> = Vec::new();
            // What contradicts itself names no key; the command answers the error.
            let _ = spec.key_positions(args, &mut keys);
            let denied = keys.iter().find(|key| !self.permits_key(args, **key));
            if let Some(key) = denied {
                return Err(Denial::Key(key.position as usize));
            }
        }
        if let Some(denial) = sorts_by_others(spec, args).filter(|_| !self.reads_all_keys()) {
            return Err(denial);
        }
        if !self.all_channels {
            let channels::Channels { mut places, are_patterns } = channels::of(spec, args);
            let permits =
                |at: &usize| self.permits_channel(args.argument(*at).unwrap_or_default(), are_patterns);
            if let Some(at) = places.find(|at| !permits(at)) {
                return Err(Denial::Channel(at));
            }
        }
        Ok(())
    }

    /// Whether the command has one key, with which this lets anything be done: then it is of no interest what it does.
    fn permits_only_key<A: Arguments + ?Sized>(&self, spec: &Spec, args: &A) -> bool {
        let flags = KeyFlags::ACCESS.union(KeyFlags::UPDATE);
        spec.single_key() && self.permits_key(args, KeyRef { position: 1, flags })
    }

    fn reads_all_keys(&self) -> bool {
        self.all_keys || self.keys.iter().any(|known| known.reads && known.pattern == b"*")
    }

    fn permits_key<A: Arguments + ?Sized>(&self, args: &A, key: KeyRef) -> bool {
        let name = args.argument(key.position as usize).unwrap_or_default();
        let reads = key.flags.contains(KeyFlags::ACCESS);
        let writes =
            [KeyFlags::INSERT, KeyFlags::DELETE, KeyFlags::UPDATE].iter().any(|way| key.flags.contains(*way));
        self.keys.iter().any(|known| {
            (known.reads || !reads)
                && (known.writes || !writes)
                && glob::matches(&known.pattern, name, Case::Sensitive)
        })
    }

    /// A pattern is permitted only as it stands in the rules: what it matches cannot be told.
    fn permits_channel(&self, channel: &[u8], is_pattern: bool) -> bool {
        self.channels.iter().any(|known| {
            if is_pattern { known == channel } else { glob::matches(known, channel, Case::Sensitive) }
        })
    }

    /// Whether a channel, or a pattern of channels, may be listened to.
    pub(super) fn lets_listen(&self, channel: &[u8], is_pattern: bool) -> bool {
        self.all_channels || self.permits_channel(channel, is_pattern)
    }

    /// Whether every channel that `before` allowed is still allowed.
    pub(super) fn keeps_channels_of(&self, before: &Self) -> bool {
        self.all_channels
            || !before.all_channels && before.channels.iter().all(|channel| self.channels.contains(channel))
    }

    /// The keys, as `ACL LIST` shows them; empty for none.
    pub(super) fn keys_text(&self) -> Vec<u8> {
        if self.all_keys {
            return b"~*".to_vec();
        }
        let shown = self.keys.iter().map(|KeyPattern { pattern, reads, writes }| {
            let before: &[u8] = match (reads, writes) {
                (true, false) => b"%R~",
                (false, true) => b"%W~",
                _ => b"~",
            };
            [before, pattern].concat()
        });
        shown.collect::<Vec<_>>().join(&b' ')
    }

    /// The channels, as `ACL GETUSER` shows them; empty for none.
    pub(super) fn channels_text(&self) -> Vec<u8> {
        if self.all_channels {
            return b"&*".to_vec();
        }
        let shown = self.channels.iter().map(|pattern| [b"&", &pattern[..]].concat());
        shown.collect::<Vec<_>>().join(&b' ')
    }

    /// The commands, as `ACL LIST` shows them.
    pub(super) fn commands_text(&self) -> String {
        self.commands.text()
    }

    /// All of it, as `ACL LIST` shows it.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut text = self.keys_text();
        if !text.is_empty() {
            text.push(b' ');
        }
        if !self.all_channels {
            text.extend_from_slice(b"resetchannels ");
        }
        let channels = self.channels_text();
        if !channels.is_empty() {
            text.extend_from_slice(&channels);
            text.push(b' ');
        }
        text.extend_from_slice(self.commands_text().as_bytes());
        text
    }
}

/// The denial of a SORT that names a pattern of other keys to read.
fn sorts_by_others<A: Arguments + ?Sized>(spec: &Spec, args: &A) -> Option<Denial> {
    if !matches!(spec.name, "sort" | "sort_ro") {
        return None;
    }
    (3..args.count()).find_map(|at| {
        let (word, pattern) = (args.argument(at - 1)?, args.argument(at)?);
        match &word.to_ascii_lowercase()[..] {
            b"by" if pattern.contains(&b'*') => Some(Denial::SortBy(at)),
            b"get" => Some(Denial::SortGet(at)),
            _ => None,
        }
    })
}

fn check_pattern(pattern: &[u8], known: usize) -> Result<(), RuleFault> {
    let has_spaces = pattern.iter().any(|byte| byte.is_ascii_whitespace() || *byte == 0);
    if has_spaces || known >= PATTERNS_MAX { Err(RuleFault::Syntax) } else { Ok(()) }
}
