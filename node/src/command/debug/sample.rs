//! `DEBUG PROTOCOL type`: a reply of each type, for the tests of clients.

use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::CommandError;

const NO_TYPE: CommandError = CommandError::text(
    "ERR Wrong protocol type name. Please use one of the following: \
     string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
);
const NO_PUSH: CommandError = CommandError::text("ERR RESP2 is not supported by this command");
const NUMBER: &[u8] = b"1234567999999999999999999999999999999";

/// Redis's sample of a double.
#[expect(clippy::approx_constant, reason = "these three decimals and no more")]
const DOUBLE: f64 = 3.141;

/// Writes the sample of `name`, in any case.
///
/// # Errors
/// There is no such type, or RESP2 does not have it.
pub(super) fn write(name: &[u8], reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let new = reply.protocol() == Protocol::Resp3;
    match &*name.to_ascii_lowercase() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.int(12345),
        b"double" => reply.double(DOUBLE),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.int(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.int(number));
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.int(number);
                reply.boolean(number == 1);
            }
        }
        b"attrib" => {
            if new {
                reply.raw(b"|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n");
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if new => {
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.int(42);
            reply.bulk(b"Some real reply following the push reply");
        }
        b"push" => return Err(NO_PUSH),
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        b"bignum" if new => reply.raw(&[b"(", NUMBER, b"\r\n"].concat()),
        b"bignum" => reply.bulk(NUMBER),
        _ => return Err(NO_TYPE),
    }
    Ok(())
}
