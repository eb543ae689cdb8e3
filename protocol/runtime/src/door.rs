//! Where clients come in, and what has to be said before they are served.
//!
//! ```text
//! accepted ─► PROXY header, where a balancer must send one ─► TLS, where the door has it ─► Arrival
//!     └────────── all of it within a deadline; who does not get in is counted ──────────┘
//! ```

mod all;
mod handshakes;
mod header;
mod listen;
mod listener;
mod network;

pub use all::Doors;
pub use listen::{Listen, ListenError};
pub use listener::ListenerConfig;
pub use network::{Network, NetworkError};

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use crate::exposure;
use crate::seldom::Seldom;
use crate::stream::{Socket, Stream};
use crate::tls::TlsServer;
use handshakes::Handshakes;

/// Longest time from the accepting of a connection until it can be served.
const WELCOME_MAX: Duration = Duration::from_secs(5);

/// A client that has come in.
#[derive(Debug)]
pub struct Arrival {
    /// Its connection.
    pub stream: Stream,
    /// Where it is, as Redis shows it: `127.0.0.1:50000`, or the path of a Unix socket and `:0`.
    pub peer: String,
    /// Where it came in.
    pub local: String,
    /// The name in the certificate that it showed.
    pub name: Option<String>,
}

/// How clients come in at one address.
pub struct Door {
    listen: Listen,
    tls: Option<Arc<TlsServer>>,
    /// Who may say whom a connection is for, and must; `None` if nobody does.
    balancers: Option<Vec<Network>>,
    handshakes: Handshakes,
    refused: AtomicU64,
    seldom: Seldom,
}

impl Door {
    /// At `listen`, where port 0 takes a free one; over TLS, if it has one.
    #[must_use]
    pub fn new(listen: impl Into<Listen>, tls: Option<Arc<TlsServer>>) -> Self {
        Self {
            listen: listen.into(),
            tls,
            balancers: None,
            handshakes: Handshakes::default(),
            refused: AtomicU64::new(0),
            seldom: Seldom::default(),
        }
    }

    /// Only for load balancers at these addresses, which say whom each connection is for.
    #[must_use]
    pub fn behind(self, balancers: Vec<Network>) -> Self {
        Self { balancers: Some(balancers), ..self }
    }

    /// Where it is.
    #[must_use]
    pub fn listen(&self) -> &Listen {
        &self.listen
    }

    /// What it speaks TLS with.
    #[must_use]
    pub fn tls(&self) -> Option<&Arc<TlsServer>> {
        self.tls.as_ref()
    }

    /// Where it is, if others than this machine come in there without a certificate.
    pub(crate) fn exposed(&self) -> Option<SocketAddr> {
        let knows_clients = self.tls.as_ref().is_some_and(|tls| tls.knows_clients());
        match self.listen {
            Listen::Tcp(address) if !knows_clients && !exposure::is_local(address) => Some(address),
            _ => None,
        }
    }

    /// Connections that did not get in: no handshake or header, a wrong one, one that took too long.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether who connects is served without a word before.
    pub(crate) fn is_plain(&self) -> bool {
        self.tls.is_none() && self.balancers.is_none()
    }

    /// Whether a connection is the client's own, and not that of a balancer for many.
    pub(crate) fn is_direct(&self) -> bool {
        self.balancers.is_none()
    }

    /// Who has come in without a word; `None` if it is gone by now.
    pub(crate) fn let_in(&self, socket: Socket) -> Option<Arrival> {
        let (peer, local) = self.ends(&socket).ok()?;
        Some(Arrival { stream: Stream::Plain(socket), peer, local, name: None })
    }

    /// Lets in who has connected; `None` if it is gone by now, or does not do what it must.
    pub(crate) async fn welcome(&self, socket: Socket) -> Option<Arrival> {
        let (peer, _) = self.ends(&socket).ok()?;
        let outcome = timeout(WELCOME_MAX, self.hear_out(socket)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        outcome
            .inspect_err(|error| {
                self.refused.fetch_add(1, Ordering::Relaxed);
                if let Some(times) = self.seldom.happened() {
                    tracing::warn!(peer, listen = %self.listen, %error, times, "a client did not get in");
                }
            })
            .ok()
    }

    async fn hear_out(&self, mut socket: Socket) -> io::Result<Arrival> {
        let (mut peer, local) = self.ends(&socket)?;
        let mut from = address(&socket);
        if let Some(balancers) = &self.balancers {
            if !from.is_none_or(|from| balancers.iter().any(|network| network.contains(from))) {
                let why = "only those of `proxy_protocol_from` may connect here";
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
            }
            if let Some(client) = header::read(&mut socket).await? {
                (peer, from) = (client.to_string(), Some(client.ip()));
            }
        }
        let Some(tls) = &self.tls else {
            return Ok(Arrival { stream: Stream::Plain(socket), peer, local, name: None });
        };
        let _place = self.handshakes.place(&socket, from).await?;
        let (stream, name) = tls.accept(socket).await?;
        Ok(Arrival { stream: Stream::Tls(Box::new(stream)), peer, local, name })
    }

    /// Both ends, the client's first; an error if it has gone already.
    fn ends(&self, socket: &Socket) -> io::Result<(String, String)> {
        Ok(match socket {
            Socket::Tcp(socket) => (socket.peer_addr()?.to_string(), socket.local_addr()?.to_string()),
            Socket::Unix(_) => {
                let path = self.listen.to_string();
                let path = path.strip_prefix("unix:").unwrap_or(&path);
                (format!("{path}:0"), format!("{path}:0"))
            }
        })
    }
}

/// Where the other end is, if it is somewhere else than on this machine for sure.
fn address(socket: &Socket) -> Option<IpAddr> {
    match socket {
        Socket::Tcp(socket) => socket.peer_addr().ok().map(|peer| peer.ip()),
        Socket::Unix(_) => None,
    }
}
