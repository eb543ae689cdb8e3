//! `HELLO` and `AUTH`: how a client says what it speaks and who it is.
//!
//! No password is configured in this release: the one user `default` is let in with any.

use super::{Call, REDIS_VERSION, Refusal};
use crate::resp::{Protocol, number};

/// The answer to a user that does not exist.
const WRONG_PASSWORD: &str = "WRONGPASS invalid username-password pair or user is disabled.";

/// The answer to a password where none is set.
const NO_PASSWORD_SET: &str = "ERR AUTH <password> called without any password configured for the default user. \
     Are you sure your configuration is correct?";

/// The answer to a name that would break the lines of `CLIENT LIST`.
const WRONG_NAME: &str = "ERR Client names cannot contain spaces, newlines or special characters.";

/// What the options of `HELLO` ask for.
#[derive(Default)]
struct Wishes<'a> {
    user: Option<&'a [u8]>,
    name: Option<&'a str>,
}

/// `HELLO [2|3 [AUTH user password] [SETNAME name]]`.
pub(super) fn hello(call: &mut Call<'_, '_>) {
    match wishes(call) {
        Err(refusal) => refusal.answer(call.reply),
        Ok((protocol, wishes)) => {
            if wishes.user.is_some_and(|user| user != b"default") {
                return call.reply.error(WRONG_PASSWORD);
            }
            if let Some(name) = wishes.name {
                name.clone_into(&mut call.session.name);
            }
            call.session.protocol = protocol;
            call.reply.set_protocol(protocol);
            greet(call);
        }
    }
}

fn wishes<'a>(call: &Call<'a, '_>) -> Result<(Protocol, Wishes<'a>), Refusal> {
    let protocol = match call.args.get(1).map(number::parse_integer) {
        None => call.session.protocol,
        Some(Some(2)) => Protocol::Resp2,
        Some(Some(3)) => Protocol::Resp3,
        Some(Some(_)) => return Err("NOPROTO unsupported protocol version".into()),
        Some(None) => return Err("ERR Protocol version is not an integer or out of range".into()),
    };
    let (mut wishes, mut at) = (Wishes::default(), 2);
    while let Some(option) = call.args.get(at) {
        if option.eq_ignore_ascii_case(b"auth") && call.args.len() > at + 2 {
            wishes.user = call.args.get(at + 1);
            at += 3;
        } else if let (true, Some(name)) = (option.eq_ignore_ascii_case(b"setname"), call.args.get(at + 1)) {
            wishes.name = Some(client_name(name).ok_or(WRONG_NAME)?);
            at += 2;
        } else {
            return Err(Refusal::about("ERR Syntax error in HELLO option '", option, "'"));
        }
    }
    Ok((protocol, wishes))
}

fn greet(call: &mut Call<'_, '_>) {
    let proto = if call.session.protocol == Protocol::Resp3 { 3 } else { 2 };
    let reply = &mut call.reply;
    reply.map(7);
    for (name, value) in [("server", "redis"), ("version", REDIS_VERSION)] {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"proto");
    reply.int(proto);
    reply.bulk(b"id");
    reply.int(call.session.id.cast_signed());
    for (name, value) in [("mode", "standalone"), ("role", "master")] {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"modules");
    reply.array(0);
}

/// `AUTH password`, `AUTH user password`.
pub(super) fn auth(call: &mut Call<'_, '_>) {
    match call.args.len() {
        2 => call.reply.error(NO_PASSWORD_SET),
        3 if call.args[1] == *b"default" => call.reply.ok(),
        3 => call.reply.error(WRONG_PASSWORD),
        _ => call.reply.error("ERR syntax error"),
    }
}

/// `CLIENT SETNAME name`; an empty name takes the name away.
pub(super) fn set_name(call: &mut Call<'_, '_>) {
    match client_name(&call.args[2]) {
        None => call.reply.error(WRONG_NAME),
        Some(name) => {
            name.clone_into(&mut call.session.name);
            call.reply.ok();
        }
    }
}

/// `bytes` as a name, if it is printable ASCII without spaces.
pub(super) fn client_name(bytes: &[u8]) -> Option<&str> {
    let fine = bytes.iter().all(u8::is_ascii_graphic);
    if fine { std::str::from_utf8(bytes).ok() } else { None }
}
