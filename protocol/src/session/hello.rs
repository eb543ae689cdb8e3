//! `HELLO` and `AUTH`: how a client says what it speaks and who it is.

use super::{Call, Outcome, REDIS_VERSION, Refusal, Session, acl};
use crate::acl::DEFAULT_USER;
use crate::resp::{Protocol, number};

/// The answer to a user that does not exist.
const WRONG_PASSWORD: &str = "WRONGPASS invalid username-password pair or user is disabled.";

/// The answer to a password where none is set.
const NO_PASSWORD_SET: &str = "ERR AUTH <password> called without any password configured for the default user. \
     Are you sure your configuration is correct?";

/// The answer to a name that would break the lines of `CLIENT LIST`.
const WRONG_NAME: &str = "ERR Client names cannot contain spaces, newlines or special characters.";

/// The answer to a greeting before who greets has said who it is.
const HELLO_WITHOUT_AUTH: &str = "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
     HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at \
     the same time";

/// Wrong passwords in a row after which a client is closed: who tries more has to connect anew, which can be bounded.
const FAILED_LOGINS_MAX: u32 = 10;

/// Whether a client has tried too many passwords.
pub(super) fn outcome(session: &Session) -> Outcome {
    if session.failed_logins >= FAILED_LOGINS_MAX { Outcome::Close } else { Outcome::Done }
}

/// What the options of `HELLO` ask for.
#[derive(Default)]
struct Wishes<'a> {
    /// Name and password.
    login: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a str>,
}

/// `HELLO [2|3 [AUTH user password] [SETNAME name]]`.
pub(super) fn hello(call: &mut Call<'_, '_>) {
    match wishes(call) {
        Err(refusal) => refusal.answer(call.reply),
        Ok((protocol, wishes)) => {
            if wishes.login.is_some_and(|(user, password)| !log_in(call, user, password)) {
                return call.reply.error(WRONG_PASSWORD);
            }
            if !call.session.login.is_authenticated() {
                return call.reply.error(HELLO_WITHOUT_AUTH);
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
            wishes.login = call.args.get(at + 1).zip(call.args.get(at + 2));
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
    let args = call.args;
    let (user, password) = match args.len() {
        2 if call.context.accounts().default_user().needs_no_password() => {
            return call.reply.error(NO_PASSWORD_SET);
        }
        2 => (DEFAULT_USER, &args[1]),
        3 => (&args[1], &args[2]),
        _ => return call.reply.error("ERR syntax error"),
    };
    if log_in(call, user, password) { call.reply.ok() } else { call.reply.error(WRONG_PASSWORD) }
}

/// Whether the password lets the session be that user; then it is.
fn log_in(call: &mut Call<'_, '_>, user: &[u8], password: &[u8]) -> bool {
    match call.context.accounts().authenticate(user, password) {
        Some(user) => {
            call.session.login.becomes(user);
            call.session.failed_logins = 0;
            true
        }
        None => {
            call.session.failed_logins += 1;
            acl::note_failed_login(call, user);
            false
        }
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
