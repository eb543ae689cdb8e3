//! `LCS key1 key2 [LEN] [IDX] [MINMATCHLEN n] [WITHMATCHLEN]`: the longest common subsequence.
//!
//! The table of lengths has a cell for each pair of bytes. As in Redis it is bounded by the longest string, so
//! that two strings of 11,000 bytes are about the most that is answered.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::options::{integer, is};
use crate::command::{CommandError, CommandResult};
use crate::store::entry::STRING_BYTES_MAX;
use crate::store::keyspace::Keyspace;

/// Bytes of a cell of the table.
const CELL_BYTES: usize = 4;

#[derive(Default)]
struct Options {
    len: bool,
    indexes: bool,
    with_match_len: bool,
    match_len_min: usize,
}

/// A run of equal bytes: where it starts in each string, and its length.
struct Match {
    first: usize,
    second: usize,
    len: usize,
}

/// `LCS`.
pub(crate) fn lcs(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let [first, second] = [0, 1].map(|at| keyspace.string(keyspace.keys()[at]));
    let (Ok(first), Ok(second)) = (first, second) else {
        return Err(CommandError::text("ERR The specified keys must contain string values"));
    };
    let (first, second) = (first.unwrap_or_default(), second.unwrap_or_default());
    let options = Options::parse(args)?;
    let table = Table::new(first, second)?;
    let total = table.at(first.len(), second.len());
    if options.indexes {
        let (_, mut matches) = table.walk(first, second);
        matches.retain(|found| found.len >= options.match_len_min);
        write_indexes(&matches, total as usize, &options, reply);
    } else if options.len {
        reply.int(i64::from(total));
    } else {
        reply.bulk(&table.walk(first, second).0);
    }
    Ok(())
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let (mut options, mut index) = (Self::default(), 3);
        while let Some(option) = args.get(index) {
            match option {
                _ if is(option, "IDX") => options.indexes = true,
                _ if is(option, "LEN") => options.len = true,
                _ if is(option, "WITHMATCHLEN") => options.with_match_len = true,
                _ if is(option, "MINMATCHLEN") && index + 1 < args.len() => {
                    index += 1;
                    // A negative length is no limit; one beyond the address space matches nothing.
                    let least = integer(args, index)?.max(0);
                    options.match_len_min = usize::try_from(least).unwrap_or(usize::MAX);
                }
                _ => return Err(CommandError::Syntax),
            }
            index += 1;
        }
        if options.indexes && options.len {
            let both = "ERR If you want both the length and indexes, please just use IDX.";
            return Err(CommandError::text(both));
        }
        Ok(options)
    }
}

/// Lengths of the longest common subsequence of each pair of prefixes.
struct Table {
    lengths: Vec<u32>,
    width: usize,
}

impl Table {
    fn new(first: &[u8], second: &[u8]) -> Result<Self, CommandError> {
        let width = second.len() + 1;
        let cells = (first.len() + 1).saturating_mul(width);
        if cells.saturating_mul(CELL_BYTES) > STRING_BYTES_MAX {
            let memory = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
            return Err(CommandError::text(memory));
        }
        let mut lengths = vec![0; cells];
        for (row, byte) in first.iter().enumerate() {
            let (above, below) = lengths[row * width..(row + 2) * width].split_at_mut(width);
            for (column, other) in second.iter().enumerate() {
                let longer = above[column + 1].max(below[column]);
                below[column + 1] = if byte == other { above[column] + 1 } else { longer };
            }
        }
        Ok(Self { lengths, width })
    }

    fn at(&self, first: usize, second: usize) -> u32 {
        self.lengths[first * self.width + second]
    }

    /// The subsequence, and its runs with the last one first.
    fn walk(&self, first: &[u8], second: &[u8]) -> (Vec<u8>, Vec<Match>) {
        let (mut i, mut j) = (first.len(), second.len());
        let (mut bytes, mut matches): (Vec<u8>, Vec<Match>) = Default::default();
        let mut open = false;
        while i > 0 && j > 0 {
            if first[i - 1] != second[j - 1] {
                let up = self.at(i - 1, j) > self.at(i, j - 1);
                (i, j) = if up { (i - 1, j) } else { (i, j - 1) };
                open = false;
                continue;
            }
            (i, j) = (i - 1, j - 1);
            bytes.push(first[i]);
            match matches.last_mut().filter(|_| open) {
                Some(last) => *last = Match { first: i, second: j, len: last.len + 1 },
                None => matches.push(Match { first: i, second: j, len: 1 }),
            }
            open = true;
        }
        bytes.reverse();
        (bytes, matches)
    }
}

fn write_indexes(matches: &[Match], total: usize, options: &Options, reply: &mut Reply<'_>) {
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(matches.len());
    for found in matches {
        reply.array(if options.with_match_len { 3 } else { 2 });
        for start in [found.first, found.second] {
            reply.array(2);
            reply.count(start);
            reply.count(start + found.len - 1);
        }
        if options.with_match_len {
            reply.count(found.len);
        }
    }
    reply.bulk(b"len");
    reply.count(total);
}

#[cfg(test)]
mod tests {
    use crate::engine::testing::script;

    #[test]
    fn the_longest_common_subsequence_is_found() {
        script(&[
            ("MSET {a}1 ohmytext {a}2 mynewtext", r"+OK\r\n"),
            ("LCS {a}1 {a}2", r"$6\r\nmytext\r\n"),
            ("LCS {a}1 {a}2 LEN", r":6\r\n"),
            (
                "LCS {a}1 {a}2 IDX MINMATCHLEN 4 WITHMATCHLEN",
                r"*4\r\n$7\r\nmatches\r\n*1\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n$3\r\nlen\r\n:6\r\n",
            ),
            ("LCS {a}1 none", r"$0\r\n\r\n"),
        ]);
    }

    #[test]
    fn strings_that_would_need_too_much_memory_are_refused() {
        let too_long = r"-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len\r\n";
        script(&[
            ("SETRANGE a 20000 x", r":20001\r\n"),
            ("SETRANGE b 20000 x", r":20001\r\n"),
            ("LCS a b LEN", too_long),
        ]);
    }
}
