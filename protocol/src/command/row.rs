//! The words in which the rows are written: `command("get", 2).flags("readonly fast").keys(&[at(1, "RO access")])`.
//!
//! A row is a constant. [`Row::finish`] derives what Redis derives: ACL categories that follow from flags, and
//! first, last and step that follow from the key specs.

use super::{
    CommandId, Docs, Spec,
    bits::{Categories, Flags},
    key::{KeySpec, legacy},
    policy::{Group, Replay, Source, Split},
};

/// A command with its subcommands, as written in the rows.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) spec: Spec,
    pub(super) children: &'static [Row],
}

/// Begins a row: a command of Redis 7.0 that goes to the slot of its keys and changes nothing.
/// `arity` counts the name; negative is "at least".
pub(super) const fn command(name: &'static str, arity: i16) -> Row {
    let spec = Spec {
        id: CommandId(0),
        name,
        arity,
        later_arguments: 0,
        flags: Flags::NONE,
        categories: Categories::NONE,
        tips: &[],
        keys: &[],
        first_key: 0,
        last_key: 0,
        step: 0,
        group: Group::Generic,
        split: Split::Slot,
        replay: Replay::ReadOnly,
        source: Source::Redis70,
        docs: Docs::NONE,
        single_key: false,
        children: (0, 0),
    };
    Row { spec, children: &[] }
}

/// A subcommand's row; `name` is the full one, `client|setname`.
pub(super) const fn subcommand(name: &'static str, arity: i16) -> Row {
    command(name, arity)
}

impl Row {
    pub(super) const fn flags(mut self, words: &str) -> Self {
        self.spec.flags = Flags::named(words);
        self
    }

    /// The categories that do not follow from the flags.
    pub(super) const fn categories(mut self, words: &str) -> Self {
        self.spec.categories = Categories::named(words);
        self
    }

    pub(super) const fn tips(mut self, tips: &'static [&'static str]) -> Self {
        self.spec.tips = tips;
        self
    }

    pub(super) const fn keys(mut self, keys: &'static [KeySpec]) -> Self {
        self.spec.keys = keys;
        self
    }

    pub(super) const fn split(mut self, split: Split) -> Self {
        self.spec.split = split;
        self
    }

    pub(super) const fn replay(mut self, replay: Replay) -> Self {
        self.spec.replay = replay;
        self
    }

    pub(super) const fn source(mut self, source: Source) -> Self {
        self.spec.source = source;
        self
    }

    /// How many arguments more a later release allows.
    pub(super) const fn later_arguments(mut self, count: u8) -> Self {
        self.spec.later_arguments = count;
        self
    }

    /// First version, complexity (empty if Redis says none) and summary.
    pub(super) const fn about(
        mut self,
        since: &'static str,
        complexity: &'static str,
        summary: &'static str,
    ) -> Self {
        self.spec.docs.since = since;
        self.spec.docs.complexity = complexity;
        self.spec.docs.summary = summary;
        self
    }

    /// The arguments in the notation of `introspect::arguments`.
    pub(super) const fn arguments(mut self, arguments: &'static str) -> Self {
        self.spec.docs.arguments = arguments;
        self
    }

    /// Pairs of version and change.
    pub(super) const fn history(mut self, history: &'static [(&'static str, &'static str)]) -> Self {
        self.spec.docs.history = history;
        self
    }

    pub(super) const fn deprecated(mut self, since: &'static str, replaced_by: &'static str) -> Self {
        self.spec.docs.deprecated = Some((since, replaced_by));
        self
    }

    /// Redis calls it internal.
    pub(super) const fn internal(mut self) -> Self {
        self.spec.docs.internal = true;
        self
    }

    pub(super) const fn subcommands(mut self, children: &'static [Row]) -> Self {
        self.children = children;
        self
    }

    /// The finished spec: `id`, `group` and the range of the subcommands' ids filled in, derived fields derived.
    pub(super) const fn finish(&self, id: u16, group: Group, children: (u16, u16)) -> Spec {
        let mut spec = self.spec;
        let legacy = legacy(spec.keys);
        spec.id = CommandId(id);
        spec.group = group;
        spec.children = children;
        spec.flags = spec.flags.union(legacy.movable);
        spec.categories = spec.categories.union(implied(spec.flags, spec.categories));
        spec.first_key = legacy.first;
        spec.last_key = legacy.last;
        spec.step = legacy.step;
        spec.single_key = spec.keys.len() == 1 && spec.keys[0].is_argument_one();
        // What takes more than one node's word is not sent on as it came.
        spec.single_key &= !matches!(spec.split, Split::Conversation);
        spec
    }
}

/// The categories that follow from flags, by Redis's rule.
const fn implied(flags: Flags, given: Categories) -> Categories {
    let mut all = if flags.contains(Flags::FAST) { Categories::FAST } else { Categories::SLOW };
    if flags.contains(Flags::WRITE) {
        all = all.union(Categories::WRITE);
    }
    if flags.contains(Flags::READONLY) && !given.contains(Categories::SCRIPTING) {
        all = all.union(Categories::READ);
    }
    if flags.contains(Flags::ADMIN) {
        all = all.union(Categories::ADMIN).union(Categories::DANGEROUS);
    }
    if flags.contains(Flags::PUBSUB) {
        all = all.union(Categories::PUBSUB);
    }
    if flags.contains(Flags::BLOCKING) {
        all = all.union(Categories::BLOCKING);
    }
    all
}
