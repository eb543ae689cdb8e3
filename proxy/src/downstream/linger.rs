//! The end of a connection whose client may still be sending.
//!
//! A socket that is closed with bytes unread is reset, and a reset discards the replies that are still on their way. So
//! we say that nothing more comes, and read until the client has closed its half too.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use ringmaster_runtime::stream::Stream;
use tokio::io::AsyncWrite;
use tokio::time::timeout;

use crate::thread::DataThread;

/// Longest wait for the client's end.
const LINGER: Duration = Duration::from_secs(1);

/// Most bytes that are read for it.
const LINGER_BYTES: usize = 1 << 20;

/// Ends the connection once the client has, or has sent too much, or takes too long.
pub(crate) async fn linger(thread: Rc<DataThread>, mut stream: Stream) {
    let end = async {
        poll_fn(|context| Pin::new(&mut stream).poll_shutdown(context)).await?;
        discard(&thread, &stream).await
    };
    // Whatever ended it, the socket is dropped now.
    drop(timeout(LINGER, end).await);
}

async fn discard(thread: &DataThread, stream: &Stream) -> io::Result<()> {
    let mut left = LINGER_BYTES;
    while left > 0 {
        stream.readable().await?;
        let outcome = stream.try_read(&mut thread.read_buffer.borrow_mut());
        match outcome {
            Ok(0) => break,
            Ok(count) => left = left.saturating_sub(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
