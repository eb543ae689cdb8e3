//! `ACL`, as a Redis whose one user is `default` with all rights and no password.

use super::connection::NOT_AN_INTEGER;
use super::{Call, Outcome, Refusal};
use crate::command::{self, Categories};
use crate::resp::number;

const NO_ACL_FILE: &str = "ERR This Redis instance is not configured to use an ACL file. You may want to specify \
users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) \
in order to store users in the Redis configuration.";

/// A subcommand of `ACL`.
pub(super) fn execute(subcommand: &str, call: &mut Call<'_, '_>) -> Outcome {
    match subcommand {
        "whoami" => call.reply.bulk(b"default"),
        "users" => bulks(call, &["default"]),
        "list" => bulks(call, &["user default on nopass ~* &* +@all"]),
        "getuser" => get_user(call),
        "cat" => categories(call),
        "genpass" => generate_password(call),
        "dryrun" => dry_run(call),
        "deluser" => delete_user(call),
        "log" => log(call),
        "load" | "save" => call.reply.error(NO_ACL_FILE),
        "setuser" => call.reply.error("ERR ACL SETUSER is not supported"),
        _ => return Outcome::NotMine,
    }
    Outcome::Done
}

fn bulks(call: &mut Call<'_, '_>, texts: &[&str]) {
    call.reply.array(texts.len());
    texts.iter().for_each(|text| call.reply.bulk(text.as_bytes()));
}

fn get_user(call: &mut Call<'_, '_>) {
    if call.args[2] != *b"default" {
        return call.reply.null();
    }
    let reply = &mut call.reply;
    reply.map(6);
    reply.bulk(b"flags");
    reply.set(2);
    reply.bulk(b"on");
    reply.bulk(b"nopass");
    reply.bulk(b"passwords");
    reply.array(0);
    for (name, value) in [("commands", "+@all"), ("keys", "~*"), ("channels", "&*")] {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"selectors");
    reply.array(0);
}

/// `ACL CAT [category]`: the categories, or the commands of one.
fn categories(call: &mut Call<'_, '_>) {
    let Some(name) = call.args.get(2) else {
        return bulks(call, Categories::NAMES);
    };
    if call.args.len() > 3 {
        return call.wrong_arguments("ACL");
    }
    let Some(category) = Categories::by_name(name) else {
        return Refusal::about("ERR Unknown category '", name, "'").answer(call.reply);
    };
    let names: Vec<&str> = command::all()
        .iter()
        .filter(|spec| spec.categories.contains(category))
        .map(|spec| spec.name)
        .collect();
    bulks(call, &names);
}

/// `ACL GENPASS [bits]`: hexadecimal digits, four bits each.
fn generate_password(call: &mut Call<'_, '_>) {
    if call.args.len() > 3 {
        return call.wrong_arguments("ACL");
    }
    let bits = match call.args.get(2).map(number::parse_integer) {
        None => 256,
        Some(Some(bits @ 1..=4096)) => bits,
        Some(None) => return call.reply.error(NOT_AN_INTEGER),
        Some(Some(_)) => {
            return call.reply.error(
                "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number \
                 up to 4096",
            );
        }
    };
    let digits = usize::try_from((bits + 3) / 4).unwrap_or(0);
    let mut text = vec![0; digits];
    call.context.random(&mut text);
    text.iter_mut().for_each(|byte| *byte = b"0123456789abcdef"[usize::from(*byte & 15)]);
    call.reply.bulk(&text);
}

/// `ACL DRYRUN user command [arg ...]`: the default user may do all that exists.
fn dry_run(call: &mut Call<'_, '_>) {
    if call.args[2] != *b"default" {
        return Refusal::about("ERR User '", &call.args[2], "' not found").answer(call.reply);
    }
    let args = call.args.from(3);
    let name = &args[0];
    let spec = command::lookup(name).and_then(|spec| match args.get(1) {
        Some(subcommand) if !spec.subcommands().is_empty() => spec.subcommand(subcommand),
        _ => Some(spec),
    });
    match spec {
        None => Refusal::about("ERR Command '", name, "' not found").answer(call.reply),
        Some(spec) if !spec.arity_allows(args.len()) => {
            call.reply.error(&format!("ERR wrong number of arguments for '{}' command", spec.name));
        }
        Some(_) => call.reply.simple("OK"),
    }
}

/// `ACL DELUSER user [user ...]`: there is none that could be removed.
fn delete_user(call: &mut Call<'_, '_>) {
    if call.args.from(2).iter().any(|user| user == b"default") {
        return call.reply.error("ERR The 'default' user cannot be removed");
    }
    call.reply.int(0);
}

/// `ACL LOG [count|RESET]`: nothing is ever refused, so nothing is logged.
fn log(call: &mut Call<'_, '_>) {
    match call.args.get(2) {
        _ if call.args.len() > 3 => call.wrong_arguments("ACL"),
        Some(word) if word.eq_ignore_ascii_case(b"reset") => call.reply.ok(),
        Some(count) if number::parse_integer(count).is_none() => call.reply.error(NOT_AN_INTEGER),
        _ => call.reply.array(0),
    }
}
