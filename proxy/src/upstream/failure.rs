//! Why a connection to a node failed, and what its waiting commands are told.

use std::io;
use std::time::Duration;

use super::queue::Garbage;
use crate::dial::DialError;

/// Why a connection ended or was not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// No connection was made.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The connection was not made and set up in time.
    #[error("no connection within {} ms", .0.as_millis())]
    ConnectTimeout(Duration),
    /// The connection broke.
    #[error("connection lost: {0}")]
    Lost(#[from] io::Error),
    /// The node closed the connection.
    #[error("connection closed by the node")]
    Closed,
    /// A command was not answered in time.
    #[error("no reply within {} ms", .0.as_millis())]
    Late(Duration),
    /// The node sent what is no reply to anything.
    #[error("broken replies: {0}")]
    Garbage(#[from] Garbage),
    /// A reply is larger than a client could be given.
    #[error("a reply is larger than {0} bytes")]
    ReplyTooLarge(usize),
}

impl Failure {
    /// A word for metrics.
    pub(super) fn kind(&self) -> FailureKind {
        match self {
            Self::Dial(error) => kind_of(error),
            Self::ConnectTimeout(_) => FailureKind::Connect,
            Self::Lost(_) | Self::Closed => FailureKind::Lost,
            Self::Late(_) => FailureKind::Late,
            Self::Garbage(_) | Self::ReplyTooLarge(_) => FailureKind::Garbage,
        }
    }
}

fn kind_of(error: &DialError) -> FailureKind {
    match error {
        DialError::Connect(_) | DialError::Refused(_) | DialError::Tls(_) => FailureKind::Connect,
        DialError::Lost(_) | DialError::Closed => FailureKind::Lost,
        DialError::Garbage(_) | DialError::Unasked | DialError::TooLarge(_) => FailureKind::Garbage,
    }
}

/// The kinds of failures that are counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// Not connected.
    Connect,
    /// Connected and lost.
    Lost,
    /// Did not answer in time.
    Late,
    /// Answered what nobody can use.
    Garbage,
}

/// What the commands of a failed connection are answered, as whole replies.
pub(super) struct Texts {
    /// The command did not leave us.
    pub(super) not_sent: Vec<u8>,
    /// The command was sent and changes nothing.
    pub(super) read: Vec<u8>,
    /// The command was sent and may have been executed.
    pub(super) write: Vec<u8>,
}

impl Texts {
    /// For a connection to `node` (name and address) that failed because of `reason`.
    pub(super) fn new(node: &str, reason: &str) -> Self {
        let error = |code: &str, outcome: &str| {
            let text = format!("-{code} {node}: {reason}; {outcome}");
            let mut text = text.replace(['\r', '\n'], " ").into_bytes();
            text.extend_from_slice(b"\r\n");
            text
        };
        Self {
            not_sent: error("CLUSTERDOWN", "the command was not executed"),
            read: error("TRYAGAIN", "nothing was changed"),
            write: error("MAYBE", "the command may have been executed"),
        }
    }
}
