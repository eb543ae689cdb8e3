//! `CONFIG`: settings shown and changed, statistics set to zero.

use super::{Call, Outcome, Refusal, Setting};
use crate::glob::{self, Case};

/// A subcommand of `CONFIG`.
pub(super) fn execute(subcommand: &str, call: &mut Call<'_, '_>) -> Outcome {
    match subcommand {
        "get" => get(call),
        "set" => set(call),
        "resetstat" => {
            call.context.reset_statistics();
            call.reply.ok();
        }
        "rewrite" => match call.context.rewrite_settings() {
            Ok(()) => call.reply.ok(),
            Err(reason) => call.reply.error(&format!("ERR {reason}")),
        },
        _ => return Outcome::NotMine,
    }
    Outcome::Done
}

/// `CONFIG GET pattern [pattern ...]`: each setting once, however many patterns it fits. A pattern without wildcards
/// is a name, and the setting is shown under the name as the client spelt it.
fn get(call: &mut Call<'_, '_>) {
    let patterns = call.args.from(2);
    let mut found = Vec::new();
    for setting in call.context.settings() {
        let fits = |pattern: &&[u8]| glob::matches(pattern, setting.name.as_bytes(), Case::Insensitive);
        if let Some(pattern) = patterns.iter().find(fits) {
            let wild = pattern.iter().any(|byte| b"[*?".contains(byte));
            found.push((if wild { setting.name.as_bytes() } else { pattern }, setting.value));
        }
    }
    call.reply.map(found.len());
    for (name, value) in found {
        call.reply.bulk(name);
        call.reply.bulk(value.as_bytes());
    }
}

/// `CONFIG SET name value [name value ...]`: all or nothing.
fn set(call: &mut Call<'_, '_>) {
    if call.args.len() % 2 == 1 {
        return call.reply.error("ERR syntax error");
    }
    let settings = call.context.settings();
    let changes = match changes(call, &settings) {
        Ok(changes) => changes,
        Err(refusal) => return refusal.answer(call.reply),
    };
    match call.context.change_settings(&changes) {
        Ok(()) => call.reply.ok(),
        Err(error) => call.reply.error(&format!("ERR {error}")),
    }
}

fn changes<'a>(call: &Call<'a, '_>, settings: &[Setting]) -> Result<Vec<(&'static str, &'a [u8])>, Refusal> {
    let mut changes: Vec<(&'static str, &[u8])> = Vec::new();
    let mut words = call.args.from(2).iter();
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        let known = settings.iter().find(|setting| setting.name.as_bytes().eq_ignore_ascii_case(name));
        let Some(setting) = known else {
            return Err(Refusal::about(
                "ERR Unknown option or number of arguments for CONFIG SET - '",
                name,
                "'",
            ));
        };
        let refused = |reason: &str| {
            let before = "ERR CONFIG SET failed (possibly related to argument '";
            Err(Refusal::about(before, name, &format!("') - {reason}")))
        };
        if !setting.changeable {
            return refused("can't set immutable config");
        }
        if changes.iter().any(|(earlier, _)| *earlier == setting.name) {
            return refused("duplicate parameter");
        }
        changes.push((setting.name, value));
    }
    Ok(changes)
}
