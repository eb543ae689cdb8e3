//! `ACL LOG`: what was refused to whom.

use crate::acl::{Context, LOG_ENTRIES_MAX, LogEntry, Reason};
use crate::resp::number;
use crate::session::connection::NOT_AN_INTEGER;
use crate::session::{Call, client};

/// Entries that are shown where none are asked for.
const SHOWN: usize = 10;

/// `ACL LOG [count|RESET]`.
pub(super) fn log(call: &mut Call<'_, '_>) {
    let count = match call.args.get(2) {
        _ if call.args.len() > 3 => return call.wrong_arguments("ACL"),
        None => SHOWN,
        Some(word) if word.eq_ignore_ascii_case(b"reset") => {
            call.context.accounts().forget();
            return call.reply.ok();
        }
        Some(count) => match number::parse_integer(count) {
            Some(count) => usize::try_from(count).unwrap_or(0).min(LOG_ENTRIES_MAX),
            None => return call.reply.error(NOT_AN_INTEGER),
        },
    };
    let (entries, now) = (call.context.accounts().newest(count), call.context.now());
    call.reply.array(entries.len());
    for entry in &entries {
        let reply = &mut call.reply;
        reply.map(7);
        reply.bulk(b"count");
        reply.int(entry.count.cast_signed());
        let texts: [(&str, &[u8]); 4] = [
            ("reason", entry.reason.name().as_bytes()),
            ("context", entry.context.name().as_bytes()),
            ("object", &entry.object),
            ("username", &entry.user),
        ];
        for (name, text) in texts {
            reply.bulk(name.as_bytes());
            reply.bulk(text);
        }
        reply.bulk(b"age-seconds");
        reply.double(now.saturating_sub(entry.at).as_secs_f64());
        reply.bulk(b"client-info");
        reply.bulk(entry.client.as_bytes());
    }
}

/// Notes that nobody got in as `user`.
pub(in crate::session) fn note_failed_login(call: &Call<'_, '_>, user: &[u8]) {
    let at = call.context.now();
    call.context.accounts().note(LogEntry {
        count: 1,
        reason: Reason::Auth,
        context: Context::TopLevel,
        object: b"AUTH".to_vec(),
        user: user.to_vec(),
        at,
        client: client::shown_line(call.session, at),
    });
}
