//! `CLIENT`: what a client tells of itself, and what it asks of the others.

mod kill;
mod line;
mod pause;
mod trace;
mod tracking;

pub use kill::{KillFilter, Kind};
pub use tracking::{Tracking, TrackingMode};

use super::connection::NOT_AN_INTEGER;
use super::{Call, Outcome, Refusal, ReplyMode, Session, hello};
use crate::resp::number;

const SYNTAX: &str = "ERR syntax error";

/// A subcommand of `CLIENT`.
pub(super) fn execute(subcommand: &str, call: &mut Call<'_, '_>) -> Outcome {
    match subcommand {
        "id" => call.reply.int(call.session.id.cast_signed()),
        "getname" => get_name(call),
        "setname" => hello::set_name(call),
        "setinfo" => set_info(call),
        "info" => info(call),
        "list" => list(call),
        "kill" => return kill::kill(call),
        "reply" => reply(call),
        "no-evict" => switch(call, |session| &mut session.no_evict),
        "no-touch" => switch(call, |session| &mut session.no_touch),
        "unblock" => unblock(call),
        "trace" => trace::trace(call),
        "tracking" => tracking::tracking(call),
        "trackinginfo" => tracking::info(call),
        "getredir" => tracking::redirection(call),
        "caching" => tracking::caching(call),
        "pause" => pause::pause(call),
        "unpause" => pause::unpause(call),
        _ => return Outcome::NotMine,
    }
    Outcome::Done
}

fn get_name(call: &mut Call<'_, '_>) {
    let name = call.session.name.as_bytes();
    call.reply.bulk_or_null((!name.is_empty()).then_some(name));
}

/// `CLIENT SETINFO LIB-NAME name`, `CLIENT SETINFO LIB-VER version`.
fn set_info(call: &mut Call<'_, '_>) {
    let option = &call.args[2];
    let session = &mut *call.session;
    let field = if option.eq_ignore_ascii_case(b"lib-name") {
        &mut session.library_name
    } else if option.eq_ignore_ascii_case(b"lib-ver") {
        &mut session.library_version
    } else {
        return Refusal::about("ERR Unrecognized option '", option, "'").answer(call.reply);
    };
    match hello::client_name(&call.args[3]) {
        Some(value) => {
            value.clone_into(field);
            call.reply.ok();
        }
        None => {
            let after = " cannot contain spaces, newlines or special characters.";
            Refusal::about("ERR ", option, after).answer(call.reply);
        }
    }
}

/// The session's line in `CLIENT LIST`, without the line's end.
pub(super) fn shown_line(session: &Session, now: std::time::Duration) -> String {
    let mut text = String::new();
    line::push(&mut text, session, now);
    text.truncate(text.trim_end().len());
    text
}

fn info(call: &mut Call<'_, '_>) {
    let mut text = String::new();
    line::push(&mut text, call.session, call.context.now());
    call.reply.verbatim("txt", text.as_bytes());
}

/// Which clients `CLIENT LIST` is to show.
enum Shown {
    All,
    Kind(Kind),
    Ids(Vec<u64>),
}

/// `CLIENT LIST [TYPE type] [ID id ...]`.
fn list(call: &mut Call<'_, '_>) {
    let shown = match shown(call) {
        Ok(shown) => shown,
        Err(refusal) => return refusal.answer(call.reply),
    };
    let now = call.context.now();
    let mut lines = Vec::new();
    let mut show = |session: &Session| {
        let mut text = String::new();
        line::push(&mut text, session, now);
        lines.push((session.id, session.kind(), text));
    };
    show(call.session);
    call.context.other_clients(call.session.id, &mut show);
    lines.sort_by_key(|(id, ..)| *id);
    let text: String = match shown {
        Shown::All => lines.into_iter().map(|(.., text)| text).collect(),
        Shown::Kind(wanted) => {
            lines.into_iter().filter(|(_, kind, _)| *kind == wanted).map(|(.., text)| text).collect()
        }
        Shown::Ids(ids) => {
            let found = ids.iter().filter_map(|id| lines.binary_search_by_key(id, |(id, ..)| *id).ok());
            found.map(|place| lines[place].2.as_str()).collect()
        }
    };
    call.reply.verbatim("txt", text.as_bytes());
}

fn shown(call: &Call<'_, '_>) -> Result<Shown, Refusal> {
    let Some(option) = call.args.get(2) else { return Ok(Shown::All) };
    if option.eq_ignore_ascii_case(b"type") && call.args.len() == 4 {
        return Kind::named(&call.args[3]).map(Shown::Kind);
    }
    if option.eq_ignore_ascii_case(b"id") && call.args.len() > 3 {
        let ids = call.args.from(3).iter().map(|id| number::parse_integer(id).map(i64::cast_unsigned));
        return ids.collect::<Option<_>>().map(Shown::Ids).ok_or_else(|| "ERR Invalid client ID".into());
    }
    Err(SYNTAX.into())
}

/// `CLIENT REPLY ON|OFF|SKIP`; only ON is answered.
fn reply(call: &mut Call<'_, '_>) {
    let mode = &call.args[2];
    if mode.eq_ignore_ascii_case(b"on") {
        call.session.reply_mode = ReplyMode::On;
        call.reply.ok();
    } else if mode.eq_ignore_ascii_case(b"off") {
        call.session.reply_mode = ReplyMode::Off;
    } else if mode.eq_ignore_ascii_case(b"skip") {
        if call.session.reply_mode != ReplyMode::Off {
            call.session.reply_mode = ReplyMode::SkipNext;
        }
    } else {
        call.reply.error(SYNTAX);
    }
}

/// An argument ON or OFF for a field of the session.
fn switch(call: &mut Call<'_, '_>, field: impl FnOnce(&mut Session) -> &mut bool) {
    let word = &call.args[2];
    let on = word.eq_ignore_ascii_case(b"on");
    if on || word.eq_ignore_ascii_case(b"off") {
        *field(call.session) = on;
        call.reply.ok();
    } else {
        call.reply.error(SYNTAX);
    }
}

/// `CLIENT UNBLOCK id [TIMEOUT|ERROR]`.
fn unblock(call: &mut Call<'_, '_>) {
    let with_error = match call.args.get(3) {
        None => false,
        Some(reason) if reason.eq_ignore_ascii_case(b"timeout") => false,
        Some(reason) if reason.eq_ignore_ascii_case(b"error") => true,
        Some(_) => return call.reply.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"),
    };
    match number::parse_integer(&call.args[2]) {
        None => call.reply.error(NOT_AN_INTEGER),
        Some(id) => {
            let unblocked = call.context.unblock_client(id.cast_unsigned(), with_error);
            call.reply.int(i64::from(unblocked));
        }
    }
}
