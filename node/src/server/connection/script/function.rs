//! SCRIPT LOAD, FUNCTION LOAD and FUNCTION RESTORE: what brings code.

use std::sync::Arc;

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::payload;
use crate::script::learn::{Learning, parsed};
use crate::script::library::Library;
use crate::server::connection::Connection;

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
            let name = String::from_utf8_lossy(&args[1]);
            return Err(format!(
                "ERR unknown subcommand or wrong number of arguments for '{name}'. Try FUNCTION HELP."
            ));
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
        parsed(text)?;
        let mut lease = self.machine().await?;
        let mut learning = Learning::begin(text, &mut lease)?;
        loop {
            if let Some(result) = learning.result(&mut lease) {
                return result;
            }
            tokio::task::yield_now().await;
            learning.go_on(&mut lease);
        }
    }
}
