//! `CLIENT TRACE`: what the next command is a part of.
//!
//! For one command, not until it is taken back: a connection that goes back into a pool, or that several tasks share, takes
//! nobody's trace along. A transaction counts as one command, its `EXEC`.

use super::super::Call;
use crate::trace::TraceContext;

const WRONG: &str = "ERR CLIENT TRACE takes OFF, or a traceparent as \
                     00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01: version, trace and span in lower case \
                     hexadecimal, neither of them 0, and flags";

/// `CLIENT TRACE traceparent`, `CLIENT TRACE OFF`.
pub(super) fn trace(call: &mut Call<'_, '_>) {
    let what = &call.args[2];
    if what.eq_ignore_ascii_case(b"off") {
        call.session.parent = None;
        return call.reply.ok();
    }
    match TraceContext::parse(what) {
        Some(context) => {
            call.session.parent = Some(Box::new(context));
            call.reply.ok();
        }
        None => call.reply.error(WRONG),
    }
}
