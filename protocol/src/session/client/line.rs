//! The line of one client in `CLIENT LIST`, with the fields of Redis 7.2 in their order.
//!
//! Fields of things that do not exist here (file descriptor, Redis's allocator) are there with a zero, because
//! clients parse the line by its fields.

use std::fmt::Write;
use std::time::Duration;

use crate::resp::Protocol;
use crate::session::Session;

/// Appends the line of `session` as of `now` (since the Unix epoch), LF included.
pub(super) fn push(text: &mut String, session: &Session, now: Duration) {
    let seconds_since = |then: Duration| now.saturating_sub(then).as_secs();
    let (age, idle) = (seconds_since(session.connected_at), seconds_since(session.active_at));
    let [channels, patterns, shard_channels] = session.subscriptions;
    let Session { id, peer_address, local_address, name, database, buffers, .. } = session;
    let Session { library_name, library_version, .. } = session;
    let queued = session.queued_commands.map_or(-1, i64::from);
    let command = if session.last_command.is_empty() { "NULL" } else { session.last_command };
    let (query, free, output) = (buffers.query_bytes, buffers.query_free_bytes, buffers.output_bytes);
    let total = query + free + output + size_of::<Session>();
    let protocol = if session.protocol == Protocol::Resp3 { 3 } else { 2 };
    let mut flags = String::new();
    push_flags(&mut flags, session);
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "id={id} addr={peer_address} laddr={local_address} fd=0 name={name} age={age} idle={idle} flags={flags} \
         db={database} sub={channels} psub={patterns} ssub={shard_channels} multi={queued} qbuf={query} \
         qbuf-free={free} argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl={output} oll=0 omem={output} tot-mem={total} \
         events=r cmd={command} user=default redir=-1 resp={protocol} lib-name={library_name} \
         lib-ver={library_version}"
    );
}

fn push_flags(flags: &mut String, session: &Session) {
    let subscribed = session.subscriptions != [0; 3];
    let all = [
        (subscribed, 'P'),
        (session.queued_commands.is_some(), 'x'),
        (session.no_evict, 'e'),
        (session.no_touch, 'T'),
    ];
    flags.extend(all.into_iter().filter_map(|(set, letter)| set.then_some(letter)));
    if flags.is_empty() {
        flags.push('N');
    }
}
