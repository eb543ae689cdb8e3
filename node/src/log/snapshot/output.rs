//! The file that a snapshot is written to.

use std::io;

use ringmaster_protocol::slot::HashSlot;

use super::format::{Framer, Trailer, header};
use super::{name, name_aside};
use crate::log::disk::{Disk, DiskFile};
use crate::log::record::DataId;
use crate::store::saving::Told;

/// Bytes written at once.
const WRITE_BYTES: usize = 256 << 10;

/// Bytes after which what is written is made durable, so that the last sync is short.
const SYNC_BYTES: u64 = 16 << 20;

/// What a buffer keeps of its memory after a large block.
const KEPT_BYTES: usize = 1 << 20;

/// A snapshot's file that grows.
pub(super) struct Output<'d> {
    disk: &'d dyn Disk,
    file: Box<dyn DiskFile>,
    framer: Framer,
    start_lsn: u64,
    out: Vec<u8>,
    raw: Vec<u8>,
    /// Bytes written.
    written: u64,
    synced: u64,
    blocks: u64,
    keys: u64,
}

impl<'d> Output<'d> {
    /// A new file beside the snapshots, with its header.
    pub(super) fn begin(disk: &'d dyn Disk, data_id: &DataId, start_lsn: u64) -> io::Result<Self> {
        let aside = name_aside(start_lsn);
        match disk.remove(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = disk.create(&aside)?;
        let out = header(data_id, start_lsn).to_vec();
        let framer = Framer::new(data_id);
        Ok(Self {
            disk,
            file,
            framer,
            start_lsn,
            out,
            raw: Vec::new(),
            written: 0,
            synced: 0,
            blocks: 0,
            keys: 0,
        })
    }

    /// Adds a library of functions.
    pub(super) fn library(&mut self, text: &[u8]) -> io::Result<()> {
        self.framer.put_library(&mut self.out, self.blocks, text);
        self.block_added()
    }

    /// Adds what was told of a slot.
    pub(super) fn slot(&mut self, slot: HashSlot, told: &Told) -> io::Result<()> {
        self.framer.put_slot(&mut self.out, (self.blocks, slot), told, &mut self.raw);
        self.raw.clear();
        self.raw.shrink_to(KEPT_BYTES);
        self.keys += told.keys;
        self.block_added()
    }

    fn block_added(&mut self) -> io::Result<()> {
        self.blocks += 1;
        if self.out.len() >= WRITE_BYTES { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        self.file.write_at(&self.out, self.written)?;
        self.written += self.out.len() as u64;
        self.out.clear();
        self.out.shrink_to(KEPT_BYTES);
        if self.written - self.synced >= SYNC_BYTES {
            self.file.sync()?;
            self.synced = self.written;
        }
        Ok(())
    }

    /// Keys so far.
    pub(super) fn keys(&self) -> u64 {
        self.keys
    }

    /// Ends the file and puts it in place, durably. Returns its bytes.
    pub(super) fn finish(mut self, end_lsn: u64) -> io::Result<u64> {
        self.framer.put_trailer(&mut self.out, self.blocks, Trailer { keys: self.keys, end_lsn });
        self.write()?;
        self.file.sync()?;
        self.disk.rename(&name_aside(self.start_lsn), &name(self.start_lsn))?;
        self.disk.sync_dir()?;
        Ok(self.written)
    }
}
