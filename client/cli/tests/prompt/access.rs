//! `cli` and `bench` over TLS and as a user, against a redis-server that asks for both.

use std::{
    fs,
    process::{Command, Output, Stdio},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::{RINGMASTER, redis::Redis};

/// A server that speaks TLS to whom `ca.pem` knows, and has a user `me`; the clients' files are `own.pem` and
/// `own.key`.
fn start() -> Option<Redis> {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: String| fs::write(directory.path().join(name), text).expect("written");
    let mut params = CertificateParams::new(Vec::new()).expect("no names are good names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "ca");
    let key = KeyPair::generate().expect("a key");
    write("ca.pem", params.self_signed(&key).expect("a certificate").pem());
    let issuer = Issuer::new(params, key);
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("good names");
    params.distinguished_name.push(DnType::CommonName, "own");
    let own = KeyPair::generate().expect("a key");
    write("own.pem", params.signed_by(&own, &issuer).expect("a certificate").pem());
    write("own.key", own.serialize_pem());
    let files = ["--tls-cert-file", "own.pem", "--tls-key-file", "own.key", "--tls-ca-cert-file", "ca.pem"];
    write("users.acl", "user default off\nuser me on >p@ss ~* +@all\n".to_owned());
    let users = ["--port", "0", "--aclfile", "users.acl"];
    Redis::start_in(directory, "--tls-port", &[&files[..], &users].concat())
}

/// Runs a tool with the server's files and `arguments`.
fn run(redis: &Redis, tool: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(RINGMASTER);
    command.arg(tool).args(["--cacert", &redis.file("ca.pem")]);
    command.args(["--cert", &redis.file("own.pem"), "--key", &redis.file("own.key")]);
    command.env("RINGMASTER_PASSWORD", "p@ss").args(arguments).stdin(Stdio::null());
    command.output().expect("it runs")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_prompt_speaks_tls_as_a_user() {
    let Some(redis) = start() else { return };
    let port = redis.port.to_string();
    let by_flags = run(&redis, "cli", &["--tls", "--user", "me", "-p", &port, "ACL", "WHOAMI"]);
    assert_eq!(text(&by_flags), "me\n");
    let url = format!("rediss://me:p%40ss@127.0.0.1:{port}/1");
    assert_eq!(text(&run(&redis, "cli", &["-u", &url, "SET", "k", "v"])), "OK\n");
    for (arguments, why) in [
        (&["-u", "rediss://me:wrong@127.0.0.1:PORT", "PING"][..], "WRONGPASS"),
        (&["-p", "PORT", "PING"], "without --tls"),
        (&["--tls", "--sni", "other.example", "-p", "PORT", "PING"], "other.example"),
        (&["--tls", "-u", "http://127.0.0.1", "PING"], "expected redis://"),
    ] {
        let arguments: Vec<String> = arguments.iter().map(|word| word.replace("PORT", &port)).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = run(&redis, "cli", &arguments);
        let text = text(&output);
        assert!(!output.status.success() && text.contains(why), "{arguments:?}: {text}");
        assert!(!text.contains("p@ss"), "{text}");
    }
}

#[test]
fn the_load_generator_speaks_tls_as_a_user() {
    let Some(redis) = start() else { return };
    let address = format!("127.0.0.1:{}", redis.port);
    let load =
        ["--duration", "300ms", "--warmup", "50ms", "--connections", "3", "--keys", "1000", "--prefill"];
    let closed = ["--rate", "0", "--pipeline", "50", "--value-size", "20000"];
    for (how, load) in [(&["--rate", "500"][..], load), (&closed, load)] {
        let login = ["--tls", "--user", "me", "--address", &address];
        let output = run(&redis, "bench", &[&login[..], &load, how].concat());
        assert!(output.status.success(), "{}", text(&output));
        assert!(text(&output).contains(&address), "{}", text(&output));
    }
    let nobody = run(&redis, "bench", &["--tls", "--user", "you", "--address", &address, "--duration", "1s"]);
    assert!(!nobody.status.success() && text(&nobody).contains("WRONGPASS"), "{}", text(&nobody));
}
