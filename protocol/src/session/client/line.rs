//! The line of one client in `CLIENT LIST`, with the fields of Redis 7.2 in their order.
//!
//! Fields of things that do not exist here (file descriptor, Redis's allocator) are there with a zero, because
//! clients parse the line by its fields.

use std::fmt::Write;
use std::time::Duration;

use crate::resp::Protocol;
use crate::session::{Session, TrackingMode};

/// Appends the line of `session` as of `now` (since the Unix epoch), LF included.
pub(super) fn push(text: &mut String, session: &Session, now: Duration) {
    let seconds_since = |then: Duration| now.saturating_sub(then).as_secs();
    let (age, idle) = (seconds_since(session.connected_at), seconds_since(session.active_at));
    let [channels, patterns, shard_channels] = session.subscriptions;
    let Session { id, peer_address, local_address, name, database, buffers, .. } = session;
    let Session { library_name, library_version, file_descriptor, watched_keys, .. } = session;
    let queued = session.queued_commands.map_or(-1, i64::from);
    let command = if session.last_command.is_empty() { "NULL" } else { session.last_command };
    let (query, free, output) = (buffers.query_bytes, buffers.query_free_bytes, buffers.output_bytes);
    let (arguments, queued_bytes, mail) =
        (buffers.argument_bytes, buffers.transaction_bytes, buffers.mail_bytes);
    let (capacity, lists) = (buffers.output_capacity, u8::from(mail > 0));
    let total = query + free + capacity.max(output) + queued_bytes + mail + size_of::<Session>();
    let events = if output > 0 { "rw" } else { "r" };
    let protocol = if session.protocol == Protocol::Resp3 { 3 } else { 2 };
    let (redirection, user) = (session.redirection(), String::from_utf8_lossy(session.login.user().name()));
    let mut flags = String::new();
    push_flags(&mut flags, session);
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "id={id} addr={peer_address} laddr={local_address} fd={file_descriptor} name={name} age={age} idle={idle} \
         flags={flags} db={database} sub={channels} psub={patterns} ssub={shard_channels} multi={queued} \
         watch={watched_keys} qbuf={query} qbuf-free={free} argv-mem={arguments} multi-mem={queued_bytes} \
         rbs={capacity} rbp={capacity} obl={output} oll={lists} omem={mail} tot-mem={total} events={events} \
         cmd={command} user={user} redir={redirection} resp={protocol} lib-name={library_name} \
         lib-ver={library_version}"
    );
}

fn push_flags(flags: &mut String, session: &Session) {
    let subscribed = session.is_subscriber();
    let mode = session.tracking.as_ref().map(|tracking| &tracking.mode);
    let all = [
        (session.monitors, 'O'),
        (subscribed, 'P'),
        (session.queued_commands.is_some(), 'x'),
        (session.is_blocked, 'b'),
        (mode.is_some(), 't'),
        (matches!(mode, Some(TrackingMode::Broadcast(_))), 'B'),
        (session.no_evict, 'e'),
        (session.no_touch, 'T'),
    ];
    flags.extend(all.into_iter().filter_map(|(set, letter)| set.then_some(letter)));
    if flags.is_empty() {
        flags.push('N');
    }
}
