//! `ringmaster explain KEY`: what a proxy says of a key (`RM.EXPLAIN`): where it is, who serves it, what bounds its commands.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::ffi::OsStringExt as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use ringmaster_client::{Client, Error, Options, Value};

use crate::access::Access;

/// Longest wait for the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ask a proxy where a key is, who serves it, and what bounds its commands.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: ringmaster explain user:42 --json")]
pub(crate) struct Arguments {
    /// The key.
    #[arg(value_name = "KEY")]
    asked: OsString,
    /// The proxy: HOST:PORT, or a URL.
    #[arg(short = 's', long, value_name = "ADDRESS", default_value = "127.0.0.1:6379")]
    server: String,
    #[command(flatten)]
    access: Access,
    /// Database.
    #[arg(short = 'n', default_value_t = 0)]
    database: u32,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Asks, and prints the answer.
///
/// # Errors
/// The proxy does not answer, or refuses.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let options = Options {
        database: arguments.database,
        request_timeout: PATIENCE,
        reconnect: false,
        name: Some("ringmaster-explain".to_owned()),
        ..Options::default()
    };
    let target = arguments.access.target(&arguments.server, options)?;
    let mut words = vec![b"RM.EXPLAIN".to_vec(), arguments.asked.clone().into_vec()];
    words.extend(arguments.json.then(|| b"JSON".to_vec()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(async { Client::open(target).await?.command(&words).await });
    let server = &arguments.server;
    let text = match answer {
        Ok(Value::Bulk(text) | Value::Verbatim(text)) => text,
        Ok(other) => bail!("{server} answered with a {}: is it a proxy of this release?", other.kind()),
        Err(Error::Server(error)) if is_of_another(&error.to_string()) => {
            bail!("{server} is no Ringmaster proxy: {error}")
        }
        Err(error) => {
            let remedy = remedy(&error);
            return Err(error).with_context(|| format!("cannot ask {server} ({remedy})"));
        }
    };
    let mut out = std::io::stdout().lock();
    out.write_all(&text)?;
    if !text.ends_with(b"\n") {
        out.write_all(b"\n")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether an error is that of a Redis, or of a node.
fn is_of_another(error: &str) -> bool {
    error.starts_with("ERR unknown command") || error.contains("is for proxies")
}

/// What to do about it.
fn remedy(error: &Error) -> &'static str {
    match error {
        Error::Server(error) => match error.code() {
            "WRONGPASS" | "NOAUTH" => {
                "say who you are: --user, and the password in RINGMASTER_PASSWORD or -a"
            }
            "NOPERM" => "the user needs +rm.explain and the key",
            _ => "see docs/OPERATIONS.md",
        },
        Error::NotSent(_) | Error::MaybeApplied(_) => {
            "does a proxy listen there? -s HOST:PORT, and --tls if it speaks TLS"
        }
        Error::Timeout => "it says nothing: look at /readyz on its admin port",
        Error::Protocol(_) | Error::Conflict => "is it a proxy of this release?",
    }
}
