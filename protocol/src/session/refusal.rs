//! An error reply that a handler returns, with an argument of the client in it or not.

use crate::resp::reply::Reply;

/// The text of an error reply, its code in front. Arguments stand in it as they came, so it need not be UTF-8.
#[derive(Debug)]
pub(super) struct Refusal(Vec<u8>);

impl Refusal {
    /// A text about an argument. As in Redis, the argument ends at its first zero byte.
    pub(super) fn about(before: &str, argument: &[u8], after: &str) -> Self {
        let shown = argument.split(|&byte| byte == 0).next().unwrap_or_default();
        Self([before.as_bytes(), shown, after.as_bytes()].concat())
    }

    /// Appends the error reply.
    pub(super) fn answer(&self, reply: &mut Reply<'_>) {
        reply.error_bytes(&self.0);
    }
}

impl From<&str> for Refusal {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}
