//! The first exchange on a connection to a node: protocol, database, and a proof that it answers.

use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::number::parse_integer;
use ringmaster_runtime::stream::Stream;

use crate::dial::{DialError, Talk};

/// Sets up `stream`: `HELLO 3` for RESP3, `SELECT`, `PING`.
pub(super) async fn run(stream: &Stream, database: u8, protocol: Protocol) -> Result<(), DialError> {
    let (request, replies) = request(database, protocol);
    let mut talk = Talk::new(stream);
    talk.send(&request).await?;
    for _ in 0..replies {
        talk.good_reply().await?;
    }
    talk.end()
}

/// The number by which the node knows the connection.
pub(super) async fn id(stream: &Stream) -> Result<u64, DialError> {
    let mut talk = Talk::new(stream);
    talk.send(b"*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n").await?;
    let reply = talk.reply().await?;
    let id = reply.strip_prefix(b":").and_then(|id| parse_integer(id.trim_ascii_end()));
    let id = id.and_then(|id| u64::try_from(id).ok()).ok_or(DialError::Unasked)?;
    talk.end()?;
    Ok(id)
}

/// The requests and their number.
fn request(database: u8, protocol: Protocol) -> (Vec<u8>, usize) {
    let mut request = b"*1\r\n$4\r\nPING\r\n".to_vec();
    let mut replies = 1;
    if protocol == Protocol::Resp3 {
        request.extend_from_slice(b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n");
        replies += 1;
    }
    if database > 0 {
        let number = database.to_string();
        let select = format!("*2\r\n$6\r\nSELECT\r\n${}\r\n{number}\r\n", number.len());
        request.extend_from_slice(select.as_bytes());
        replies += 1;
    }
    (request, replies)
}
