//! A new connection: TCP, then the handshake that [`Options`] asks for.

use std::io;

use bytes::BytesMut;
use futures_util::StreamExt as _;
use ringmaster_protocol::resp::Protocol;
use tokio::{
    io::AsyncWriteExt as _,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};
use tokio_util::codec::FramedRead;

use crate::{codec::ReplyCodec, command::Command, error::Error, options::Options, value::Value};

/// First size of the read buffer, in bytes.
const READ_BUFFER_BYTES: usize = 16 << 10;

/// A connection that is ready for commands.
pub(crate) struct Connection {
    /// Decoded replies.
    pub(crate) replies: FramedRead<OwnedReadHalf, ReplyCodec>,
    /// Where commands are written.
    pub(crate) sink: OwnedWriteHalf,
}

/// Connects and shakes hands, within the connect timeout.
///
/// # Errors
/// [`Error::Server`] when the server refused the handshake, [`Error::NotSent`] for all else.
pub(crate) async fn connect(address: &str, options: &Options) -> Result<Connection, Error> {
    timeout(options.connect_timeout, open(address, options)).await.unwrap_or_else(|_| {
        let text = format!("no connection to {address} within {:?}", options.connect_timeout);
        Err(Error::NotSent(io::Error::new(io::ErrorKind::TimedOut, text)))
    })
}

async fn open(address: &str, options: &Options) -> Result<Connection, Error> {
    let refused =
        |error: io::Error| io::Error::new(error.kind(), format!("cannot connect to {address}: {error}"));
    let stream = TcpStream::connect(address).await.map_err(refused).map_err(Error::NotSent)?;
    stream.set_nodelay(true).map_err(Error::NotSent)?;
    let (source, sink) = stream.into_split();
    let codec = ReplyCodec::new(options.reply_max_bytes);
    let replies = FramedRead::with_capacity(source, codec, READ_BUFFER_BYTES);
    let mut connection = Connection { replies, sink };
    connection.shake_hands(&handshake(options)).await?;
    Ok(connection)
}

impl Connection {
    /// Sends all commands at once; each must be answered without an error.
    async fn shake_hands(&mut self, commands: &[Command]) -> Result<(), Error> {
        let mut bytes = BytesMut::new();
        commands.iter().try_for_each(|command| command.encode(&mut bytes))?;
        self.sink.write_all(&bytes).await.map_err(Error::NotSent)?;
        for _ in commands {
            match self.replies.next().await {
                Some(Ok(Ok(Value::Error(error)))) => return Err(Error::Server(error)),
                Some(Ok(Ok(_))) => {}
                Some(Ok(Err(text))) => return Err(Error::NotSent(invalid(text))),
                Some(Err(error)) => return Err(Error::NotSent(error)),
                None => return Err(Error::NotSent(io::ErrorKind::UnexpectedEof.into())),
            }
        }
        Ok(())
    }
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// The commands of the handshake; none for the default options.
fn handshake(options: &Options) -> Vec<Command> {
    let mut commands = match options.protocol {
        Protocol::Resp2 => greet_resp2(options),
        Protocol::Resp3 => vec![hello(options)],
    };
    if options.database != 0 {
        commands.push(Command::new("SELECT").int(options.database.into()));
    }
    commands
}

fn greet_resp2(options: &Options) -> Vec<Command> {
    let auth = options.password.as_ref().map(|password| match &options.username {
        Some(username) => Command::new("AUTH").arg(username).arg(password),
        None => Command::new("AUTH").arg(password),
    });
    let name = options.name.as_ref().map(|name| Command::new("CLIENT").arg("SETNAME").arg(name));
    auth.into_iter().chain(name).collect()
}

fn hello(options: &Options) -> Command {
    let mut hello = Command::new("HELLO").int(3);
    if let Some(password) = &options.password {
        hello = hello.arg("AUTH").arg(options.username.as_deref().unwrap_or("default")).arg(password);
    }
    match &options.name {
        Some(name) => hello.arg("SETNAME").arg(name),
        None => hello,
    }
}
