//! A new connection: TCP, TLS or a Unix socket, then the handshake that [`Options`] asks for.

use std::io;

use bytes::BytesMut;
use ringmaster_protocol::resp::Protocol;
use tokio::time::timeout;
use tokio_util::codec::FramedRead;

use crate::{
    address::Address, codec::ReplyCodec, command::Command, connection::Connection, error::Error,
    options::Options, transport::Transport,
};

/// First size of the read buffer, in bytes.
const READ_BUFFER_BYTES: usize = 16 << 10;

/// Connects and shakes hands, within the connect timeout.
///
/// # Errors
/// [`Error::Server`] when the server refused the handshake, [`Error::NotSent`] for all else.
pub(crate) async fn connect(address: &Address, options: &Options) -> Result<Connection, Error> {
    timeout(options.connect_timeout, open(address, options)).await.unwrap_or_else(|_| {
        let text = format!("no connection to {address} within {:?}", options.connect_timeout);
        Err(Error::NotSent(io::Error::new(io::ErrorKind::TimedOut, text)))
    })
}

async fn open(address: &Address, options: &Options) -> Result<Connection, Error> {
    let refused =
        |error: io::Error| io::Error::new(error.kind(), format!("cannot connect to {address}: {error}"));
    let transport =
        Transport::open(address, options.tls.as_ref()).await.map_err(refused).map_err(Error::NotSent)?;
    let (source, sink) = tokio::io::split(transport);
    let codec = ReplyCodec::new(options.reply_max_bytes);
    let replies = FramedRead::with_capacity(source, codec, READ_BUFFER_BYTES);
    let mut connection = Connection { replies, sink };
    let commands = handshake(options);
    shake_hands(&mut connection, &commands, options.password.as_deref()).await?;
    if commands.is_empty() && options.tls.is_some() {
        hear_refusal(&mut connection).await.map_err(refused).map_err(Error::NotSent)?;
    }
    Ok(connection)
}

/// Over TLS 1.3 a server may refuse our certificate after our side of the handshake is done, which shows in place of
/// the first reply. Any reply is good.
async fn hear_refusal(connection: &mut Connection) -> io::Result<()> {
    connection.exchange(b"*1\r\n$4\r\nPING\r\n", 1, &mut Vec::new()).await
}

/// Sends all commands at once; each must be answered without an error. What a server repeats of them is not told: there
/// may be a `password` in it.
async fn shake_hands(
    connection: &mut Connection,
    commands: &[Command],
    password: Option<&str>,
) -> Result<(), Error> {
    let mut bytes = BytesMut::new();
    commands.iter().try_for_each(|command| command.encode(&mut bytes))?;
    let mut outcomes = Vec::with_capacity(commands.len());
    let exchanged = connection.exchange(&bytes, commands.len(), &mut outcomes).await;
    for outcome in outcomes {
        match outcome {
            Ok(_) => {}
            Err(Error::Server(error)) => return Err(Error::Server(error.without(password))),
            Err(other) => {
                let text = format!("the handshake was answered with no reply: {other}");
                return Err(Error::NotSent(io::Error::new(io::ErrorKind::InvalidData, text)));
            }
        }
    }
    exchanged.map_err(Error::NotSent)
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
