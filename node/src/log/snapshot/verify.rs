//! Reads a snapshot to its end without a store.

use super::file::Input;
use super::format::{Framer, Head, Kind, decompress, of_chains, portion};
use super::{Loaded, list};
use crate::log::disk::Disk;
use crate::log::record::{Bad, DataId};
use crate::log::recovery::RecoveryError;
use crate::store::effect::encoding::framed;

/// Decodes every effect of the newest snapshot; `None` if there is none.
///
/// # Errors
/// [`RecoveryError`].
pub fn verify(disk: &dyn Disk, data_id: &DataId) -> Result<Option<Loaded>, RecoveryError> {
    let Some((start_lsn, file)) = list(disk)?.pop() else { return Ok(None) };
    let mut input = Input::open(disk, file.clone(), data_id, start_lsn)?;
    let (framer, mut raw) = (Framer::new(data_id), Vec::new());
    loop {
        let offset = input.offset();
        let Some((head, block)) = input.next()? else { break };
        look(framer, &head, block, &mut raw).map_err(|bad| input.damage(offset, bad))?;
    }
    let (trailer, bytes) = (input.trailer(), input.size());
    let (keys, end_lsn) = (trailer.keys, trailer.end_lsn);
    Ok(Some(Loaded { file, start_lsn, end_lsn, keys, bytes, libraries: Vec::new() }))
}

fn look(framer: Framer, head: &Head, block: &[u8], raw: &mut Vec<u8>) -> Result<(), Bad> {
    let (_, payload) = framer.take(block)?;
    decompress(head, payload, raw)?;
    if head.kind == Kind::Slot {
        let (slot, portion) = portion(head, raw)?;
        of_chains(raw)?;
        let mut rest = portion.effects;
        while !rest.is_empty() {
            framed::take(&mut rest, slot).map_err(|_| Bad::Body)?;
        }
    }
    Ok(())
}
