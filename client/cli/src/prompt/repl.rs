//! The prompt: a line, its reply, the next line.

use rustyline::{DefaultEditor, error::ReadlineError};
use tokio::runtime::Runtime;

use super::{execute, history, print::Format, session::Session, words};

const HELP: &str = "\
Type a command and its arguments, e.g.  SET greeting \"hello world\"
Strings are quoted as in redis-cli: \"a\\n\\x00\" or 'as it is'.
clear: clears the screen.  exit, quit, Ctrl-D: leaves.";

/// Clears the screen and goes to its corner.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// What a line asks for.
enum Ask {
    Nothing,
    Help,
    Clear,
    Leave,
    Unbalanced,
    Command(Vec<Vec<u8>>),
}

/// Runs until the user leaves.
///
/// # Errors
/// The terminal fails.
pub(super) fn run(runtime: &Runtime, session: &mut Session, format: Format) -> anyhow::Result<()> {
    let config = rustyline::Config::builder().max_history_size(history::LINES_MAX)?.build();
    let mut editor = DefaultEditor::with_config(config)?;
    let history_file = history::file();
    if let Some(file) = &history_file {
        // The first time there is none.
        let _ = editor.load_history(file);
    }
    if let Err(error) = runtime.block_on(session.connect()) {
        eprintln!("{error}");
    }
    let left = read_lines(runtime, session, format, &mut editor);
    if let Some(file) = &history_file
        && let Err(error) = editor.save_history(file)
    {
        eprintln!("Cannot keep the history in {}: {error}", file.display());
    }
    left
}

fn read_lines(
    runtime: &Runtime,
    session: &mut Session,
    format: Format,
    editor: &mut DefaultEditor,
) -> anyhow::Result<()> {
    loop {
        let line = match editor.readline(&session.prompt()) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let ask = ask(&line);
        if keeps(&ask) {
            editor.add_history_entry(&line)?;
        }
        match ask {
            Ask::Nothing => {}
            Ask::Help => println!("{HELP}"),
            Ask::Clear => print!("{CLEAR}"),
            Ask::Leave => return Ok(()),
            Ask::Unbalanced => println!("{}", words::UNBALANCED),
            Ask::Command(words) => {
                execute(runtime, session, &words, format)?;
            }
        }
    }
}

fn ask(line: &str) -> Ask {
    let Some(words) = words::split(line.as_bytes()) else { return Ask::Unbalanced };
    let Some(first) = words.first() else { return Ask::Nothing };
    match (first.to_ascii_lowercase().as_slice(), words.len()) {
        (b"help", 1) => Ask::Help,
        (b"clear", 1) => Ask::Clear,
        (b"exit" | b"quit", 1) => Ask::Leave,
        _ => Ask::Command(words),
    }
}

/// Whether the history keeps the line.
fn keeps(ask: &Ask) -> bool {
    match ask {
        Ask::Nothing | Ask::Leave => false,
        // A line that cannot be read may hold a password.
        Ask::Unbalanced => false,
        Ask::Command(words) => !history::is_secret(words),
        Ask::Help | Ask::Clear => true,
    }
}
