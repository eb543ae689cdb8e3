//! Scripts by the SHA-1 of their text, shared by all threads.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::sha1::{Digest, hex};
use super::shebang::Flags;

/// Most scripts that came with `EVAL` only; the oldest gives way. As in Redis 7.4: clients that put values into the
/// text of a script would fill the memory.
const EVALUATED_MAX: usize = 500;

/// Most scripts that `SCRIPT LOAD` may keep.
const LOADED_MAX: usize = 100_000;

/// A script that compiles.
#[derive(Debug)]
pub(crate) struct Script {
    /// Its name.
    pub(crate) digest: Digest,
    /// Its name in hexadecimal digits.
    pub(crate) name: String,
    /// Its text without the words of a first line `#!`.
    pub(crate) code: Vec<u8>,
    /// What it promises.
    pub(crate) flags: Flags,
    /// Whether it has met a slot that it did not declare and that was busy.
    pub(crate) extends: AtomicBool,
    /// Whether `SCRIPT LOAD` brought it.
    loaded: AtomicBool,
}

impl Script {
    /// A script of this text.
    pub(crate) fn new(digest: Digest, flags: Flags, code: &[u8]) -> Self {
        Self {
            digest,
            name: hex(&digest),
            code: code.to_vec(),
            flags,
            extends: AtomicBool::default(),
            loaded: AtomicBool::default(),
        }
    }
}

/// All scripts of a node.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    known: RwLock<Known>,
    /// Raised by a flush: what was compiled before counts no more.
    generation: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    scripts: HashMap<Digest, Arc<Script>>,
    /// Those that came with `EVAL`, oldest first. One that was loaded later stays in line until its turn.
    evaluated: VecDeque<Digest>,
}

impl Catalogue {
    /// The script of this name.
    pub(crate) fn find(&self, digest: &Digest) -> Option<Arc<Script>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).scripts.get(digest).cloned()
    }

    /// Bytes of the texts of all scripts.
    pub(crate) fn text_bytes(&self) -> usize {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.scripts.values().map(|script| script.code.len() + size_of::<Script>()).sum()
    }

    /// Keeps a script that compiles; `loaded` for good, else until many others came. Returns false when no more can
    /// be kept for good.
    pub(crate) fn keep(&self, script: Arc<Script>, loaded: bool) -> bool {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let known = &mut *known;
        if loaded && known.scripts.len() >= LOADED_MAX + EVALUATED_MAX {
            return false;
        }
        let digest = script.digest;
        let fresh = !known.scripts.contains_key(&digest);
        let kept = known.scripts.entry(digest).or_insert(script);
        kept.loaded.fetch_or(loaded, Ordering::Relaxed);
        if fresh && !loaded {
            known.evaluated.push_back(digest);
        }
        while known.evaluated.len() > EVALUATED_MAX {
            let oldest = known.evaluated.pop_front().and_then(|digest| known.scripts.get(&digest));
            if let Some(oldest) = oldest.filter(|script| !script.loaded.load(Ordering::Relaxed)) {
                let digest = oldest.digest;
                known.scripts.remove(&digest);
            }
        }
        true
    }

    /// Forgets all scripts.
    pub(crate) fn flush(&self) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known::default();
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Number of flushes so far.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::sha1::sha1;

    fn script(text: &str) -> Arc<Script> {
        Arc::new(Script::new(sha1(text.as_bytes()), Flags::COMPATIBLE, text.as_bytes()))
    }

    #[test]
    fn evaluated_scripts_give_way_and_loaded_ones_stay() {
        let catalogue = Catalogue::default();
        let (loaded, first) = (script("return 'loaded'"), script("return 'first'"));
        catalogue.keep(Arc::clone(&first), false);
        catalogue.keep(Arc::clone(&loaded), false);
        catalogue.keep(Arc::clone(&loaded), true);
        (0..EVALUATED_MAX).for_each(|number| {
            catalogue.keep(script(&format!("return {number}")), false);
        });
        assert!(catalogue.find(&first.digest).is_none());
        assert!(catalogue.find(&loaded.digest).is_some());
        assert_eq!(catalogue.known.read().unwrap().scripts.len(), EVALUATED_MAX + 1);
        catalogue.flush();
        assert!(catalogue.find(&loaded.digest).is_none());
        assert_eq!(catalogue.generation(), 1);
    }
}
