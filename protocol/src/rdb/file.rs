//! `dump.rdb`: all keys of all databases in one file.
//!
//! ```text
//! "REDIS" · version (4 digits) · records · 255 · CRC-64 of all before it (8 bytes, little-endian; 0 if not kept)
//! record: 254 · database            the keys that follow are in it
//!         252 · milliseconds (8)    the key that follows expires then; 253 · seconds (4), the old form
//!         type · key · value        a key; see `object`
//!         250 · name · value        something about the file
//!         245 · code                a library of functions
//!         251, 249, 248, 247, 244   hints on sizes and use, data of modules: read past
//! ```
//! [`FileReader`] needs no more memory than the largest value and twice what one read brings; [`FileWriter`] none.

mod read;
mod record;
mod write;

pub use read::{FileError, FileReader, Flaw};
pub use record::Record;
pub use write::FileWriter;

/// What a file begins with.
const MAGIC: &[u8; 5] = b"REDIS";
/// Bytes of the magic and the version.
const HEADER_BYTES: usize = 9;
/// Bytes of the checksum at the end.
const SUM_BYTES: usize = 8;
/// The first version that ends with a checksum.
const VERSION_WITH_SUM: u16 = 5;

const SLOT_SIZES: u8 = 244;
const LIBRARY: u8 = 245;
const LIBRARY_BEFORE_RELEASE: u8 = 246;
const MODULE: u8 = 247;
const IDLE: u8 = 248;
const FREQUENCY: u8 = 249;
const ABOUT: u8 = 250;
const SIZES: u8 = 251;
const DEADLINE_MILLIS: u8 = 252;
const DEADLINE_SECONDS: u8 = 253;
const DATABASE: u8 = 254;
const END: u8 = 255;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdb::object;
    use crate::rdb::wire::Output;

    /// A file with a library, a key in database 0 and one that expires in database 3.
    fn sample() -> Vec<u8> {
        let mut writer = FileWriter::begin(Vec::new(), &[("redis-ver", "7.0.15")]).unwrap();
        writer.library(b"#!lua name=l\n").unwrap();
        let mut value = Vec::new();
        object::string(&mut Output::new(&mut value), b"v");
        writer.key(0, b"k", None, &value).unwrap();
        value.clear();
        object::list(&mut Output::new(&mut value), || [b"x".as_slice(), b"12"].into_iter());
        writer.key(3, b"l", Some(5_000), &value).unwrap();
        writer.finish().unwrap()
    }

    /// What a reader tells of a file, in words.
    fn told(file: &[u8]) -> Result<Vec<String>, FileError> {
        let (mut reader, mut told) = (FileReader::new(file), Vec::new());
        while reader.next(|record| {
            told.push(match record {
                Record::About { name, value } => format!("{}={}", name.escape_ascii(), value.escape_ascii()),
                Record::Library(code) => format!("library {}", code.escape_ascii()),
                Record::Key { database, key, deadline, value } => {
                    let mut items = Vec::new();
                    value.for_each(|element| items.push(element.name().escape_ascii().to_string()));
                    format!("{database} {} {deadline:?} {items:?}", key.escape_ascii())
                }
            });
        })? {}
        Ok(told)
    }

    #[test]
    fn what_is_written_is_read() {
        let expected = [
            "redis-ver=7.0.15",
            r"library #!lua name=l\n",
            r#"0 k None ["v"]"#,
            r#"3 l Some(5000) ["x", "12"]"#,
        ];
        assert_eq!(told(&sample()).unwrap(), expected);
    }

    #[test]
    fn a_file_that_is_cut_off_anywhere_is_refused() {
        let file = sample();
        for cut in 0..file.len() {
            let error = told(&file[..cut]).expect_err("the end is missing");
            assert!(matches!(error.flaw, Flaw::Short), "{cut}: {error}");
        }
    }

    #[test]
    fn a_byte_that_flips_is_found() {
        let file = sample();
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 0x20;
            assert!(told(&damaged).is_err(), "byte {at}");
        }
    }

    #[test]
    fn bytes_behind_the_end_are_refused() {
        let file = [sample(), vec![0]].concat();
        assert!(matches!(told(&file).unwrap_err().flaw, Flaw::Trailing));
    }

    #[test]
    fn hints_old_forms_and_modules_data_are_read_past() {
        let file = [
            b"REDIS0003".as_slice(),
            &[SIZES, 1, 0, MODULE, 0x81, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 2, 7, 5, 1, b'x', 3, 0, 0, 0, 0, 0],
            &[DATABASE, 1, DEADLINE_SECONDS, 2, 0, 0, 0, IDLE, 5, FREQUENCY, 200, 0, 1, b'k', 1, b'v', END],
        ]
        .concat();
        assert_eq!(told(&file).unwrap(), [r#"1 k Some(2000) ["v"]"#]);
    }

    #[test]
    fn what_is_no_dump_says_so() {
        let said = |file: &[u8]| told(file).unwrap_err().to_string();
        assert!(said(b"*3\r\n$3\r\nSET\r\n").contains("no RDB file"));
        assert!(said(b"REDIS0099x").contains("version 99"));
        assert!(said(b"REDIS0010\xf6").contains("release candidate"));
    }
}
