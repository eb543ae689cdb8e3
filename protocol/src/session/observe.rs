//! Commands that look at the server: `TIME`, `ROLE`, `LOLWUT`, `MEMORY`, `MODULE`.

use super::connection::NOT_AN_INTEGER;
use super::{Call, Outcome, REDIS_VERSION};
use crate::resp::number;

const MEMORY_DOCTOR: &[u8] = b"Hi Sam, this instance is empty or is using very little memory, my issues detector \
can't be used in these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam \
and I will be back to our programming as soon as I finished rebooting.\n";

const NO_MODULES: &str = "ERR MODULE command not allowed. If the enable-module-command option is set to \"local\", \
you can run it from a local connection, otherwise you need to set this option in the configuration file, and then \
restart the server.";

/// `TIME`: seconds and microseconds of the second.
pub(super) fn time(call: &mut Call<'_, '_>) {
    let now = call.context.now();
    call.reply.array(2);
    call.reply.bulk_int(now.as_secs().cast_signed());
    call.reply.bulk_int(i64::from(now.subsec_micros()));
}

/// `ROLE`: a master without replicas.
pub(super) fn role(call: &mut Call<'_, '_>) {
    call.reply.array(3);
    call.reply.bulk(b"master");
    call.reply.int(0);
    call.reply.array(0);
}

/// `LOLWUT [VERSION version]`: the line under the picture that Redis draws.
pub(super) fn lolwut(call: &mut Call<'_, '_>) {
    let asks_version = call.args.get(1).is_some_and(|word| word.eq_ignore_ascii_case(b"version"));
    if let (true, Some(version)) = (asks_version, call.args.get(2))
        && number::parse_integer(version).is_none()
    {
        return call.reply.error(NOT_AN_INTEGER);
    }
    call.reply.verbatim("txt", format!("Redis ver. {REDIS_VERSION}\n").as_bytes());
}

/// A subcommand of `MEMORY` or `MODULE`.
pub(super) fn execute(container: &str, subcommand: &str, call: &mut Call<'_, '_>) -> Outcome {
    match (container, subcommand) {
        ("memory", "purge") => call.reply.ok(),
        ("module", "list") => call.reply.array(0),
        ("memory", "doctor") => call.reply.verbatim("txt", MEMORY_DOCTOR),
        ("module", "load" | "loadex" | "unload") => call.reply.error(NO_MODULES),
        _ => return Outcome::NotMine,
    }
    Outcome::Done
}
