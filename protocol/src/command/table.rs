//! All rows in one array.
//!
//! It is computed at compile time. Ids are dense: first the commands, file after file, then the subcommands,
//! those of one command together.

use super::{
    CommandId, Spec, index,
    policy::Group,
    row::{Row, command},
    rows::GROUPS,
};

/// Number of commands, without subcommands.
pub const COMMANDS: usize = count(false);
/// Number of rows, subcommands included. [`CommandId::index`] is below it.
pub const COUNT: usize = count(true);

pub(super) static TABLE: [Spec; COUNT] = table();

/// All rows: the commands first, then the subcommands. The id of a row is its place.
#[must_use]
pub fn all() -> &'static [Spec] {
    &TABLE
}

/// The row of `id`.
#[inline]
#[must_use]
pub fn by_id(id: CommandId) -> &'static Spec {
    &TABLE[id.index()]
}

/// The command called `name`, in any letter case. Subcommands are found by [`super::resolve()`] and
/// [`lookup_full`]. On the hot path: does not allocate.
#[inline]
#[must_use]
pub fn lookup(name: &[u8]) -> Option<&'static Spec> {
    index::find(name).map(|id| &TABLE[id])
}

/// The command or subcommand of this full name, `get` or `client|setname`, in any letter case.
#[must_use]
pub fn lookup_full(name: &[u8]) -> Option<&'static Spec> {
    let Some(bar) = name.iter().position(|&byte| byte == b'|') else {
        return lookup(name);
    };
    lookup(&name[..bar])?.subcommand(&name[bar + 1..])
}

const fn count(with_subcommands: bool) -> usize {
    let (mut total, mut group) = (0, 0);
    while group < GROUPS.len() {
        let rows = GROUPS[group].1;
        let mut place = 0;
        while place < rows.len() {
            total += 1 + if with_subcommands { rows[place].children.len() } else { 0 };
            place += 1;
        }
        group += 1;
    }
    total
}

const fn table() -> [Spec; COUNT] {
    let mut table = [command("", 0).spec; COUNT];
    let (mut id, mut child_id, mut group) = (0, COMMANDS, 0);
    while group < GROUPS.len() {
        let (kind, rows) = GROUPS[group];
        let mut place = 0;
        while place < rows.len() {
            let row = &rows[place];
            table[id] = row.finish(id as u16, kind, (child_id as u16, row.children.len() as u16));
            child_id = put_children(&mut table, child_id, kind, row.children);
            id += 1;
            place += 1;
        }
        group += 1;
    }
    table
}

const fn put_children(table: &mut [Spec; COUNT], mut id: usize, kind: Group, rows: &[Row]) -> usize {
    let mut place = 0;
    while place < rows.len() {
        table[id] = rows[place].finish(id as u16, kind, (0, 0));
        id += 1;
        place += 1;
    }
    id
}
