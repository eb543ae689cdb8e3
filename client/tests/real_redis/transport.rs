//! TLS, Unix sockets, users and URLs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use ringmaster_client::{Client, Error, Options, Tls, TlsFiles};
use tempfile::TempDir;

use crate::{
    bytes,
    server::{Redis, connect},
};

/// Writes `NAME.pem` and `NAME.key` of an authority and of somebody whom it knows.
fn certificates(directory: &Path, authority: &str, name: &str) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names are good names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, authority);
    let key = KeyPair::generate().expect("a key");
    let root = params.self_signed(&key).expect("a certificate");
    fs::write(directory.join(format!("{authority}.pem")), root.pem()).expect("written");
    let issuer = Issuer::new(params, key);
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let own_key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(names).expect("good names");
    params.distinguished_name.push(DnType::CommonName, name);
    let own = params.signed_by(&own_key, &issuer).expect("a certificate");
    fs::write(directory.join(format!("{name}.pem")), own.pem()).expect("written");
    fs::write(directory.join(format!("{name}.key")), own_key.serialize_pem()).expect("written");
}

/// A server that speaks nothing but TLS, and only with those whom `ca` knows.
fn start_tls() -> Option<Redis> {
    let directory = tempfile::tempdir().expect("a directory");
    certificates(directory.path(), "ca", "own");
    certificates(directory.path(), "foreign", "stranger");
    let files = ["--tls-cert-file", "own.pem", "--tls-key-file", "own.key", "--tls-ca-cert-file", "ca.pem"];
    let arguments: Vec<&str> = ["--port", "0"].into_iter().chain(files).collect();
    Redis::start_in(directory, "--tls-port", &arguments)
}

fn options(directory: &Path, ca: &str, own: Option<&str>) -> Options {
    let file = |name: String| -> PathBuf { directory.join(name) };
    let certificate = own.map(|own| (file(format!("{own}.pem")), file(format!("{own}.key"))));
    let files = TlsFiles { ca: Some(file(format!("{ca}.pem"))), certificate };
    Options { tls: Some(Tls::of_files(files).expect("good files")), ..Options::default() }
}

#[tokio::test]
async fn who_shows_a_certificate_is_served_over_tls() -> Result<(), Error> {
    let Some(redis) = start_tls() else { return Ok(()) };
    let known = options(redis.directory(), "ca", Some("own"));
    let client = connect(&format!("rediss://{}", redis.address), known.clone()).await;
    let large = vec![b'v'; 5 << 20];
    client.set("large", &large).await?;
    assert_eq!(client.get("large").await?.map(|value| value.len()), Some(large.len()));
    client.rpush("list", ["a"]).await?;
    let popped = client.blpop(["list"], std::time::Duration::from_secs(5)).await?;
    assert_eq!(popped, Some((bytes("list"), bytes("a"))));
    for (ca, own) in [("foreign", Some("own")), ("ca", None), ("ca", Some("stranger"))] {
        let refused = Client::connect_with(&redis.address, options(redis.directory(), ca, own)).await;
        // With TLS 1.3 a server refuses only after our side of the handshake.
        let why = refused.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(why.starts_with("not sent: "), "{ca} {own:?}: {why}");
    }
    let tls = known.tls.map(|tls| tls.server_name("other.example"));
    let other = Client::connect_with(&redis.address, Options { tls, ..Options::default() }).await;
    assert!(matches!(&other, Err(Error::NotSent(_))));
    Ok(())
}

#[tokio::test]
async fn a_unix_socket_and_a_user_are_named_by_a_url() -> Result<(), Error> {
    let directory: TempDir = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("redis.sock").display().to_string();
    let Some(redis) = Redis::start_in(directory, "--port", &["--unixsocket", &socket]) else { return Ok(()) };
    let admin = connect(&format!("redis+unix://{socket}"), Options::default()).await;
    admin.command(&["ACL", "SETUSER", "me", "on", ">p@ss", "+@all", "~*"]).await?;
    let mine = Client::connect(format!("redis://me:p%40ss@{}/2", redis.address)).await?;
    mine.set("k", "v").await?;
    assert_eq!((mine.get("k").await?, admin.get("k").await?), (Some(bytes("v")), None));
    let who: String = mine.query(ringmaster_client::cmd("ACL").arg("WHOAMI")).await?;
    assert_eq!(who, "me");
    let wrong = Client::connect(format!("redis://me:wrong@{}", redis.address)).await;
    assert!(matches!(wrong, Err(Error::Server(e)) if e.code() == "WRONGPASS"));
    Ok(())
}
