//! `ACL`: who the users are and what they may do.

mod log;

use super::connection::NOT_AN_INTEGER;
use super::{Call, Outcome, Refusal};
use crate::acl::{DEFAULT_USER, Denial};
use crate::command::{self, Categories};
use crate::resp::number;

pub(super) use log::note_failed_login;

/// A subcommand of `ACL`.
pub(super) fn execute(subcommand: &str, call: &mut Call<'_, '_>) -> Outcome {
    match subcommand {
        "whoami" => call.reply.bulk(call.session.login.user().name()),
        "users" => users(call),
        "list" => list(call),
        "getuser" => get_user(call),
        "cat" => categories(call),
        "genpass" => generate_password(call),
        "dryrun" => dry_run(call),
        "setuser" => set_user(call),
        "deluser" => return delete_users(call),
        "log" => log::log(call),
        "load" => answer_file(call, |context| context.load_accounts()),
        "save" => answer_file(call, |context| context.save_accounts()),
        _ => return Outcome::NotMine,
    }
    Outcome::Done
}

fn answer_file(call: &mut Call<'_, '_>, work: impl FnOnce(&dyn super::Context) -> Result<(), String>) {
    match work(call.context) {
        Ok(()) => call.reply.ok(),
        Err(why) => call.reply.error(&format!("ERR {why}")),
    }
}

fn bulks(call: &mut Call<'_, '_>, texts: &[&str]) {
    call.reply.array(texts.len());
    texts.iter().for_each(|text| call.reply.bulk(text.as_bytes()));
}

fn users(call: &mut Call<'_, '_>) {
    let users = call.context.accounts().all();
    call.reply.array(users.len());
    users.iter().for_each(|user| call.reply.bulk(user.name()));
}

fn list(call: &mut Call<'_, '_>) {
    let users = call.context.accounts().all();
    call.reply.array(users.len());
    users.iter().for_each(|user| call.reply.bulk(&user.line()));
}

fn get_user(call: &mut Call<'_, '_>) {
    let Some(user) = call.context.accounts().user(&call.args[2]) else { return call.reply.null() };
    let reply = &mut call.reply;
    reply.map(6);
    reply.bulk(b"flags");
    let flags: Vec<&str> = user.flags().collect();
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    reply.array(user.passwords().len());
    user.passwords().for_each(|hash| reply.bulk(hash.as_bytes()));
    let mut permissions = user.permissions();
    let put = |reply: &mut crate::resp::reply::Reply<'_>, of: &[Vec<u8>; 3]| {
        for (name, text) in ["commands", "keys", "channels"].iter().zip(of) {
            reply.bulk(name.as_bytes());
            reply.bulk(text);
        }
    };
    if let Some(root) = permissions.next() {
        put(reply, &root);
    }
    let selectors: Vec<_> = permissions.collect();
    reply.bulk(b"selectors");
    reply.array(selectors.len());
    for selector in &selectors {
        reply.map(3);
        put(reply, selector);
    }
}

/// `ACL SETUSER user [rule ...]`: all rules or none.
fn set_user(call: &mut Call<'_, '_>) {
    if let Some(why) = call.context.accounts_are_fixed() {
        return call.reply.error(&format!("ERR {why}"));
    }
    let name = &call.args[2];
    if name.iter().any(|byte| byte.is_ascii_whitespace() || *byte == 0) {
        return call.reply.error("ERR Usernames can't contain spaces or null characters");
    }
    let rules: Vec<&[u8]> = call.args.from(3).iter().collect();
    match call.context.accounts().change(name, &rules) {
        Ok((before, user)) => {
            call.context.accounts_changed();
            if before.is_some_and(|before| !user.keeps_channels_of(&before)) {
                // What it is subscribed to cannot be told apart: it subscribes anew to what is left to it.
                let is_its = |session: &super::Session| {
                    session.is_subscriber() && session.login.user().name() == user.name()
                };
                call.context.kill_clients(call.session.id, &is_its);
            }
            call.reply.ok();
        }
        Err(error) => call.reply.error_bytes(&[b"ERR ", &error.text()[..]].concat()),
    }
}

/// `ACL DELUSER user [user ...]`: their clients are closed.
fn delete_users(call: &mut Call<'_, '_>) -> Outcome {
    if let Some(why) = call.context.accounts_are_fixed() {
        call.reply.error(&format!("ERR {why}"));
        return Outcome::Done;
    }
    if call.args.from(2).iter().any(|user| user == DEFAULT_USER) {
        call.reply.error("ERR The 'default' user cannot be removed");
        return Outcome::Done;
    }
    let names: Vec<&[u8]> = call.args.from(2).iter().collect();
    let removed = names.iter().filter(|name| call.context.accounts().remove(name)).count();
    let is_gone = |session: &super::Session| {
        session.login.proof().is_none() && names.contains(&session.login.user().name())
    };
    call.context.kill_clients(call.session.id, &is_gone);
    call.reply.count(removed);
    if is_gone(call.session) { Outcome::Close } else { Outcome::Done }
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

/// `ACL DRYRUN user command [arg ...]`: whether the user might.
fn dry_run(call: &mut Call<'_, '_>) {
    let Some(user) = call.context.accounts().user(&call.args[2]) else {
        return Refusal::about("ERR User '", &call.args[2], "' not found").answer(call.reply);
    };
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
        Some(spec) => match user.permit(spec, &args) {
            Ok(()) => call.reply.simple("OK"),
            Err(denial) => call.reply.bulk(&would_be_denied(denial, &denial.object(spec, &args))),
        },
    }
}

fn would_be_denied(denial: Denial, object: &[u8]) -> Vec<u8> {
    let (before, after): (&[u8], &[u8]) = match denial {
        Denial::Command => (b"This user has no permissions to run the '", b"' command"),
        Denial::Key(_) | Denial::SortBy(_) | Denial::SortGet(_) => {
            (b"This user has no permissions to access the '", b"' key")
        }
        Denial::Channel(_) => (b"This user has no permissions to access the '", b"' channel"),
    };
    [before, object, after].concat()
}
