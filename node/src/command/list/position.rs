//! `LPOS key element [RANK rank] [COUNT count] [MAXLEN len]`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::options::{at_least, integer, is};
use crate::command::{CommandError, CommandResult};
use crate::store::keyspace::Keyspace;
use crate::store::value::List;

struct Options {
    /// Which match is the first that counts: 1 the nearest to the front, -1 to the back. Not 0.
    rank: i64,
    /// How many matches are answered; `None`: one, and not as an array.
    count: Option<usize>,
    /// How many items are compared.
    compared_max: usize,
}

/// `LPOS`.
pub(super) fn lpos(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let options = Options::parse(args)?;
    let list = keyspace.list(keyspace.key())?;
    let matches = list.map(|list| options.search(list, &args[2])).unwrap_or_default();
    if options.count.is_some() {
        reply.array(matches.len());
        matches.iter().for_each(|index| reply.count(*index));
    } else {
        match matches.first() {
            Some(index) => reply.count(*index),
            None => reply.null(),
        }
    }
    Ok(())
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut options = Self { rank: 1, count: None, compared_max: usize::MAX };
        let mut index = 3;
        while let Some(option) = args.get(index) {
            let value = index + 1;
            match option {
                _ if value == args.len() => return Err(CommandError::Syntax),
                _ if is(option, "RANK") => options.rank = rank(args, value)?,
                _ if is(option, "COUNT") => {
                    let refusal = CommandError::text("ERR COUNT can't be negative");
                    options.count = Some(at_least(args, value, 0, refusal)?);
                }
                _ if is(option, "MAXLEN") => {
                    let refusal = CommandError::text("ERR MAXLEN can't be negative");
                    options.compared_max = unlimited(at_least(args, value, 0, refusal)?);
                }
                _ => return Err(CommandError::Syntax),
            }
            index += 2;
        }
        Ok(options)
    }

    /// The indexes of the matches, in the order of the search.
    fn search(&self, list: List<'_>, element: &[u8]) -> Vec<usize> {
        let mut items = list.iter().enumerate();
        let next = || if self.rank < 0 { items.next_back() } else { items.next() };
        let compared = std::iter::from_fn(next).take(self.compared_max);
        let matches = compared.filter(|(_, item)| *item == element).map(|(index, _)| index);
        let (skipped, taken) = match self.rank.checked_abs() {
            Some(rank) => (usize::try_from(rank - 1).unwrap_or(usize::MAX), self.count.map_or(1, unlimited)),
            // Redis cannot negate this one either: every match is above it, and no count is ever reached.
            None => (0, self.count.map_or(1, |_| usize::MAX)),
        };
        matches.skip(skipped).take(taken).collect()
    }
}

fn rank(args: Args<'_>, index: usize) -> Result<i64, CommandError> {
    match integer(args, index)? {
        0 => Err(CommandError::text(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... \
             or use negative to start from the end of the list",
        )),
        rank => Ok(rank),
    }
}

/// 0 stands for no limit.
fn unlimited(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}
