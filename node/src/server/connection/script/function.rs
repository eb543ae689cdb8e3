//! SCRIPT LOAD, FUNCTION LOAD and FUNCTION RESTORE: what brings code.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::payload;
use crate::script::desk::{Outcome, Task};
use crate::script::library::Library;
use crate::script::shebang;
use crate::script::vm::{Answer, Need};
use crate::server::connection::Connection;

/// Longest time that the code of a library may run to register its functions.
const LOAD_TIMEOUT: Duration = Duration::from_millis(500);

impl Connection {
    /// `SCRIPT LOAD text`.
    pub(super) async fn load_script(&mut self, args: Args<'_>) -> Result<(), String> {
        let script = self.keep_script(&args[2], true).await?;
        Reply::new(&mut self.output, self.session.protocol).bulk(script.name.as_bytes());
        Ok(())
    }

    /// `FUNCTION LOAD [REPLACE] text`.
    pub(super) async fn load_function(&mut self, args: Args<'_>) -> Result<(), String> {
        let last = args.len() - 1;
        for option in args.iter().take(last).skip(2) {
            if !option.eq_ignore_ascii_case(b"replace") {
                return Err(format!("ERR Unknown option given: {}", String::from_utf8_lossy(option)));
            }
        }
        let replace = last > 2;
        let (name, ..) = parsed(&args[last])?;
        let shared = Arc::clone(&self.worker.shared);
        if !replace && shared.scripts.libraries.all().iter().any(|library| library.name == name) {
            return Err(format!("ERR Library '{name}' already exists"));
        }
        let library = self.learn(&args[last]).await?;
        shared.scripts.libraries.put(vec![library], replace, false).map_err(|text| format!("ERR {text}"))?;
        Reply::new(&mut self.output, self.session.protocol).bulk(name.as_bytes());
        Ok(())
    }

    /// `FUNCTION RESTORE payload [FLUSH|APPEND|REPLACE]`.
    pub(super) async fn restore_functions(&mut self, args: Args<'_>) -> Result<(), String> {
        if args.len() > 4 {
            return Err(
                "ERR unknown subcommand or wrong number of arguments for 'restore'. Try FUNCTION HELP."
                    .to_owned(),
            );
        }
        let policy = args.get(3).unwrap_or(b"append").to_ascii_lowercase();
        if !matches!(&policy[..], b"append" | b"replace" | b"flush") {
            return Err(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.".to_owned()
            );
        }
        let mut libraries: Vec<Library> = Vec::new();
        for text in payload::texts(&args[2])? {
            let library = self.learn(&text).await?;
            if libraries.iter().any(|known| known.name == library.name) {
                return Err(format!("ERR Library '{}' already exists", library.name));
            }
            libraries.push(library);
        }
        let shared = Arc::clone(&self.worker.shared);
        let put = shared.scripts.libraries.put(libraries, policy == b"replace", policy == b"flush");
        put.map_err(|text| format!("ERR {text}"))?;
        Reply::new(&mut self.output, self.session.protocol).ok();
        Ok(())
    }

    /// Runs the code of a library to learn its functions.
    async fn learn(&mut self, text: &[u8]) -> Result<Library, String> {
        let (name, code_from) = parsed(text)?;
        let library = Library { name, text: text.to_vec(), code_from, ..Library::default() };
        let library = Arc::new(library);
        let mut lease = self.machine().await?;
        let began = Instant::now();
        let mut need = lease.start(Task::Library(Arc::clone(&library)));
        loop {
            match need {
                Need::Ended(Outcome::Registered(functions)) => {
                    let Library { name, text, code_from, .. } = &*library;
                    let (name, text) = (name.clone(), text.clone());
                    let code_from = *code_from;
                    return Ok(Library { name, text, code_from, functions, ..Library::default() });
                }
                Need::Ended(Outcome::Failed(text)) => {
                    return Err(String::from_utf8_lossy(&text).into_owned());
                }
                Need::Ended(Outcome::Done) => return Err("ERR No functions registered".to_owned()),
                Need::Turn if began.elapsed() < LOAD_TIMEOUT => {
                    tokio::task::yield_now().await;
                    lease.desk().turn_began.set(Instant::now());
                    need = lease.resume(Answer::Go);
                }
                Need::Turn | Need::Call => {
                    lease.stop();
                    return Err("ERR Error registering functions: ERR FUNCTION LOAD timeout".to_owned());
                }
            }
        }
    }
}

/// The name of a library and where its code begins in `text`.
fn parsed(text: &[u8]) -> Result<(String, usize), String> {
    let heading = shebang::of_library(text).map_err(|text| format!("ERR {text}"))?;
    if !heading.engine.eq_ignore_ascii_case(b"lua") {
        return Err(format!("ERR Engine '{}' not found", String::from_utf8_lossy(&heading.engine)));
    }
    Ok((String::from_utf8_lossy(&heading.name).into_owned(), text.len() - heading.code.len()))
}
