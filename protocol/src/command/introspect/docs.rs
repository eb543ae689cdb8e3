//! The documents of `COMMAND DOCS`.

use super::{
    arguments::{Argument, parse},
    info::names,
};
use crate::{command::Spec, resp::reply::Reply};

/// A map from full names to documents.
pub(super) fn map<'a>(specs: impl Iterator<Item = &'a Spec> + Clone, reply: &mut Reply<'_>) {
    reply.map(specs.clone().count());
    for spec in specs {
        reply.bulk(spec.name.as_bytes());
        document(spec, reply);
    }
}

fn document(spec: &Spec, reply: &mut Reply<'_>) {
    let docs = &spec.docs;
    reply.map(fields(spec));
    field("summary", docs.summary, reply);
    field("since", docs.since, reply);
    field("group", spec.group.name(), reply);
    field("complexity", docs.complexity, reply);
    if docs.internal || docs.deprecated.is_some() {
        reply.bulk(b"doc_flags");
        let flags = [("deprecated", docs.deprecated.is_some()), ("syscmd", docs.internal)];
        let set = flags.iter().filter(|(_, set)| *set).map(|(name, _)| *name);
        names(set.clone().count(), set, reply);
    }
    if let Some((since, replaced_by)) = docs.deprecated {
        field("deprecated_since", since, reply);
        field("replaced_by", replaced_by, reply);
    }
    if !docs.history.is_empty() {
        reply.bulk(b"history");
        history(docs.history, reply);
    }
    if !docs.arguments.is_empty() {
        reply.bulk(b"arguments");
        arguments(&parse(docs.arguments), reply);
    }
    if spec.is_container() {
        reply.bulk(b"subcommands");
        map(spec.subcommands().iter(), reply);
    }
}

/// Number of fields of the document.
fn fields(spec: &Spec) -> usize {
    let docs = &spec.docs;
    let deprecated = docs.deprecated.is_some();
    3 + usize::from(!docs.complexity.is_empty())
        + usize::from(docs.internal || deprecated)
        + 2 * usize::from(deprecated)
        + usize::from(!docs.history.is_empty())
        + usize::from(!docs.arguments.is_empty())
        + usize::from(spec.is_container())
}

/// Nothing if `value` is empty.
fn field(name: &str, value: &str, reply: &mut Reply<'_>) {
    if !value.is_empty() {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
}

fn history(changes: &[(&str, &str)], reply: &mut Reply<'_>) {
    reply.set(changes.len());
    for (version, change) in changes {
        reply.array(2);
        reply.bulk(version.as_bytes());
        reply.bulk(change.as_bytes());
    }
}

fn arguments(arguments: &[Argument<'_>], reply: &mut Reply<'_>) {
    reply.array(arguments.len());
    arguments.iter().for_each(|one| argument(one, reply));
}

fn argument(argument: &Argument<'_>, reply: &mut Reply<'_>) {
    let flags = argument.flags();
    reply.map(argument.fields());
    field("name", argument.name, reply);
    field("type", argument.kind, reply);
    if let Some(index) = argument.key_spec {
        reply.bulk(b"key_spec_index");
        reply.int(index);
    }
    if let Some(token) = argument.token {
        // The token of an argument may be empty.
        reply.bulk(b"token");
        reply.bulk(token.as_bytes());
    }
    field("since", argument.since, reply);
    field("deprecated_since", argument.deprecated, reply);
    if flags.clone().next().is_some() {
        reply.bulk(b"flags");
        names(flags.clone().count(), flags, reply);
    }
    if argument.nests() {
        reply.bulk(b"arguments");
        arguments(&argument.children, reply);
    }
}
