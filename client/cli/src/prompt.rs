//! `ringmaster cli`: one command, commands from a pipe, or a prompt; replies printed as redis-cli prints them.

mod history;
mod print;
mod repl;
mod session;
mod words;

use std::{
    ffi::OsString,
    io::{BufRead as _, IsTerminal as _, Read as _, Write as _},
    os::unix::ffi::OsStringExt as _,
    process::ExitCode,
};

use anyhow::Context as _;
use ringmaster_client::{Options, Protocol, Target};
use tokio::runtime::Runtime;

use crate::access::Access;
use print::Format;
use session::Session;

/// Longest line of a pipe, in bytes.
const LINE_BYTES_MAX: u64 = 512 << 20;

/// Talks to a server: one command, or a prompt when none is given.
///
/// Exits with 1 when the command, or one of those from a pipe, was answered with an error.
#[derive(clap::Args, Debug)]
#[command(
    disable_help_flag = true,
    after_help = "Example: ringmaster cli -p 6379 SET greeting \"hello world\""
)]
pub(crate) struct Arguments {
    /// Host of the server.
    #[arg(short = 'h', long, default_value = "127.0.0.1")]
    host: String,
    /// Port of the server.
    #[arg(short = 'p', long, default_value_t = 6379)]
    port: u16,
    /// The server as a URL: redis://USER:PASSWORD@HOST:PORT/DATABASE, or rediss:// for TLS.
    #[arg(short = 'u', long, conflicts_with_all = ["host", "port", "socket"])]
    url: Option<String>,
    /// The server's Unix socket.
    #[arg(short = 's', long, conflicts_with_all = ["host", "port"])]
    socket: Option<String>,
    #[command(flatten)]
    access: Access,
    /// Database.
    #[arg(short = 'n', default_value_t = 0)]
    database: u32,
    /// Speak RESP3.
    #[arg(short = '3')]
    resp3: bool,
    /// Take the last argument of the command from standard input.
    #[arg(short = 'x', requires = "command")]
    stdin: bool,
    /// Print replies raw also on a terminal.
    #[arg(long, conflicts_with = "no_raw")]
    raw: bool,
    /// Print replies for people also into a pipe or a file.
    #[arg(long)]
    no_raw: bool,
    /// Print this help.
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// The command and its arguments; none opens the prompt.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// Runs `ringmaster cli`.
///
/// # Errors
/// No connection, or an input or output that fails.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    // The driver of the connection runs on its own thread, so that a loss is seen while we wait for a line.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let format = arguments.format();
    let mut session = Session::new(arguments.target()?);
    if !arguments.command.is_empty() {
        let words = arguments.words()?;
        runtime.block_on(session.connect())?;
        return execute(&runtime, &mut session, &words, format).map(exit_code);
    }
    if std::io::stdin().is_terminal() {
        return repl::run(&runtime, &mut session, format).map(|()| ExitCode::SUCCESS);
    }
    pipe(&runtime, &mut session, format)
}

impl Arguments {
    /// The server, and how to get in.
    fn target(&self) -> anyhow::Result<Target> {
        let options = Options {
            protocol: if self.resp3 { Protocol::Resp3 } else { Protocol::Resp2 },
            database: self.database,
            ..session::defaults()
        };
        let address = match (&self.url, &self.socket) {
            (Some(url), _) => url.clone(),
            (None, Some(socket)) => format!("unix:{socket}"),
            (None, None) if self.host.contains(':') => format!("[{}]:{}", self.host, self.port),
            (None, None) => format!("{}:{}", self.host, self.port),
        };
        self.access.target(&address, options)
    }

    fn format(&self) -> Format {
        let for_people = self.no_raw || (std::io::stdout().is_terminal() && !self.raw);
        if for_people { Format::ForPeople } else { Format::Raw }
    }

    /// The command's words, with the last one from standard input if that was asked for.
    fn words(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        let mut words: Vec<Vec<u8>> = self.command.iter().cloned().map(OsString::into_vec).collect();
        if self.stdin {
            let mut last = Vec::new();
            std::io::stdin().lock().read_to_end(&mut last).context("cannot read standard input")?;
            words.push(last);
        }
        Ok(words)
    }
}

/// Runs one command and prints its reply. True when it was an error.
fn execute(
    runtime: &Runtime,
    session: &mut Session,
    words: &[Vec<u8>],
    format: Format,
) -> anyhow::Result<bool> {
    let outcome = runtime.block_on(session.run(words));
    let text = print::outcome(&outcome, format.of_command(words));
    match std::io::stdout().lock().write_all(&text) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(true),
        written => written.map(|()| outcome.is_err()).context("cannot write to standard output"),
    }
}

/// A command a line, until the input ends.
fn pipe(runtime: &Runtime, session: &mut Session, format: Format) -> anyhow::Result<ExitCode> {
    runtime.block_on(session.connect())?;
    let mut input = std::io::stdin().lock();
    let (mut line, mut failed) = (Vec::new(), false);
    while input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? > 0 {
        match words::split(&line) {
            Some(words) if words.is_empty() => {}
            Some(words) => failed |= execute(runtime, session, &words, format)?,
            None => {
                eprintln!("{}", words::UNBALANCED);
                failed = true;
            }
        }
        line.clear();
    }
    Ok(exit_code(failed))
}

fn exit_code(failed: bool) -> ExitCode {
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
