//! How to connect, and the limits of a connection.

use std::{fmt, time::Duration};

use ringmaster_protocol::resp::Protocol;

use crate::{retry::Retry, tls::Tls};

/// Settings of a [`crate::Client`]. Made anew on each reconnect: a `SELECT`, `AUTH` or `HELLO` sent as a
/// command is forgotten then, these are not.
#[derive(Clone)]
pub struct Options {
    /// What the connection asks for: with [`Protocol::Resp3`], `HELLO 3` is sent first. Default
    /// [`Protocol::Resp2`], which sends no `HELLO`.
    pub protocol: Protocol,
    /// The database, 0..=15 on Ringmaster. Default 0.
    pub database: u32,
    /// User to authenticate as; without a password it is not used. Default: Redis's `default` user.
    pub username: Option<String>,
    /// Password; `None` (the default) sends no `AUTH`.
    pub password: Option<String>,
    /// Name shown in `CLIENT LIST`. Default none.
    pub name: Option<String>,
    /// Encrypts connections over TCP. Default `None`: they are not.
    pub tls: Option<Tls>,
    /// What is sent again by itself. Not without [`Options::reconnect`].
    pub retry: Retry,
    /// Longest that connecting takes, the handshake included. Default 5 s.
    pub connect_timeout: Duration,
    /// Longest that a command takes, its time in the queue and all attempts included. Also the longest that a connection may
    /// owe replies without sending or taking a byte before it counts as lost, unless the caller whose reply is next has
    /// more time ([`crate::Client::within`]). Default 10 s; blocking commands need more.
    pub request_timeout: Duration,
    /// Most commands and pipelines that wait to be sent, and as many again that wait for their replies.
    /// Beyond, callers wait. Range 1.., default 1024.
    pub queue_max: usize,
    /// Most bytes of commands that wait for a server to be sent or to be answered. Beyond, callers wait; a single command
    /// or pipeline above it is refused. Range 1..=4 GiB - 1, default 64 MiB.
    pub queue_max_bytes: u32,
    /// Largest single reply. Default 512 MiB + 1 MiB: the largest string of Redis, and its frame.
    pub reply_max_bytes: usize,
    /// Whether a lost connection is made anew: by the next command; with several servers, by itself. Default true.
    /// Without it all further commands are `NotSent`: for callers who changed the state of the connection.
    pub reconnect: bool,
    /// Most connections besides the shared ones: of blocking commands, watches and [`crate::Client::dedicated`].
    /// Beyond, callers wait. Range 1.., default 64.
    pub dedicated_max: usize,
    /// Most events of a subscription that wait for their reader. Beyond, nothing more is read from the server,
    /// which after a while closes who does not read. It bounds their number and not their bytes: a message may be as
    /// large as [`Options::reply_max_bytes`]. Range 1.., default 1024.
    pub events_max: usize,
    /// First wait after a failed attempt to connect; doubles at each failure. Default 20 ms.
    pub backoff_min: Duration,
    /// Longest such wait. Default 2 s.
    pub backoff_max: Duration,
}

impl Options {
    /// With at least one place in each queue.
    pub(crate) fn within_range(self) -> Options {
        let attempts_max = if self.reconnect { self.retry.attempts_max } else { 1 };
        Options {
            queue_max: self.queue_max.max(1),
            dedicated_max: self.dedicated_max.max(1),
            events_max: self.events_max.max(1),
            retry: Retry { attempts_max, ..self.retry },
            ..self
        }
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            protocol: Protocol::default(),
            database: 0,
            username: None,
            password: None,
            name: None,
            tls: None,
            retry: Retry::default(),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
            queue_max: 1024,
            queue_max_bytes: 64 << 20,
            reply_max_bytes: (512 << 20) + (1 << 20),
            reconnect: true,
            dedicated_max: 64,
            events_max: 1024,
            backoff_min: Duration::from_millis(20),
            backoff_max: Duration::from_secs(2),
        }
    }
}

/// Written without the password.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("protocol", &self.protocol)
            .field("database", &self.database)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("tls", &self.tls)
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_not_printed() {
        let options = Options { password: Some("secret".into()), ..Options::default() };
        assert!(!format!("{options:?}").contains("secret"));
    }
}
