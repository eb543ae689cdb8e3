//! How a connection to a node begins: the node is reached, and told that a proxy of its cluster has come.

mod credentials;
mod talk;

pub(crate) use credentials::{Credentials, Renewal};
pub(crate) use talk::Talk;

use std::io;

use ringmaster_protocol::resp::ProtocolError;
use ringmaster_protocol::secret::{Asked, Secrets, put_nonce, put_proofs};
use ringmaster_runtime::stream::Stream;
use tokio::net::TcpStream;

/// Why a connection did not come about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    /// Nobody was reached.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// It broke before it could be used.
    #[error("connection lost: {0}")]
    Lost(#[from] io::Error),
    /// The node and we did not agree upon TLS.
    #[error("no TLS: {0}")]
    Tls(io::Error),
    /// The node closed it.
    #[error("connection closed by the node")]
    Closed,
    /// The node refused, with this error.
    #[error("set-up refused: {0}")]
    Refused(String),
    /// The node did not answer as one.
    #[error("broken replies: {0}")]
    Garbage(#[from] ProtocolError),
    /// It said more than it was asked.
    #[error("broken replies: a reply that nobody asked for")]
    Unasked,
    /// An answer does not end.
    #[error("a reply is larger than {0} bytes")]
    TooLarge(usize),
}

/// Connects to `address`, host and port, and proves there to be a proxy of the cluster, if that has a secret.
pub(crate) async fn dial(address: &str, credentials: &Credentials) -> Result<Stream, DialError> {
    let socket = TcpStream::connect(address).await.map_err(DialError::Connect)?;
    socket.set_nodelay(true)?;
    let stream = match credentials.tls() {
        None => socket.into(),
        Some(tls) => tls.connect(socket, address).await.map_err(DialError::Tls)?,
    };
    let secrets = credentials.secrets();
    if !secrets.is_empty() && !prove(&stream, &secrets).await? {
        credentials.tell_of_trusting_node(address);
    }
    Ok(stream)
}

/// Proves to know one of the secrets; false if the node has none itself.
async fn prove(stream: &Stream, secrets: &Secrets) -> Result<bool, DialError> {
    let mut talk = Talk::new(stream);
    let mut request = Vec::new();
    put_nonce(&mut request);
    talk.send(&request).await?;
    let nonce = match Asked::parse(talk.reply().await?) {
        Asked::Nonce(nonce) => nonce,
        Asked::Nothing => return talk.end().map(|()| false),
        Asked::Refused(text) => return Err(DialError::Refused(text)),
    };
    request.clear();
    put_proofs(&mut request, secrets, &nonce);
    talk.send(&request).await?;
    talk.good_reply().await?;
    talk.end().map(|()| true)
}
