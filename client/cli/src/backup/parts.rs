//! The parts of a backup as they are written, one after the other. What is in the manifest is whole and durable.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::manifest::Manifest;
use crate::export;
use crate::transfer::rejects::Rejects;
use crate::transfer::run::Done;
use crate::transfer::writer::{Fields, Writer};
use crate::transfer::{Mark, Tally, now_millis};

/// Writes parts.
pub(super) struct Parts {
    directory: PathBuf,
    /// Bytes of values after which a part is whole.
    part_bytes: u64,
    /// What is whole.
    pub(super) manifest: Manifest,
    rejects: Rejects,
    /// The part that is being written.
    writer: Option<Writer>,
    /// What is in it, and where to go on behind it.
    tally: Tally,
    mark: Option<Mark>,
}

impl Parts {
    /// Goes on behind what the manifest names.
    pub(super) fn of(directory: &Path, manifest: Manifest, part_bytes: u64) -> Parts {
        let rejects = Rejects::at(directory.join("rejects.jsonl"));
        let directory = directory.to_owned();
        Parts { directory, part_bytes, manifest, rejects, writer: None, tally: Tally::default(), mark: None }
    }

    fn name(&self) -> String {
        format!("part-{:06}.rdb", self.manifest.parts.len() + 1)
    }

    /// Writes a page.
    ///
    /// # Errors
    /// It cannot be written; the part is given up.
    pub(super) fn take(&mut self, done: Done) -> anyhow::Result<Tally> {
        let path = self.directory.join(self.name());
        let cannot = || format!("cannot write {}", path.display());
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => Writer::begin(&path, Fields::Kept).with_context(cannot)?,
        };
        let mark = done.mark.clone();
        let tally = export::write(&mut writer, done, &mut self.rejects).with_context(cannot)?;
        self.writer = Some(writer);
        self.tally.add(tally);
        if !mark.place.is_empty() {
            self.mark = Some(mark);
        }
        if self.tally.bytes >= self.part_bytes {
            self.settle()?;
        }
        Ok(tally)
    }

    /// Ends the part that is being written, if there is one, and notes it.
    ///
    /// # Errors
    /// It cannot be written; what was noted before is as it was.
    pub(super) fn settle(&mut self) -> anyhow::Result<()> {
        let Some(mut writer) = self.writer.take() else { return Ok(()) };
        // Libraries alone are not noted: who goes on begins with them.
        if self.mark.is_none() {
            return Ok(());
        }
        let name = self.name();
        let written = writer
            .finish()
            .with_context(|| format!("cannot write {}", self.directory.join(&name).display()))?;
        let mut manifest = self.manifest.clone();
        manifest.add(name, written);
        manifest.tally.add(std::mem::take(&mut self.tally));
        manifest.mark.clone_from(&self.mark);
        manifest.save(&self.directory)?;
        self.manifest = manifest;
        Ok(())
    }

    /// Ends the backup: it is whole.
    ///
    /// # Errors
    /// As [`Parts::settle`].
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        self.mark.get_or_insert_default();
        self.settle()?;
        let manifest =
            Manifest { ended_unix_millis: Some(now_millis()), mark: None, ..self.manifest.clone() };
        manifest.save(&self.directory)?;
        self.manifest = manifest;
        Ok(())
    }
}
