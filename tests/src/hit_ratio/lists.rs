//! Doubly linked lists over keys that are small numbers: a key is in one list at most.

/// Not in any list.
pub const NOWHERE: u8 = u8::MAX;

/// Several lists that share their links.
pub struct Lists {
    /// Before and after each key, then of each list's head.
    links: Vec<(u32, u32)>,
    list_of: Vec<u8>,
    lens: Vec<usize>,
    keys: u32,
}

impl Lists {
    /// `count` empty lists over the keys `0..keys`.
    #[must_use]
    pub fn new(keys: u32, count: u8) -> Self {
        let links = (0..keys + u32::from(count)).map(|at| (at, at)).collect();
        Self { links, list_of: vec![NOWHERE; keys as usize], lens: vec![0; usize::from(count)], keys }
    }

    /// The list that holds `key`, or [`NOWHERE`].
    #[must_use]
    pub fn list_of(&self, key: u32) -> u8 {
        self.list_of[key as usize]
    }

    /// Whether a list holds `key`.
    #[must_use]
    pub fn holds(&self, key: u32) -> bool {
        self.list_of(key) != NOWHERE
    }

    /// Keys in `list`.
    #[must_use]
    pub fn len(&self, list: u8) -> usize {
        self.lens[usize::from(list)]
    }

    /// Whether `list` is empty.
    #[must_use]
    pub fn is_empty(&self, list: u8) -> bool {
        self.len(list) == 0
    }

    /// Puts `key` at the front of `list`, out of the list that held it.
    pub fn push(&mut self, list: u8, key: u32) {
        self.take(key);
        let head = self.keys + u32::from(list);
        let first = self.links[head as usize].1;
        self.links[key as usize] = (head, first);
        self.links[head as usize].1 = key;
        self.links[first as usize].0 = key;
        self.list_of[key as usize] = list;
        self.lens[usize::from(list)] += 1;
    }

    /// Takes `key` out of its list, if it is in one.
    pub fn take(&mut self, key: u32) {
        let list = std::mem::replace(&mut self.list_of[key as usize], NOWHERE);
        if list == NOWHERE {
            return;
        }
        let (before, after) = self.links[key as usize];
        self.links[before as usize].1 = after;
        self.links[after as usize].0 = before;
        self.lens[usize::from(list)] -= 1;
    }

    /// The last key of `list`.
    #[must_use]
    pub fn last(&self, list: u8) -> Option<u32> {
        let last = self.links[(self.keys + u32::from(list)) as usize].0;
        (last < self.keys).then_some(last)
    }

    /// Takes the last key of `list` out.
    pub fn pop(&mut self, list: u8) -> Option<u32> {
        let key = self.last(list)?;
        self.take(key);
        Some(key)
    }
}
