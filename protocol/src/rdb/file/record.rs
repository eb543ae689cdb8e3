//! One record of a file.

use super::{
    ABOUT, DATABASE, DEADLINE_MILLIS, DEADLINE_SECONDS, END, FREQUENCY, IDLE, LIBRARY,
    LIBRARY_BEFORE_RELEASE, MODULE, SIZES, SLOT_SIZES,
};
use crate::rdb::RdbError;
use crate::rdb::dump::Checked;
use crate::rdb::wire::{Input, Text};

/// Something that a file tells.
#[derive(Debug)]
pub enum Record<'a> {
    /// Something about the file and who wrote it.
    About {
        /// What, such as `redis-ver`.
        name: Text<'a>,
        /// Its value.
        value: Text<'a>,
    },
    /// The code of a library of functions.
    Library(Text<'a>),
    /// A key and its value.
    Key {
        /// The database, from 0 on; files may name more than a server has.
        database: u64,
        /// The key.
        key: Text<'a>,
        /// When it expires, in Unix milliseconds; `None` never.
        deadline: Option<u64>,
        /// Its value.
        value: Checked<'a>,
    },
}

/// What the records that were read say of the key to come.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    database: u64,
    deadline: Option<u64>,
}

/// How far a step came.
pub(super) enum Step<'a> {
    /// A record for the caller.
    Record(Record<'a>),
    /// One that only the place keeps, or that is read past.
    Noted,
    /// The end; the checksum follows.
    End,
}

impl Place {
    /// Reads one record. On an error nothing was taken.
    pub(super) fn step<'a>(&mut self, input: &mut Input<'a>) -> Result<Step<'a>, RdbError> {
        let mut ahead = *input;
        let step = match ahead.byte()? {
            END => Step::End,
            ABOUT => Step::Record(Record::About { name: ahead.text()?, value: ahead.text()? }),
            LIBRARY => Step::Record(Record::Library(ahead.text()?)),
            LIBRARY_BEFORE_RELEASE => {
                return Err(RdbError::Corrupt("functions of a release candidate of Redis 7.0"));
            }
            code if code < SLOT_SIZES => {
                let (key, database) = (ahead.text()?, self.database);
                let value = Checked::take(code, &mut ahead)?;
                Step::Record(Record::Key { database, key, deadline: self.deadline.take(), value })
            }
            code => {
                self.note(code, &mut ahead)?;
                Step::Noted
            }
        };
        *input = ahead;
        Ok(step)
    }

    fn note(&mut self, code: u8, input: &mut Input<'_>) -> Result<(), RdbError> {
        match code {
            DATABASE => self.database = input.length()?,
            DEADLINE_MILLIS => self.deadline = Some(u64::from_le_bytes(input.array()?)),
            DEADLINE_SECONDS => {
                self.deadline = Some(u64::from(u32::from_le_bytes(input.array()?)) * 1000);
            }
            FREQUENCY => drop(input.byte()?),
            IDLE => drop(input.length()?),
            SIZES => lengths(input, 2)?,
            SLOT_SIZES => lengths(input, 3)?,
            MODULE => pass_module(input)?,
            code => return Err(RdbError::Unknown(code)),
        }
        Ok(())
    }
}

fn lengths(input: &mut Input<'_>, count: usize) -> Result<(), RdbError> {
    (0..count).try_for_each(|_| input.length().map(drop))
}

/// Reads past what a module keeps beside keys: its id, when to load it, and values up to an end.
fn pass_module(input: &mut Input<'_>) -> Result<(), RdbError> {
    lengths(input, 3)?;
    loop {
        match input.length()? {
            0 => return Ok(()),
            1 | 2 => drop(input.length()?),
            3 => drop(input.bytes(4)?),
            4 => drop(input.bytes(8)?),
            5 => drop(input.text()?),
            _ => return Err(RdbError::Corrupt("data of a module")),
        }
    }
}
