//! Whatever a client calls a traceparent is read or refused; what is read comes back as it was said.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringmaster_protocol::trace::TraceContext;

fuzz_target!(|data: &[u8]| {
    let Some(context) = TraceContext::parse(data) else { return };
    let text = context.to_string();
    assert_eq!(&text.as_bytes()[2..52], &data[2..52]);
    assert_eq!(TraceContext::parse(text.as_bytes()), Some(context));
});
