//! The first exchange on a connection to a node: protocol, database, and a proof that it answers.

use std::io;

use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::scan::Scanner;
use tokio::net::TcpStream;

use super::failure::Failure;
use super::queue::Garbage;

/// Most bytes that a node may answer to the set-up (`HELLO` answers a map).
const REPLY_BYTES_MAX: usize = 64 << 10;

/// Sets up `stream`: `HELLO 3` for RESP3, `SELECT`, `PING`.
pub(super) async fn run(stream: &TcpStream, database: u8, protocol: Protocol) -> Result<(), Failure> {
    let (request, replies) = request(database, protocol);
    write_all(stream, &request).await?;
    let (mut input, mut scanner, mut at) = (Vec::new(), Scanner::default(), 0);
    for _ in 0..replies {
        at += reply(stream, &mut input, at, &mut scanner).await?;
    }
    if at == input.len() { Ok(()) } else { Err(Garbage::Unasked.into()) }
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

/// Reads the reply that begins at `at`; its length.
async fn reply(
    stream: &TcpStream,
    input: &mut Vec<u8>,
    at: usize,
    scanner: &mut Scanner,
) -> Result<usize, Failure> {
    loop {
        if let Some(len) = scanner.frame(&input[at..]).map_err(Garbage::from)? {
            let reply = &input[at..at + len];
            return if reply[0] == b'-' { Err(refused(reply)) } else { Ok(len) };
        }
        if input.len() > REPLY_BYTES_MAX {
            return Err(Failure::ReplyTooLarge(REPLY_BYTES_MAX));
        }
        stream.readable().await?;
        match stream.try_read_buf(input) {
            Ok(0) => return Err(Failure::Closed),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error.into()),
            _ => {}
        }
    }
}

fn refused(reply: &[u8]) -> Failure {
    Failure::Refused(String::from_utf8_lossy(reply[1..].trim_ascii()).into_owned())
}

async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> Result<(), Failure> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
