//! Who a data directory is: the file `identity` holds the 128 random bits that were drawn when it was made.
//!
//! ```text
//! "RMID" | version u16 | incarnation, 16 bytes | crc u32 of what stands before
//! ```

use std::io;

use ringmaster_protocol::view::{Boot, Incarnation};

use super::disk::{Disk, read_whole, replace_whole};
use super::record::DataId;
use super::{register, segment, snapshot};

/// The file's name.
pub const FILE: &str = "identity";

const MAGIC: &[u8; 4] = b"RMID";
const VERSION: u16 = 1;
const BYTES: usize = 26;

/// Who this node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Drawn when the directory was made.
    pub incarnation: Incarnation,
    /// Drawn at this start.
    pub boot: Boot,
}

impl Identity {
    /// The id that segments carry.
    #[must_use]
    pub fn data_id(&self) -> DataId {
        self.incarnation.0.to_le_bytes()
    }
}

/// The directory's identity, drawn from `random` if the directory is new. `random` is called twice at most.
///
/// # Errors
/// As the disk says; `InvalidData` when the file is damaged, or is missing beside other files of ours.
pub fn open(disk: &dyn Disk, mut random: impl FnMut() -> u128) -> io::Result<Identity> {
    let boot = Boot(random());
    let incarnation = match read_whole(disk, FILE, BYTES) {
        Ok(bytes) => decode(&bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => draw(disk, random())?,
        Err(error) => return Err(error),
    };
    Ok(Identity { incarnation, boot })
}

/// The identity's id of a directory that is there.
///
/// # Errors
/// As [`open`]; `NotFound` when there is none.
pub fn data_id(disk: &dyn Disk) -> io::Result<DataId> {
    Ok(decode(&read_whole(disk, FILE, BYTES)?)?.0.to_le_bytes())
}

fn draw(disk: &dyn Disk, random: u128) -> io::Result<Incarnation> {
    let ours = |name: &String| segment::first_lsn_of(name).is_some() || snapshot::start_of(name).is_some();
    if disk.list()?.iter().any(ours) || register::is_used(disk)? {
        return Err(invalid("the file `identity` is missing beside a log, a snapshot or a register"));
    }
    // Before it: a directory that has an identity has a register, or has lost it.
    register::make(disk)?;
    replace_whole(disk, FILE, &encode(Incarnation(random)))?;
    Ok(Incarnation(random))
}

fn encode(incarnation: Incarnation) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&incarnation.0.to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> io::Result<Incarnation> {
    let damaged = || invalid("the file `identity` is damaged");
    let id = bytes.get(6..22).and_then(|id| id.try_into().ok()).ok_or_else(damaged)?;
    let incarnation = Incarnation(u128::from_le_bytes(id));
    if encode(incarnation) == bytes { Ok(incarnation) } else { Err(damaged()) }
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::log::disk::faulty::{FaultyDisk, Verdict};

    fn counting(mut from: u128) -> impl FnMut() -> u128 {
        move || {
            from += 1;
            from
        }
    }

    #[test]
    fn a_directory_keeps_its_incarnation_and_each_start_has_a_boot() {
        let disk = FaultyDisk::default();
        let first = open(&disk, counting(10)).unwrap();
        disk.restart(3);
        let second = open(&disk, counting(20)).unwrap();
        assert_eq!(first.incarnation, second.incarnation);
        assert_ne!(first.boot, second.boot);
    }

    #[test]
    fn a_directory_that_lost_its_register_forgets_no_promise() {
        let disk = FaultyDisk::default();
        open(&disk, counting(10)).unwrap();
        let mut register = register::Register::open(&disk).unwrap();
        register.write(b"promised").unwrap();
        register::FILES.iter().for_each(|name| disk.remove(name).unwrap());
        open(&disk, counting(20)).unwrap();
        assert!(register::Register::open(&disk).is_err());
    }

    #[test]
    fn a_directory_in_the_making_is_made_wherever_power_is_lost() {
        for (at, seed) in (1..30).flat_map(|at| (0..10).map(move |seed| (at, seed))) {
            let disk = FaultyDisk::default();
            disk.set_hook(Some(Arc::new(
                move |number, _| {
                    if number == at { Verdict::LosePower } else { Verdict::Do }
                },
            )));
            let _ = open(&disk, counting(10));
            disk.restart(seed);
            open(&disk, counting(20)).unwrap();
            assert_eq!(register::Register::open(&disk).unwrap().payload(), None, "at {at}, seed {seed}");
        }
    }

    #[test]
    fn a_damaged_or_missing_identity_is_refused() {
        let disk = FaultyDisk::default();
        open(&disk, counting(10)).unwrap();
        let bytes = disk.bytes(FILE).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            disk.put(FILE, &damaged);
            assert!(open(&disk, counting(10)).is_err(), "byte {at}");
        }
        disk.remove(FILE).unwrap();
        disk.put(&snapshot::name(1), b"");
        assert!(open(&disk, counting(10)).is_err());
        disk.remove(&snapshot::name(1)).unwrap();
        disk.put(&segment::name(1), b"");
        assert!(open(&disk, counting(10)).is_err());
    }
}
