//! The register: a small value that an acceptor must never forget, in two copies that are written by turns.
//!
//! ```text
//! "RMREG" | version u16 | generation u64 | length u32 | payload | crc u32 of what stands before
//! ```
//! Generation 0 is no value.
//! While one copy is written the other holds the value before, so a loss of power at any moment leaves one of the two.

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

/// The open register.
pub struct Register {
    files: [Box<dyn DiskFile>; 2],
    generation: u64,
    payload: Option<Vec<u8>>,
    /// A write failed: what the next start will read is not known.
    is_broken: bool,
}

impl Register {
    /// Opens the register, or makes an empty one.
    ///
    /// # Errors
    /// As the disk says; `InvalidData` when no copy can be read.
    pub fn open(disk: &dyn Disk) -> io::Result<Self> {
        let copies = [copy(disk, FILES[0])?, copy(disk, FILES[1])?];
        if copies.iter().all(|copy| *copy == Copy::Missing) {
            return Self::create(disk);
        }
        let newest = copies.into_iter().filter_map(Copy::whole).max_by_key(|(generation, _)| *generation);
        let damaged = "both copies of the register are damaged";
        let (generation, payload) = newest.ok_or(io::Error::new(io::ErrorKind::InvalidData, damaged))?;
        // One copy is missing when power was lost while they were made.
        let files = [open_or_create(disk, FILES[0])?, open_or_create(disk, FILES[1])?];
        disk.sync_dir()?;
        let payload = (generation > 0).then_some(payload);
        Ok(Self { files, generation, payload, is_broken: false })
    }

    /// Both copies with generation 0, which is no value. Each is there whole or not at all.
    fn create(disk: &dyn Disk) -> io::Result<Self> {
        for name in FILES {
            replace_whole(disk, name, &encode(0, &[]))?;
        }
        let files = [disk.open(FILES[0])?, disk.open(FILES[1])?];
        Ok(Self { files, generation: 0, payload: None, is_broken: false })
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
        let file = &self.files[usize::from(generation.is_multiple_of(2))];
        file.write_at(&bytes, 0)?;
        file.truncate(bytes.len() as u64)?;
        file.sync()?;
        (self.generation, self.payload, self.is_broken) = (generation, Some(payload.to_vec()), false);
        Ok(())
    }
}

fn open_or_create(disk: &dyn Disk, name: &str) -> io::Result<Box<dyn DiskFile>> {
    match disk.create(name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => disk.open(name),
        file => file,
    }
}

/// What there is of a copy.
#[derive(PartialEq, Eq)]
enum Copy {
    Missing,
    Damaged,
    Whole(u64, Vec<u8>),
}

impl Copy {
    fn whole(self) -> Option<(u64, Vec<u8>)> {
        match self {
            Self::Whole(generation, payload) => Some((generation, payload)),
            Self::Missing | Self::Damaged => None,
        }
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

    #[test]
    fn the_newest_value_is_read() {
        let disk = FaultyDisk::default();
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
            if let Ok(mut register) = Register::open(&disk) {
                while acknowledged < 9 && register.write(&[acknowledged + 1; 1500]).is_ok() {
                    acknowledged += 1;
                }
            }
            disk.restart(seed);
            let register = Register::open(&disk).unwrap();
            let found = register.payload().map_or(0, |payload| payload[0]);
            assert!((acknowledged..=acknowledged + 1).contains(&found), "at {at}, seed {seed}");
        }
    }

    #[test]
    fn a_flipped_byte_gives_the_older_value_and_two_are_refused() {
        let disk = FaultyDisk::default();
        let mut register = Register::open(&disk).unwrap();
        register.write(b"one").unwrap();
        register.write(b"two").unwrap();
        let damage = |name| {
            let mut bytes = disk.bytes(name).unwrap();
            bytes[20] ^= 1;
            disk.put(name, &bytes);
        };
        damage(FILES[1]);
        assert_eq!(Register::open(&disk).unwrap().payload(), Some(&b"one"[..]));
        damage(FILES[0]);
        assert!(Register::open(&disk).is_err());
    }
}
