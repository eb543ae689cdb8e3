//! Sets every key once, in batches, over one connection.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use ringmaster_protocol::resp::scan::Scanner;

use super::workload::{Workload, WorkloadOptions};

/// A batch is sent when it has this many bytes: it fits into the sockets' buffers, so writing cannot block for ever.
const BATCH_BYTES: usize = 64 << 10;

/// Sets all keys of the workload at `address`.
///
/// # Errors
/// No connection, a broken one, or a SET that is refused.
pub(super) fn run(address: SocketAddr, options: &WorkloadOptions) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let workload = Workload::new(options, 0);
    let (mut batch, mut sent) = (Vec::with_capacity(2 * BATCH_BYTES), 0);
    for key in 0..options.keys {
        workload.append_set_of(key, &mut batch);
        sent += 1;
        if batch.len() >= BATCH_BYTES || key + 1 == options.keys {
            stream.write_all(&batch)?;
            await_ok(&mut stream, sent)?;
            batch.clear();
            sent = 0;
        }
    }
    Ok(())
}

/// Reads `count` replies, each of which must be no error.
fn await_ok(stream: &mut TcpStream, count: usize) -> io::Result<()> {
    let (mut scanner, mut input, mut at, mut seen) = (Scanner::default(), Vec::new(), 0, 0);
    let mut chunk = [0; 4096];
    while seen < count {
        match scanner.frame(&input[at..]).map_err(|error| invalid(error.to_string()))? {
            Some(_) if input[at] == b'-' => {
                return Err(invalid(String::from_utf8_lossy(&input[at..]).into()));
            }
            Some(len) => {
                at += len;
                seen += 1;
            }
            None => match stream.read(&mut chunk)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => input.extend_from_slice(&chunk[..read]),
            },
        }
    }
    Ok(())
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
