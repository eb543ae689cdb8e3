//! The register: a small value that an acceptor must never forget, in two copies.
//!
//! ```text
//! "RMREG" | version u16 | generation u64 | length u32 | payload | crc u32 of what stands before
//! ```
//! Generation 0 is no value. A value is written to one copy, then to the other, and each is synced before the next step;
//! so a loss of power leaves one of them whole, and damage to one of them later leaves the value in the other. Both are
//! made with the directory, before its identity: where they are missing later, a promise may be forgotten.

use std::io;

use super::disk::{Disk, DiskFile, read_whole, replace_whole};

/// The copies.
pub const FILES: [&str; 2] = ["register-a", "register-b"];

/// Longest payload.
pub const PAYLOAD_BYTES_MAX: usize = 16 << 20;

const MAGIC: &[u8; 5] = b"RMREG";
const VERSION: u16 = 1;
const HEAD_BYTES: usize = 19;
const BYTES_MAX: usize = HEAD_BYTES + PAYLOAD_BYTES_MAX + 4;

/// Makes a register without a value, in a directory that is made.
///
/// # Errors
/// As the disk says.
pub fn make(disk: &dyn Disk) -> io::Result<()> {
    FILES.iter().try_for_each(|name| replace_whole(disk, name, &encode(0, &[])))
}

/// Whether there is more than the copies of a register without a value, which a directory has whose making was not
/// finished.
///
/// # Errors
/// As the disk says.
pub fn is_used(disk: &dyn Disk) -> io::Result<bool> {
    let is_new = |copy: &Copy| matches!(copy, Copy::Missing | Copy::Whole(0, _));
    Ok(!is_new(&copy(disk, FILES[0])?) || !is_new(&copy(disk, FILES[1])?))
}

/// The open register.
pub struct Register {
    files: [Box<dyn DiskFile>; 2],
    generation: u64,
    payload: Option<Vec<u8>>,
    /// A write failed: what the next start will read is not known.
    is_broken: bool,
}

impl Register {
    /// Opens the register of a directory. What it tells is durable: a value that was read may have come no
    /// further than the kernel's memory, so it is written anew.
    ///
    /// # Errors
    /// As the disk says; `InvalidData` when the value is not known: both copies are damaged or missing, one is
    /// missing beside a value, or they are further apart than one write.
    pub fn open(disk: &dyn Disk) -> io::Result<Self> {
        let (generation, payload) = newest(copy(disk, FILES[0])?, copy(disk, FILES[1])?)?;
        for name in FILES {
            replace_whole(disk, name, &encode(generation, &payload))?;
        }
        let files = [disk.open(FILES[0])?, disk.open(FILES[1])?];
        Ok(Self { files, generation, payload: (generation > 0).then_some(payload), is_broken: false })
    }

    /// What was written last; `None` when nothing was.
    #[must_use]
    pub fn payload(&self) -> Option<&[u8]> {
        self.payload.as_deref()
    }

    /// Writes `payload`. It is durable when this returns.
    ///
    /// # Errors
    /// `InvalidInput` if it is too long. As the disk says: then nothing can be written any more, and the next start
    /// finds this payload or the one before.
    pub fn write(&mut self, payload: &[u8]) -> io::Result<()> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if std::mem::replace(&mut self.is_broken, true) {
            return Err(io::Error::other("an earlier write of the register failed"));
        }
        let generation = self.generation + 1;
        let bytes = encode(generation, payload);
        for file in &self.files {
            file.write_at(&bytes, 0)?;
            file.truncate(bytes.len() as u64)?;
            file.sync()?;
        }
        (self.generation, self.payload, self.is_broken) = (generation, Some(payload.to_vec()), false);
        Ok(())
    }
}

/// What there is of a copy.
#[derive(PartialEq, Eq)]
enum Copy {
    Missing,
    Damaged,
    Whole(u64, Vec<u8>),
}

/// The value that counts. Where one copy is damaged the other is whole: a value is in both before it is acknowledged.
fn newest(a: Copy, b: Copy) -> io::Result<(u64, Vec<u8>)> {
    let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    match (a, b) {
        (Copy::Missing, Copy::Missing) => refuse("both copies of the register are missing"),
        (Copy::Whole(a, of_a), Copy::Whole(b, of_b)) if a.abs_diff(b) <= 1 => {
            Ok(if a > b { (a, of_a) } else { (b, of_b) })
        }
        (Copy::Whole(..), Copy::Whole(..)) => refuse("the copies of the register are not of one time"),
        // Power was lost while they were made.
        (Copy::Whole(0, _), _) | (_, Copy::Whole(0, _)) => Ok((0, Vec::new())),
        (Copy::Whole(number, payload), Copy::Damaged) | (Copy::Damaged, Copy::Whole(number, payload)) => {
            Ok((number, payload))
        }
        (Copy::Missing, _) | (_, Copy::Missing) => refuse("a copy of the register is missing"),
        (Copy::Damaged, Copy::Damaged) => refuse("both copies of the register are damaged"),
    }
}

fn copy(disk: &dyn Disk, name: &str) -> io::Result<Copy> {
    match read_whole(disk, name, BYTES_MAX) {
        Ok(bytes) => {
            Ok(decode(&bytes).map_or(Copy::Damaged, |(number, payload)| Copy::Whole(number, payload)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Copy::Missing),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(Copy::Damaged),
        Err(error) => Err(error),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a payload is bounded")]
fn encode(generation: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + payload.len() + 4);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&generation.to_le_bytes());
    bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    bytes.extend_from_slice(payload);
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<(u64, Vec<u8>)> {
    let generation = u64::from_le_bytes(bytes.get(7..15)?.try_into().ok()?);
    let payload = bytes.get(HEAD_BYTES..bytes.len().checked_sub(4)?)?;
    (encode(generation, payload) == bytes).then(|| (generation, payload.to_vec()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::log::disk::faulty::{FaultyDisk, Verdict};

    /// The register, made before if the directory is new.
    fn begun(disk: &FaultyDisk) -> io::Result<Register> {
        if !is_used(disk)? {
            make(disk)?;
        }
        Register::open(disk)
    }

    #[test]
    fn the_newest_value_is_read() {
        let disk = FaultyDisk::default();
        make(&disk).unwrap();
        for number in 0..5u8 {
            Register::open(&disk).unwrap().write(&[number; 100]).unwrap();
            disk.restart(u64::from(number));
            assert_eq!(Register::open(&disk).unwrap().payload(), Some(&[number; 100][..]));
        }
    }

    #[test]
    fn a_loss_of_power_leaves_the_value_or_the_one_before() {
        for (at, seed) in (1..24).flat_map(|at| (0..40).map(move |seed| (at, seed))) {
            let disk = FaultyDisk::default();
            disk.set_hook(Some(Arc::new(
                move |number, _| {
                    if number == at { Verdict::LosePower } else { Verdict::Do }
                },
            )));
            let mut acknowledged = 0;
            if let Ok(mut register) = begun(&disk) {
                while acknowledged < 9 && register.write(&[acknowledged + 1; 1500]).is_ok() {
                    acknowledged += 1;
                }
            }
            disk.restart(seed);
            let register = begun(&disk).unwrap();
            let found = register.payload().map_or(0, |payload| payload[0]);
            assert!((acknowledged..=acknowledged + 1).contains(&found), "at {at}, seed {seed}");
        }
    }

    #[test]
    fn a_flipped_byte_harms_nothing_and_two_are_refused() {
        let disk = FaultyDisk::default();
        let mut register = begun(&disk).unwrap();
        register.write(b"one").unwrap();
        register.write(b"two").unwrap();
        let whole = disk.bytes(FILES[0]).unwrap();
        for (name, at) in FILES.iter().flat_map(|name| (0..whole.len()).map(move |at| (*name, at))) {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            disk.put(name, &damaged);
            assert_eq!(Register::open(&disk).unwrap().payload(), Some(&b"two"[..]), "{name}, byte {at}");
        }
        FILES.iter().for_each(|name| disk.put(name, &whole[1..]));
        assert!(Register::open(&disk).is_err());
    }

    #[test]
    fn a_copy_that_is_missing_or_stale_is_refused() {
        let disk = FaultyDisk::default();
        begun(&disk).unwrap().write(b"one").unwrap();
        let first = disk.bytes(FILES[1]).unwrap();
        let mut register = Register::open(&disk).unwrap();
        register.write(b"two").unwrap();
        register.write(b"three").unwrap();
        disk.put(FILES[1], &first);
        assert!(Register::open(&disk).is_err());
        disk.remove(FILES[1]).unwrap();
        assert!(Register::open(&disk).is_err());
        disk.remove(FILES[0]).unwrap();
        assert!(Register::open(&disk).is_err());
    }

    #[test]
    fn a_value_that_was_told_after_a_crash_is_not_forgotten_by_the_next() {
        for (at, seed) in (1..40).flat_map(|at| (0..10).map(move |seed| (at, seed))) {
            let disk = FaultyDisk::default();
            begun(&disk).unwrap().write(&[1; 700]).unwrap();
            let mut register = Register::open(&disk).unwrap();
            let before = disk.deeds();
            disk.set_hook(Some(Arc::new(
                move |number, _| {
                    if number == before + at { Verdict::Fail(5) } else { Verdict::Do }
                },
            )));
            let _ = register.write(&[2; 700]);
            disk.set_hook(None);
            disk.kill();
            let told = Register::open(&disk).unwrap().payload().map(<[u8]>::to_vec);
            disk.restart(seed);
            let found = Register::open(&disk).unwrap().payload().map(<[u8]>::to_vec);
            assert_eq!(told, found, "at {at}, seed {seed}");
        }
    }
}
