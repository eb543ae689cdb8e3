//! Certificates of one's own making, and connections that speak TLS by them.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use ringmaster_protocol::resp::scan::Scanner;
use ringmaster_runtime::tls::{BlockingTls, TlsClient, TlsFiles};

use crate::wire::{encoded, text};

/// Longest wait for a reply; a test that meets it has failed.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Somebody who signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    directory: PathBuf,
    name: String,
}

/// Files of a certificate and its key.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Whether a certificate holds now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// It does.
    Good,
    /// It did once.
    Expired,
}

impl Authority {
    /// One that writes its files into `directory`.
    ///
    /// # Panics
    /// If it cannot.
    #[must_use]
    pub fn new(directory: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are good names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key can be made");
        let own = params.self_signed(&key).expect("a certificate can be made");
        fs::write(directory.join(format!("{name}.pem")), own.pem()).expect("the directory takes files");
        Self { issuer: Issuer::new(params, key), directory: directory.to_owned(), name: name.to_owned() }
    }

    /// The file of its certificate.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.directory.join(format!("{}.pem", self.name))
    }

    /// A certificate for `name`, in files named so, good for servers at 127.0.0.1 and for clients.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn issue(&self, name: &str, validity: Validity) -> Pair {
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let mut params = CertificateParams::new(names).expect("the names are good");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        if validity == Validity::Expired {
            (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        }
        let key = KeyPair::generate().expect("a key can be made");
        let made = params.signed_by(&key, &self.issuer).expect("a certificate can be made");
        let file = |end: &str| self.directory.join(format!("{name}.{end}"));
        let pair = Pair { certificate: file("crt"), key: file("key") };
        fs::write(&pair.certificate, made.pem()).expect("the directory takes files");
        fs::write(&pair.key, key.serialize_pem()).expect("the directory takes files");
        pair
    }
}

/// A connection over TLS.
pub struct TlsWire {
    stream: BlockingTls,
    input: Vec<u8>,
    scanner: Scanner,
}

impl TlsWire {
    /// Connects, showing `pair` to who asks, and believing `authority`.
    ///
    /// # Panics
    /// If nobody listens.
    #[must_use]
    pub fn connect(address: SocketAddr, authority: &Authority, pair: &Pair) -> Self {
        let Pair { certificate, key } = pair.clone();
        let files = TlsFiles { certificate, key, ca: Some(authority.file()) };
        let client = TlsClient::new(files).expect("the files are good");
        let socket = TcpStream::connect(address).expect("somebody listens");
        socket.set_read_timeout(Some(TIMEOUT)).expect("a timeout can be set");
        socket.set_nodelay(true).expect("the option can be set");
        let stream = client.connect_blocking(socket, "127.0.0.1").expect("an address can be certified");
        Self { stream, input: Vec::new(), scanner: Scanner::default() }
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// There is no connection over TLS.
    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// The next reply.
    ///
    /// # Errors
    /// The other closed, or there is no connection over TLS.
    pub fn reply(&mut self) -> std::io::Result<Vec<u8>> {
        loop {
            if let Some(len) = self.scanner.frame(&self.input).expect("a reply is RESP") {
                return Ok(self.input.drain(..len).collect());
            }
            let mut chunk = [0; 64 << 10];
            match self.stream.read(&mut chunk)? {
                0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                read => self.input.extend_from_slice(&chunk[..read]),
            }
        }
    }

    /// Sends words separated by spaces and returns the reply, escaped; or why there is none.
    pub fn ask(&mut self, line: &str) -> String {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let outcome = self.send(&encoded(&words)).and_then(|()| self.reply());
        outcome.map_or_else(|error| format!("no TLS: {error}"), |reply| text(&reply))
    }

    /// All that comes until the other closes.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.input);
        // However it closes, what came is what there is.
        drop(self.stream.read_to_end(&mut bytes));
        bytes
    }

    /// The certificate that the other showed, once it has.
    #[must_use]
    pub fn shown(&self) -> Option<Vec<u8>> {
        Some(self.stream.conn.peer_certificates()?.first()?.to_vec())
    }
}
