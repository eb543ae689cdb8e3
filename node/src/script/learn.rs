//! What a library registers: its code is run once to learn that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::desk::{Outcome, Task};
use super::library::Library;
use super::shebang;
use super::vm::{Answer, Need, Vm};

/// Longest time that the code of a library may run to register its functions.
const LOAD_TIMEOUT: Duration = Duration::from_millis(500);

/// The name of a library and where its code begins in `text`.
///
/// # Errors
/// The first line is wrong, in Redis's words.
pub(crate) fn parsed(text: &[u8]) -> Result<(String, usize), String> {
    let heading = shebang::of_library(text).map_err(|text| format!("ERR {text}"))?;
    if !heading.engine.eq_ignore_ascii_case(b"lua") {
        return Err(format!("ERR Engine '{}' not found", String::from_utf8_lossy(&heading.engine)));
    }
    Ok((String::from_utf8_lossy(&heading.name).into_owned(), text.len() - heading.code.len()))
}

/// A library whose code is run.
pub(crate) struct Learning {
    library: Arc<Library>,
    began: Instant,
    need: Need,
}

impl Learning {
    /// Begins to run the code of `text` on `vm`, which is ready.
    ///
    /// # Errors
    /// The first line is wrong.
    pub(crate) fn begin(text: &[u8], vm: &mut Vm) -> Result<Self, String> {
        let (name, code_from) = parsed(text)?;
        let library = Arc::new(Library { name, text: text.to_vec(), code_from, ..Library::default() });
        let need = vm.start(Task::Library(Arc::clone(&library)));
        Ok(Self { library, began: Instant::now(), need })
    }

    /// What came of it; `None` when it needs another turn, which [`Learning::go_on`] gives.
    pub(crate) fn result(&self, vm: &mut Vm) -> Option<Result<Library, String>> {
        Some(match &self.need {
            Need::Ended(Outcome::Registered(functions)) => {
                let Library { name, text, code_from, .. } = &*self.library;
                let (name, text, functions) = (name.clone(), text.clone(), functions.clone());
                Ok(Library { name, text, code_from: *code_from, functions, ..Library::default() })
            }
            Need::Ended(Outcome::Failed(text)) => Err(String::from_utf8_lossy(text).into_owned()),
            Need::Ended(Outcome::Done) => Err("ERR No functions registered".to_owned()),
            Need::Turn if self.began.elapsed() < LOAD_TIMEOUT => return None,
            Need::Turn | Need::Call => {
                vm.stop();
                Err("ERR Error registering functions: ERR FUNCTION LOAD timeout".to_owned())
            }
        })
    }

    /// Runs the code for another turn.
    pub(crate) fn go_on(&mut self, vm: &mut Vm) {
        vm.desk().turn_began.set(Instant::now());
        self.need = vm.resume(Answer::Go);
    }
}

/// The library of this text, whose code is run at once.
///
/// # Errors
/// It registers nothing, or not in time; or there is no memory for a machine.
pub(crate) fn learn(text: &[u8]) -> Result<Library, String> {
    let mut vm = Vm::new(0).ok_or("no memory for a virtual machine")?;
    let mut learning = Learning::begin(text, &mut vm)?;
    loop {
        if let Some(result) = learning.result(&mut vm) {
            return result;
        }
        learning.go_on(&mut vm);
    }
}
