//! The rows of `COMMAND` and `COMMAND INFO`.

use crate::{
    command::{Begin, Find, KeySpec, Spec},
    resp::reply::Reply,
};

pub(super) fn command_or_null(spec: Option<&Spec>, reply: &mut Reply<'_>) {
    match spec {
        Some(spec) => command(spec, reply),
        None => reply.null(),
    }
}

/// One command: ten fields, the last of them its subcommands in the same form.
pub(super) fn command(spec: &Spec, reply: &mut Reply<'_>) {
    reply.array(10);
    reply.bulk(spec.name.as_bytes());
    reply.int(spec.arity.into());
    names(spec.flags.len(), spec.flags.names(), reply);
    reply.int(spec.first_key.into());
    reply.int(spec.last_key.into());
    reply.int(spec.step.into());
    categories(spec, reply);
    reply.set(spec.tips.len());
    spec.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(spec.keys.len());
    spec.keys.iter().for_each(|keys| key_spec(keys, reply));
    if !spec.is_container() {
        return reply.set(0);
    }
    reply.array(spec.subcommands().len());
    spec.subcommands().iter().for_each(|sub| command(sub, reply));
}

/// A set of `count` names.
pub(super) fn names<'a>(count: usize, names: impl Iterator<Item = &'a str>, reply: &mut Reply<'_>) {
    reply.set(count);
    names.for_each(|name| reply.simple(name));
}

fn categories(spec: &Spec, reply: &mut Reply<'_>) {
    reply.set(spec.categories.len());
    for name in spec.categories.names() {
        reply.raw(b"+@");
        reply.raw(name.as_bytes());
        reply.raw(b"\r\n");
    }
}

fn key_spec(keys: &KeySpec, reply: &mut Reply<'_>) {
    reply.map(3 + usize::from(!keys.notes.is_empty()));
    if !keys.notes.is_empty() {
        reply.bulk(b"notes");
        reply.bulk(keys.notes.as_bytes());
    }
    reply.bulk(b"flags");
    names(keys.flags.len(), keys.flags.names(), reply);
    reply.bulk(b"begin_search");
    begin(keys.begin, reply);
    reply.bulk(b"find_keys");
    find(keys.find, reply);
}

fn begin(begin: Begin, reply: &mut Reply<'_>) {
    match begin {
        Begin::Index(index) => typed("index", &[("index", index)], reply),
        Begin::Keyword { word, from } => {
            typed_header("keyword", 2, reply);
            reply.bulk(b"keyword");
            reply.bulk(word.as_bytes());
            reply.bulk(b"startfrom");
            reply.int(from.into());
        }
        Begin::Unknown => typed("unknown", &[], reply),
    }
}

fn find(find: Find, reply: &mut Reply<'_>) {
    match find {
        Find::Range { last, step, limit } => {
            typed("range", &[("lastkey", last), ("keystep", step), ("limit", limit)], reply);
        }
        Find::Keynum { number, first, step } => {
            typed("keynum", &[("keynumidx", number), ("firstkey", first), ("keystep", step)], reply);
        }
        Find::Unknown => typed("unknown", &[], reply),
    }
}

fn typed(kind: &str, fields: &[(&str, i16)], reply: &mut Reply<'_>) {
    typed_header(kind, fields.len(), reply);
    for (name, value) in fields {
        reply.bulk(name.as_bytes());
        reply.int((*value).into());
    }
}

/// Type, and the header of the `spec` that follows.
fn typed_header(kind: &str, fields: usize, reply: &mut Reply<'_>) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(fields);
}
