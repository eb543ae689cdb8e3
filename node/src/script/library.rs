//! Libraries of functions, shared by all threads.

mod record;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockWriteGuard};

use super::shebang::Flags;

/// Most libraries.
const LIBRARIES_MAX: usize = 10_000;

/// A function that a library has registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its name, distinct among all libraries whatever the case of its letters.
    pub(crate) name: String,
    /// What it is for, if the library says so.
    pub(crate) description: Option<Vec<u8>>,
    /// What it promises.
    pub(crate) flags: Flags,
}

/// A library: its text and what it registered.
#[derive(Debug, Default)]
pub(crate) struct Library {
    /// Its name.
    pub(crate) name: String,
    /// Its whole text, the first line included.
    pub(crate) text: Vec<u8>,
    /// Where the code begins in the text.
    pub(crate) code_from: usize,
    /// What it registered.
    pub(crate) functions: Vec<Function>,
    /// Whether one of its functions has met a slot that it did not declare and that was busy.
    pub(crate) extends: AtomicBool,
}

impl Library {
    /// The text after the words of the first line.
    pub(crate) fn code(&self) -> &[u8] {
        &self.text[self.code_from..]
    }
}

/// All libraries of a node.
#[derive(Default)]
pub(crate) struct Libraries {
    known: RwLock<Known>,
    log: OnceLock<Hear>,
}

type Known = BTreeMap<String, Arc<Library>>;

/// Hears of each change, as a record of the log, in order.
type Hear = Box<dyn Fn(&[u8]) + Send + Sync>;

impl Libraries {
    /// The library that has the function `name`, and the function's flags.
    pub(crate) fn find(&self, name: &str) -> Option<(Arc<Library>, Flags)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.values().find_map(|library| {
            let function =
                library.functions.iter().find(|function| function.name.eq_ignore_ascii_case(name))?;
            Some((Arc::clone(library), function.flags))
        })
    }

    /// All libraries, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Library>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The record that makes any libraries these.
    pub(crate) fn whole(&self) -> Vec<u8> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        record::put(known.values().map(|library| &**library), true)
    }

    /// Puts libraries in, all or none; `replace` those of the same names, `flush` all others first.
    ///
    /// # Errors
    /// Why none was put in, in Redis's words.
    pub(crate) fn put(&self, fresh: Vec<Library>, replace: bool, flush: bool) -> Result<(), String> {
        let mut known = self.write();
        let record = self.log.get().map(|_| record::put(fresh.iter(), flush));
        let mut next = if flush { BTreeMap::new() } else { known.clone() };
        for library in fresh {
            if next.remove(&library.name).is_some() && !replace {
                return Err(format!("Library {} already exists", library.name));
            }
            let taken = library.functions.iter().find(|function| {
                let is_it = |known: &Function| known.name.eq_ignore_ascii_case(&function.name);
                next.values().any(|other| other.functions.iter().any(is_it))
            });
            if let Some(taken) = taken {
                return Err(format!("Function {} already exists", taken.name));
            }
            if next.len() >= LIBRARIES_MAX {
                return Err(format!("No more than {LIBRARIES_MAX} libraries are kept"));
            }
            next.insert(library.name.clone(), Arc::new(library));
        }
        *known = next;
        self.tell(record);
        Ok(())
    }

    /// Takes a library out. Returns whether there was one.
    pub(crate) fn delete(&self, name: &str) -> bool {
        let mut known = self.write();
        let was_there = known.remove(name).is_some();
        if was_there {
            self.tell(Some(record::delete(name)));
        }
        was_there
    }

    /// Takes all libraries out.
    pub(crate) fn flush(&self) {
        let mut known = self.write();
        known.clear();
        self.tell(Some(record::put([].iter(), true)));
    }

    /// Whether `record` tells a change.
    pub(crate) fn is_record(record: &[u8]) -> bool {
        record::read(record).is_some()
    }

    /// Makes the change that a record of the log tells. Returns false if it is malformed.
    pub(crate) fn replay(&self, record: &[u8]) -> bool {
        match record::read(record) {
            Some(record::Change::Put { fresh, flush }) => self.put(fresh, true, flush).is_ok(),
            Some(record::Change::Delete(name)) => {
                self.delete(&name);
                true
            }
            None => false,
        }
    }

    /// Has `hear` hear of every change from now on.
    pub(crate) fn set_log(&self, hear: impl Fn(&[u8]) + Send + Sync + 'static) {
        // Set once, when the log has been read.
        let _ = self.log.set(Box::new(hear));
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called while the libraries are locked.
    fn tell(&self, record: Option<Vec<u8>>) {
        if let (Some(hear), Some(record)) = (self.log.get(), record) {
            hear(&record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(name: &str, functions: &[&str]) -> Library {
        let function =
            |name: &&str| Function { name: (*name).to_owned(), description: None, flags: Flags::default() };
        Library {
            name: name.to_owned(),
            functions: functions.iter().map(function).collect(),
            ..Library::default()
        }
    }

    #[test]
    fn changes_are_replayed_from_their_records() {
        let (libraries, copy) = (Libraries::default(), Arc::new(Libraries::default()));
        let heard = Arc::clone(&copy);
        libraries.set_log(move |record| {
            assert!(heard.replay(record));
            assert!((0..record.len()).all(|cut| record::read(&record[..cut]).is_none()));
        });
        let shown = |libraries: &Libraries| format!("{:?}", libraries.all());
        let mut described = library("b", &["h"]);
        described.functions[0].description = Some(b"d".to_vec());
        described.functions[0].flags = Flags::NO_WRITES;
        (described.text, described.code_from) = (b"#!lua\ncode".to_vec(), 5);
        libraries.put(vec![library("a", &["f"]), described], false, false).unwrap();
        assert_eq!(shown(&libraries), shown(&copy));
        libraries.delete("a");
        assert_eq!((copy.all().len(), shown(&libraries)), (1, shown(&copy)));
        libraries.put(vec![library("c", &["f"])], false, true).unwrap();
        assert_eq!(shown(&libraries), shown(&copy));
        libraries.flush();
        assert!(copy.all().is_empty());
    }

    #[test]
    fn names_are_distinct_and_a_failed_load_changes_nothing() {
        let libraries = Libraries::default();
        libraries.put(vec![library("a", &["f", "g"])], false, false).unwrap();
        let refused = |fresh, replace| libraries.put(fresh, replace, false).unwrap_err();
        assert_eq!(refused(vec![library("a", &["h"])], false), "Library a already exists");
        assert_eq!(refused(vec![library("c", &[]), library("b", &["g"])], true), "Function g already exists");
        assert_eq!(libraries.all().len(), 1);
        libraries.put(vec![library("a", &["h"])], true, false).unwrap();
        assert!(libraries.find("f").is_none() && libraries.find("h").is_some());
        assert!(libraries.delete("a") && !libraries.delete("a"));
    }
}
