//! Listening sockets, and the sockets that they accept.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::unix;
use crate::door::Listen;
use crate::stream;

/// Connections that the kernel completes before we accept them.
pub const BACKLOG: i32 = 1024;

/// Idle time after which the kernel asks whether the peer is still there (Redis's `tcp-keepalive`).
const KEEPALIVE: Duration = Duration::from_secs(300);

/// Binds a listening socket of TCP.
///
/// # Errors
/// The address is taken or not ours; the error names the address.
pub(crate) fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let bound = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            // What comes by IPv4 has a listener of its own, or none.
            socket.set_only_v6(!address.ip().is_unspecified())?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    bound().map_err(|error: io::Error| {
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
    })
}

/// A bound listener.
pub(crate) enum Listener {
    Tcp(std::net::TcpListener),
    Unix(unix::Bound),
}

impl Listener {
    /// Binds it.
    ///
    /// # Errors
    /// The address is taken or not ours; the error names the address.
    pub(crate) fn bind(listen: &Listen) -> io::Result<Self> {
        match listen {
            Listen::Tcp(address) => bind(*address).map(Self::Tcp),
            Listen::Unix(path) => unix::Bound::bind(path)
                .map(Self::Unix)
                .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {listen}: {error}"))),
        }
    }

    /// Where clients connect, if that has an IP address.
    ///
    /// # Errors
    /// The system does not tell.
    pub(crate) fn address(&self) -> io::Result<Option<SocketAddr>> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Some),
            Self::Unix(_) => Ok(None),
        }
    }
}

/// A listener that accepts.
pub(super) enum Accepting {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        /// Removed with it.
        _file: unix::Path,
    },
}

impl Accepting {
    pub(super) fn new(listener: Listener) -> io::Result<Self> {
        Ok(match listener {
            Listener::Tcp(listener) => Self::Tcp(TcpListener::from_std(listener)?),
            Listener::Unix(bound) => {
                let (listener, file) = bound.split();
                Self::Unix { listener: UnixListener::from_std(listener)?, _file: file }
            }
        })
    }

    /// The next connection, and where it is from.
    pub(super) async fn accept(&self) -> io::Result<(StdSocket, Option<IpAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                let options = SockRef::from(&stream);
                drop(options.set_tcp_nodelay(true));
                drop(options.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE)));
                Ok((StdSocket::Tcp(stream.into_std()?), Some(peer.ip())))
            }
            Self::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok((StdSocket::Unix(stream.into_std()?), None))
            }
        }
    }
}

/// A socket on its way to a data thread, non-blocking.
pub(crate) enum StdSocket {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

impl StdSocket {
    /// On the thread that is to serve it.
    ///
    /// # Errors
    /// The thread's runtime takes no more.
    pub(crate) fn into_socket(self) -> io::Result<stream::Socket> {
        Ok(match self {
            Self::Tcp(socket) => stream::Socket::Tcp(TcpStream::from_std(socket)?),
            Self::Unix(socket) => stream::Socket::Unix(UnixStream::from_std(socket)?),
        })
    }

    /// Best effort on a non-blocking socket: an empty send buffer always takes a line.
    pub(super) fn tell(&self, line: &[u8]) {
        drop(match self {
            Self::Tcp(socket) => io::Write::write(&mut &*socket, line),
            Self::Unix(socket) => io::Write::write(&mut &*socket, line),
        });
    }
}
