//! Reads a header of the PROXY protocol, and no byte behind it.

use std::io;
use std::net::SocketAddr;

use ringmaster_protocol::proxy_header::{self, HeaderError, LINE_BYTES_MAX, START_BYTES, Start};
use tokio::io::AsyncReadExt;

use crate::stream::Socket;

/// Who the connection is for; `None` if the header does not tell. It takes as long as the peer lets it.
///
/// # Errors
/// What comes is no header, or nothing comes any more.
pub(super) async fn read(socket: &mut Socket) -> io::Result<Option<SocketAddr>> {
    let mut start = [0; START_BYTES];
    socket.read_exact(&mut start).await?;
    match proxy_header::start(&start).map_err(invalid)? {
        Start::Line => read_line(socket, &start).await,
        Start::Binary => read_binary(socket).await,
    }
}

async fn read_line(socket: &mut Socket, start: &[u8]) -> io::Result<Option<SocketAddr>> {
    let mut line = start.to_vec();
    // Byte by byte: the client's first command may stand right behind.
    while !line.ends_with(b"\n") && line.len() < LINE_BYTES_MAX {
        line.push(socket.read_u8().await?);
    }
    proxy_header::line(&line).map_err(invalid)
}

async fn read_binary(socket: &mut Socket) -> io::Result<Option<SocketAddr>> {
    let mut head = [0; 4];
    socket.read_exact(&mut head).await?;
    let mut body = vec![0; proxy_header::body_len(head).map_err(invalid)?];
    socket.read_exact(&mut body).await?;
    proxy_header::body(head, &body).map_err(invalid)
}

fn invalid(error: HeaderError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
