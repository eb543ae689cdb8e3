//! One acceptor that deals connections to the least loaded data thread.
//!
//! `SO_REUSEPORT` would let the kernel deal, but it hashes: with few long-lived connections some cores idle.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::admission::Admission;
use crate::data_thread::Lane;

/// Connections that the kernel completes before we accept them.
pub const BACKLOG: i32 = 1024;

/// Pause after an accept that failed for want of file descriptors or memory.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Idle time after which the kernel asks whether the peer is still there (Redis's `tcp-keepalive`).
const KEEPALIVE: Duration = Duration::from_secs(300);

/// What a connection above the limit reads before it is closed; Redis's text.
const FULL: &[u8] = b"-ERR max number of clients reached\r\n";

/// Binds a listening socket.
///
/// # Errors
/// The address is taken or not ours; the error names the address.
pub(crate) fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let bound = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    bound().map_err(|error: io::Error| {
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
    })
}

/// Accepts until `stop`.
pub(crate) async fn run(
    listener: std::net::TcpListener,
    lanes: &[Lane],
    admission: &Admission,
    stop: &CancellationToken,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "cannot accept connections"),
    };
    loop {
        let accepted = tokio::select! {
            biased; // a stopping service takes no further connection
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted.and_then(|(stream, _)| stream.into_std()) {
            Ok(socket) => deal(socket, lanes, admission).await,
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Hands one socket to the thread with the fewest connections.
async fn deal(socket: std::net::TcpStream, lanes: &[Lane], admission: &Admission) {
    let total: usize = lanes.iter().map(|lane| lane.load.load(Ordering::Relaxed)).sum();
    if !admission.admits(total) {
        // Best effort on a non-blocking socket: an empty send buffer always takes these bytes.
        drop(io::Write::write(&mut &socket, FULL));
        return;
    }
    let options = SockRef::from(&socket);
    drop(options.set_tcp_nodelay(true));
    drop(options.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE)));
    let Some(lane) = lanes.iter().min_by_key(|lane| lane.load.load(Ordering::Relaxed)) else { return };
    lane.load.fetch_add(1, Ordering::Relaxed);
    if lane.sockets.send(socket).await.is_err() {
        lane.load.fetch_sub(1, Ordering::Relaxed);
    }
}
