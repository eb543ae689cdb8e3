//! The commands that a selector allows, and the rules that said so.

use crate::command::{self, Arguments, Categories, Flags, Spec};

use super::rules::RuleFault;

/// Words of 64 bits that hold one bit a command.
const WORDS: usize = command::COUNT.div_ceil(64);

/// Allowed commands and subcommands.
#[derive(Clone, Debug, Default)]
pub(super) struct Commands {
    /// All, also those that a later release will have.
    are_all: bool,
    /// Whether the rules began with all of them.
    from_all: bool,
    bits: [u64; WORDS],
    /// Commands that are allowed with this first argument only.
    with_first: Vec<(&'static str, Vec<u8>)>,
    /// The rules since all were allowed or forbidden, as they are shown.
    shown: Vec<String>,
}

impl Commands {
    /// Allows all commands, or none.
    pub(super) fn reset(&mut self, allows: bool) {
        *self = Self { are_all: allows, from_all: allows, ..Self::default() };
        self.bits = [if allows { u64::MAX } else { 0 }; WORDS];
    }

    /// Whether all are allowed.
    pub(super) fn are_all(&self) -> bool {
        self.are_all
    }

    /// Takes a rule: `+get`, `-get`, `+config|get`, `+select|0`, `+@read`, `-@all`.
    pub(super) fn rule(&mut self, rule: &str) -> Result<(), RuleFault> {
        let (sign, what) = rule.split_at(1);
        let allows = sign == "+";
        match what.strip_prefix('@') {
            Some(category) if category.eq_ignore_ascii_case("all") => self.reset(allows),
            Some(category) => self.category(category, what, allows)?,
            None => self.command(what, allows)?,
        }
        Ok(())
    }

    fn category(&mut self, name: &str, rule: &str, allows: bool) -> Result<(), RuleFault> {
        let category = Categories::by_name(name.as_bytes()).ok_or(RuleFault::Unknown)?;
        command::all().iter().filter(|spec| spec.categories.contains(category)).for_each(|spec| {
            self.set(spec, allows);
        });
        self.show(rule, allows);
        Ok(())
    }

    fn command(&mut self, name: &str, allows: bool) -> Result<(), RuleFault> {
        let known = command::lookup_full(name.as_bytes());
        match (known, name.rsplit_once('|')) {
            (Some(spec), _) => self.set_with_subcommands(spec, allows),
            (None, Some((of, first))) if allows => self.allow_first(of, first)?,
            _ => return Err(RuleFault::Unknown),
        }
        self.show(name, allows);
        Ok(())
    }

    fn allow_first(&mut self, name: &str, first: &str) -> Result<(), RuleFault> {
        let spec = command::lookup_full(name.as_bytes()).ok_or(RuleFault::Unknown)?;
        if name.contains('|') {
            return Err(RuleFault::FirstOfSubcommand);
        }
        match (first.is_empty(), spec.is_container()) {
            (true, _) => Err(RuleFault::Syntax),
            (_, true) => Err(RuleFault::Unknown),
            _ => {
                self.with_first.push((spec.name, first.as_bytes().to_vec()));
                Ok(())
            }
        }
    }

    fn set_with_subcommands(&mut self, spec: &'static Spec, allows: bool) {
        self.set(spec, allows);
        spec.subcommands().iter().for_each(|sub| self.set(sub, allows));
    }

    fn set(&mut self, spec: &Spec, allows: bool) {
        let (word, bit) = place(spec);
        if allows {
            self.bits[word] |= bit;
        } else {
            self.bits[word] &= !bit;
            self.are_all = false;
        }
        self.with_first.retain(|(name, _)| *name != spec.name);
    }

    /// Notes a rule to be shown; it replaces those that it makes void.
    fn show(&mut self, what: &str, allows: bool) {
        let what = what.to_ascii_lowercase();
        let within = format!("{what}|");
        self.shown.retain(|rule| rule[1..] != what && !rule[1..].starts_with(&within));
        self.shown.push(format!("{}{what}", if allows { '+' } else { '-' }));
    }

    /// Whether the command is allowed.
    pub(super) fn allow<A: Arguments + ?Sized>(&self, spec: &Spec, args: &A) -> bool {
        if self.are_all || spec.flags.contains(Flags::NO_AUTH) {
            return true;
        }
        let (word, bit) = place(spec);
        self.bits[word] & bit != 0
            || args.argument(1).is_some_and(|first| {
                self.with_first
                    .iter()
                    .any(|(name, allowed)| *name == spec.name && allowed.eq_ignore_ascii_case(first))
            })
    }

    /// The rules, as `ACL LIST` shows them.
    pub(super) fn text(&self) -> String {
        let mut text = if self.from_all { "+@all" } else { "-@all" }.to_owned();
        for rule in &self.shown {
            text.push(' ');
            text.push_str(rule);
        }
        text
    }
}

/// The word and the bit of a command.
fn place(spec: &Spec) -> (usize, u64) {
    (spec.id.index() / 64, 1 << (spec.id.index() % 64))
}
