//! A connection that is ready for load: TLS and user are settled before it is handed over.

use std::{
    fmt,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use ringmaster_client::{
    Options,
    rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName},
};
use ringmaster_protocol::resp::scan::Scanner;

/// Longest that connecting takes, and each step of it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where and how to connect.
#[derive(Clone)]
pub(super) struct Dial {
    address: SocketAddr,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// The commands that come first, encoded; and how many they are.
    greeting: (Vec<u8>, usize),
}

/// A connection, in the clear or over TLS.
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Dial {
    /// To `address`, without TLS and as nobody.
    #[cfg(test)]
    pub(super) fn plain(address: SocketAddr) -> Dial {
        Dial { address, tls: None, greeting: (Vec::new(), 0) }
    }

    /// To `address`, which is `host`, as `options` say.
    ///
    /// # Errors
    /// Files of certificates that cannot be used.
    pub(super) fn new(address: SocketAddr, host: &str, options: &Options) -> anyhow::Result<Dial> {
        let tls = match &options.tls {
            None => None,
            Some(tls) => {
                let name = tls.name_for(host).to_owned();
                let name = ServerName::try_from(name).context("no certificate can be for such a host")?;
                Some((tls.config()?, name))
            }
        };
        Ok(Dial { address, tls, greeting: greeting(options) })
    }

    /// Connects, and waits until the server has taken all that comes first.
    ///
    /// # Errors
    /// No connection; no TLS; a user or database that the server refuses, with its words.
    pub(super) fn open(&self) -> io::Result<Wire> {
        let stream = TcpStream::connect_timeout(&self.address, CONNECT_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(CONNECT_TIMEOUT))?;
        let mut wire = match &self.tls {
            None => Wire::Plain(stream),
            Some((config, name)) => {
                let session = ClientConnection::new(Arc::clone(config), name.clone());
                let mut stream = StreamOwned::new(session.map_err(io::Error::other)?, stream);
                while stream.conn.is_handshaking() {
                    stream.conn.complete_io(&mut stream.sock)?;
                }
                Wire::Tls(Box::new(stream))
            }
        };
        let (greeting, count) = &self.greeting;
        wire.write_all(greeting)?;
        wire.flush()?;
        wire.await_ok(*count)?;
        wire.socket().set_read_timeout(None)?;
        Ok(wire)
    }
}

impl Wire {
    /// The socket below.
    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Wire::Plain(stream) => stream,
            Wire::Tls(stream) => &stream.sock,
        }
    }

    /// Whether there may be something to read that the socket does not show.
    pub(super) fn holds_back(&self) -> bool {
        matches!(self, Wire::Tls(_))
    }

    /// Reads `count` replies, each of which must be no error. Nothing may come behind them.
    ///
    /// # Errors
    /// The connection is lost, or one of them is an error.
    pub(super) fn await_ok(&mut self, count: usize) -> io::Result<()> {
        let (mut scanner, mut input, mut at, mut seen) = (Scanner::default(), Vec::new(), 0, 0);
        let mut chunk = [0; 4096];
        while seen < count {
            match scanner.frame(&input[at..]).map_err(|error| invalid(error.to_string()))? {
                Some(_) if input[at] == b'-' => {
                    return Err(invalid(String::from_utf8_lossy(&input[at + 1..]).trim_end().to_owned()));
                }
                Some(len) => {
                    at += len;
                    seen += 1;
                }
                None => match self.read(&mut chunk)? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    read => input.extend_from_slice(&chunk[..read]),
                },
            }
        }
        Ok(())
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.read(buffer),
            Wire::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.write(bytes),
            Wire::Tls(stream) => stream.write(bytes),
        }
    }

    /// Over TLS: sends what was taken and has not left yet.
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wire::Plain(_) => Ok(()),
            Wire::Tls(stream) => stream.flush(),
        }
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket().as_fd()
    }
}

/// The password is not shown.
impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dial").field("address", &self.address).field("tls", &self.tls.is_some()).finish()
    }
}

/// `AUTH` and `SELECT`, as far as they are wanted.
fn greeting(options: &Options) -> (Vec<u8>, usize) {
    let auth = options.password.as_deref().map(|password| {
        let user = options.username.as_deref();
        ["AUTH"].into_iter().chain(user).chain([password]).map(str::to_owned).collect::<Vec<_>>()
    });
    let select = (options.database != 0).then(|| vec!["SELECT".to_owned(), options.database.to_string()]);
    let commands: Vec<Vec<String>> = auth.into_iter().chain(select).collect();
    let mut bytes = Vec::new();
    for command in &commands {
        bytes.extend(format!("*{}\r\n", command.len()).bytes());
        for word in command {
            bytes.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
        }
    }
    (bytes, commands.len())
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_database_come_first() {
        let (username, password) = (Some("me".into()), Some("pw".into()));
        let options = Options { username, password, database: 3, ..Options::default() };
        let (bytes, count) = greeting(&options);
        let want = "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$2\r\npw\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n";
        assert_eq!((String::from_utf8(bytes).unwrap().as_str(), count), (want, 2));
        assert_eq!(greeting(&Options::default()), (Vec::new(), 0));
    }

    #[test]
    fn the_password_is_not_printed() {
        let options = Options { password: Some("secret".into()), ..Options::default() };
        let dial = Dial::new("127.0.0.1:1".parse().unwrap(), "127.0.0.1", &options).unwrap();
        assert!(!format!("{dial:?}").contains("secret"));
    }
}
