//! Commands of the connection itself: `PING`, `SELECT`, `WAIT`, `RESET`, `QUIT`.

use super::{Call, DATABASES, Outcome, ReplyMode, Session};
use crate::acl::Login;
use crate::resp::{Protocol, number};

/// Redis's answer to an argument that is no integer.
pub(super) const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";

/// `PING [message]`; a subscriber with RESP2 gets a message of the kind that it waits for.
pub(super) fn ping(call: &mut Call<'_, '_>) {
    let message = call.args.get(1);
    if call.args.len() > 2 {
        call.reply.error("ERR wrong number of arguments for 'ping' command");
    } else if call.session.is_subscriber() && call.session.protocol == Protocol::Resp2 {
        call.reply.array(2);
        call.reply.bulk(b"pong");
        call.reply.bulk(message.unwrap_or_default());
    } else if let Some(message) = message {
        call.reply.bulk(message);
    } else {
        call.reply.simple("PONG");
    }
}

/// `SELECT database`.
pub(super) fn select(call: &mut Call<'_, '_>) {
    let Some(index) = number::parse_integer(&call.args[1]) else {
        return call.reply.error(NOT_AN_INTEGER);
    };
    if i32::try_from(index).is_err() {
        return call.reply.error("ERR value is out of range, value must between -2147483648 and 2147483647");
    }
    match u8::try_from(index) {
        Ok(database) if database < DATABASES => {
            call.session.database = database;
            call.reply.ok();
        }
        _ => call.reply.error("ERR DB index is out of range"),
    }
}

/// `WAIT replicas timeout`: there is no replica that could be waited for.
pub(super) fn wait(call: &mut Call<'_, '_>) {
    let timeout = number::parse_integer(&call.args[2]);
    if number::parse_integer(&call.args[1]).is_none() {
        call.reply.error(NOT_AN_INTEGER);
    } else if timeout.is_none() {
        call.reply.error("ERR timeout is not an integer or out of range");
    } else if timeout < Some(0) {
        call.reply.error("ERR timeout is negative");
    } else {
        call.reply.int(0);
    }
}

/// `RESET`: as if the client had connected anew, except for what it told of its library.
pub(super) fn reset(call: &mut Call<'_, '_>) -> Outcome {
    let session = &mut *call.session;
    *session = Session {
        library_name: std::mem::take(&mut session.library_name),
        library_version: std::mem::take(&mut session.library_version),
        peer_address: std::mem::take(&mut session.peer_address),
        local_address: std::mem::take(&mut session.local_address),
        login: Login::first(call.context.accounts()),
        protocol: Protocol::Resp2,
        database: 0,
        name: String::new(),
        reply_mode: ReplyMode::On,
        no_evict: false,
        no_touch: false,
        subscriptions: [0; 3],
        tracking: None,
        queued_commands: None,
        parent: None,
        ..*session
    };
    call.reply.set_protocol(Protocol::Resp2);
    call.reply.simple("RESET");
    Outcome::Reset
}

/// `QUIT`.
pub(super) fn quit(call: &mut Call<'_, '_>) -> Outcome {
    call.reply.ok();
    Outcome::Close
}
