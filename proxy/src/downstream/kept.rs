//! Requests that were taken and kept, read again.

use ringmaster_protocol::command;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::request::{self, RequestLimits, Resume, Step};

use super::conversation::Command;

/// What was within the limits when it came is so still: those that no setting is above.
const ANY: RequestLimits = {
    let most = u32::MAX as usize;
    RequestLimits { bulk_bytes_max: most, args_max: most, request_bytes_max: most }
};

/// Shows the command that `request` is to `see`; `None` if it is none, which nothing that was taken is.
pub(super) fn read_again<T>(request: &[u8], see: impl FnOnce(Command<'_>) -> T) -> Option<T> {
    let mut spans = Vec::new();
    let step = request::parse(request, 0, &mut spans, &mut Resume::default(), &ANY);
    let Ok(Step::Command { end }) = step else { return None };
    let args = Args::new(request, &spans);
    let spec = command::resolve(&args).ok()?;
    Some(see(Command { spec, args, raw: &request[..end] }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_the_command_that_it_was() {
        let seen = read_again(b"*3\r\n$5\r\nBLPOP\r\n$1\r\nk\r\n$1\r\n0\r\n", |command| {
            (command.spec.name, command.args[1].to_vec(), command.raw.len())
        });
        assert_eq!(seen, Some(("blpop", b"k".to_vec(), 29)));
        for broken in [&b""[..], b"*1\r\n$5\r\nBLPOP\r\n", b"*1\r\n$4\r\nnone\r\n", b"*2\r\n$3\r\nGET\r\n"] {
            assert_eq!(read_again(broken, |_| ()), None);
        }
    }
}
