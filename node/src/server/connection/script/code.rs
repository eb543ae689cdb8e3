//! What a command asks to be run, and on which keys.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ringmaster_protocol::command::Spec;
use ringmaster_protocol::resp::{Args, number};
use ringmaster_protocol::slot::HashSlot;

use crate::script::catalogue::Script;
use crate::script::desk::{Outcome, Task};
use crate::script::library::Library;
use crate::script::sha1::{from_hex, sha1};
use crate::script::shebang::{self, Flags};
use crate::script::vm::Need;
use crate::server::connection::Connection;
use crate::server::machines::Lease;

/// Longest text of a script: compiling cannot be interrupted.
const TEXT_BYTES_MAX: usize = 16 << 20;

pub(super) const NO_MACHINE: &str = "ERR no memory for a virtual machine";
const NO_SCRIPT: &str = "NOSCRIPT No matching script. Please use EVAL.";
const TOO_LONG: &str = "ERR script is too long";
const FULL: &str = "ERR too many scripts are loaded";

/// A script or a function.
#[derive(Clone)]
pub(super) enum Code {
    /// A script.
    Script(Arc<Script>),
    /// A function: its library, its name, its flags.
    Function(Arc<Library>, String, Flags),
}

impl Code {
    pub(super) fn flags(&self) -> Flags {
        match self {
            Self::Script(script) => script.flags,
            Self::Function(.., flags) => *flags,
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Script(script) => &script.name,
            Self::Function(_, name, _) => name,
        }
    }

    pub(super) fn is_function(&self) -> bool {
        matches!(self, Self::Function(..))
    }

    pub(super) fn task(&self) -> Task {
        match self {
            Self::Script(script) => Task::Script(Arc::clone(script)),
            Self::Function(library, name, _) => Task::Function(Arc::clone(library), name.clone()),
        }
    }

    /// Whether it is known to need slots that it does not declare.
    pub(super) fn extends(&self) -> &AtomicBool {
        match self {
            Self::Script(script) => &script.extends,
            Self::Function(library, ..) => &library.extends,
        }
    }
}

/// The number of keys that a command announces.
fn count_of_keys(args: Args<'_>, broken: &str) -> Result<usize, String> {
    let count = number::parse_integer(&args[2]).ok_or(broken)?;
    match usize::try_from(count) {
        Err(_) => Err("ERR Number of keys can't be negative".to_owned()),
        Ok(count) if count > args.len() - 3 => {
            Err("ERR Number of keys can't be greater than number of args".to_owned())
        }
        Ok(count) => Ok(count),
    }
}

/// The slots of the announced keys, ascending.
pub(super) fn slots_of(args: Args<'_>, keys: usize) -> Vec<HashSlot> {
    let mut slots: Vec<HashSlot> = args.iter().skip(3).take(keys).map(HashSlot::of).collect();
    slots.sort_unstable();
    slots.dedup();
    slots
}

impl Connection {
    /// What a command runs, and how many of its arguments are keys.
    pub(super) async fn find_code(&mut self, spec: &Spec, args: Args<'_>) -> Result<(Code, usize), String> {
        const NOT_INTEGER: &str = "ERR value is not an integer or out of range";
        let scripts = &self.worker.shared.scripts;
        if spec.name.starts_with("fcall") {
            let name = String::from_utf8_lossy(&args[1]).into_owned();
            let (library, flags) = scripts.libraries.find(&name).ok_or("ERR Function not found")?;
            let keys = count_of_keys(args, "ERR Bad number of keys provided")?;
            return Ok((Code::Function(library, name, flags), keys));
        }
        if spec.name.starts_with("evalsha") {
            if args[1].len() != 40 {
                return Err(NO_SCRIPT.to_owned());
            }
            let keys = count_of_keys(args, NOT_INTEGER)?;
            let digest = from_hex(&args[1]).ok_or(NO_SCRIPT)?;
            let script = scripts.catalogue.find(&digest).ok_or(NO_SCRIPT)?;
            return Ok((Code::Script(script), keys));
        }
        let keys = count_of_keys(args, NOT_INTEGER)?;
        Ok((Code::Script(self.keep_script(&args[1], false).await?), keys))
    }

    /// The script of this text, which is kept.
    pub(super) async fn keep_script(&mut self, text: &[u8], loaded: bool) -> Result<Arc<Script>, String> {
        let shared = Arc::clone(&self.worker.shared);
        let digest = sha1(text);
        let script = match shared.scripts.catalogue.find(&digest) {
            Some(known) if !loaded => return Ok(known),
            Some(known) => known,
            None => self.compile(Script::new_checked(digest, text)?).await?,
        };
        if shared.scripts.catalogue.keep(Arc::clone(&script), loaded) {
            Ok(script)
        } else {
            Err(FULL.to_owned())
        }
    }

    async fn compile(&mut self, script: Script) -> Result<Arc<Script>, String> {
        if script.code.len() > TEXT_BYTES_MAX {
            return Err(TOO_LONG.to_owned());
        }
        let script = Arc::new(script);
        let mut lease = self.machine().await?;
        match lease.start(Task::Compile(Arc::clone(&script))) {
            Need::Ended(Outcome::Failed(text)) => Err(String::from_utf8_lossy(&text).into_owned()),
            _ => Ok(script),
        }
    }

    /// A machine that knows of all flushes.
    pub(super) async fn machine(&self) -> Result<Lease, String> {
        let lease = self.worker.machines.lend().await.ok_or(NO_MACHINE)?;
        lease.desk().generation.set(self.worker.shared.scripts.catalogue.generation());
        Ok(lease)
    }
}

impl Script {
    /// A script of this text, if its first line is right.
    fn new_checked(digest: crate::script::sha1::Digest, text: &[u8]) -> Result<Self, String> {
        let (flags, code) = shebang::of_script(text).map_err(|text| format!("ERR {text}"))?;
        Ok(Self::new(digest, flags, code))
    }
}
