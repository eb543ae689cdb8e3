//! `CLIENT PAUSE` and `CLIENT UNPAUSE`.

use std::time::Duration;

use crate::resp::number;
use crate::session::Call;

/// `CLIENT PAUSE milliseconds [WRITE|ALL]`.
pub(super) fn pause(call: &mut Call<'_, '_>) {
    if call.args.len() > 4 {
        return call.wrong_arguments("CLIENT");
    }
    let all = match call.args.get(3) {
        None => true,
        Some(mode) if mode.eq_ignore_ascii_case(b"all") => true,
        Some(mode) if mode.eq_ignore_ascii_case(b"write") => false,
        Some(_) => return call.reply.error("ERR CLIENT PAUSE mode must be WRITE or ALL"),
    };
    let Some(millis) = number::parse_integer(&call.args[2]) else {
        return call.reply.error("ERR timeout is not an integer or out of range");
    };
    let Ok(millis) = u64::try_from(millis) else {
        return call.reply.error("ERR timeout is negative");
    };
    let end = call.context.now() + Duration::from_millis(millis);
    // As in Redis, an end that its clock cannot tell is in the past.
    if end.as_millis() <= i64::MAX as u128 && !call.context.pause_clients(end, all) {
        return call.reply.error("ERR CLIENT PAUSE is not supported");
    }
    call.reply.ok();
}

/// `CLIENT UNPAUSE`.
pub(super) fn unpause(call: &mut Call<'_, '_>) {
    call.context.unpause_clients();
    call.reply.ok();
}
