//! All rows in one array, and the index that finds a row by name.
//!
//! Both are computed at compile time. Ids are dense: first the commands, file after file, then the subcommands,
//! those of one command together. The index is an open-addressing table over the case-folded name; a look-up is
//! one multiplication, one probe in nearly all cases and one comparison of the name.

use super::{
    CommandId, Spec,
    policy::Group,
    row::{Row, command},
    rows::GROUPS,
};

/// Number of commands, without subcommands.
pub const COMMANDS: usize = count(false);
/// Number of rows, subcommands included. [`CommandId::index`] is below it.
pub const COUNT: usize = count(true);

static TABLE: [Spec; COUNT] = table();
static INDEX: [u16; INDEX_LEN] = index();

/// Power of two; a quarter full at most.
const INDEX_LEN: usize = 1024;
/// Marks a free place of the index.
const FREE: u16 = u16::MAX;
/// Shortest name that the index can hold, in bytes.
const NAME_MIN: usize = 2;
/// Longest name that the index can hold, in bytes.
const NAME_MAX: usize = 24;

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

/// The command called `name`, in any letter case. Subcommands are found by [`super::resolve`] and
/// [`lookup_full`]. On the hot path: does not allocate.
#[inline]
#[must_use]
pub fn lookup(name: &[u8]) -> Option<&'static Spec> {
    if name.len() < NAME_MIN || name.len() > NAME_MAX {
        return None;
    }
    let mut place = hash(name);
    loop {
        let id = INDEX[place];
        if id == FREE {
            return None;
        }
        let spec = &TABLE[usize::from(id)];
        if spec.name.as_bytes().eq_ignore_ascii_case(name) {
            return Some(spec);
        }
        place = (place + 1) % INDEX_LEN;
    }
}

/// The command or subcommand of this full name, `get` or `client|setname`, in any letter case.
#[must_use]
pub fn lookup_full(name: &[u8]) -> Option<&'static Spec> {
    let Some(bar) = name.iter().position(|&byte| byte == b'|') else {
        return lookup(name);
    };
    lookup(&name[..bar])?.subcommand(&name[bar + 1..])
}

/// Place in the index where the search for `name` begins; the letter case does not matter.
/// `name` has at least [`NAME_MIN`] bytes.
#[inline]
const fn hash(name: &[u8]) -> usize {
    // First, middle and last bytes and the length tell nearly all names apart; bit 5 is the letter case.
    let len = name.len();
    let bytes = [name[0], name[len / 3], name[len / 2], name[len - 2], name[len - 1]];
    let word = bytes[0] as u64
        | (bytes[1] as u64) << 8
        | (bytes[2] as u64) << 16
        | (bytes[3] as u64) << 24
        | (bytes[4] as u64) << 32;
    let folded = word | 0x20_2020_2020 | (len as u64) << 40;
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize
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

const fn index() -> [u16; INDEX_LEN] {
    const { assert!(COMMANDS * 3 < INDEX_LEN, "enlarge the index") };
    let mut index = [FREE; INDEX_LEN];
    let mut id = 0;
    while id < COMMANDS {
        let name = TABLE[id].name.as_bytes();
        assert!(name.len() >= NAME_MIN && name.len() <= NAME_MAX, "a name is not as long as the index takes");
        let mut place = hash(name);
        while index[place] != FREE {
            place = (place + 1) % INDEX_LEN;
        }
        index[place] = id as u16;
        id += 1;
    }
    index
}
