//! How many keys a slot holds in each database, so that DBSIZE and INFO walk no key.

/// Databases of a node, as Redis's default.
pub const DATABASES: u8 = 16;

/// Keys of one database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// All keys, the expired that are not removed yet included.
    pub keys: u64,
    /// Keys with a deadline.
    pub volatile: u64,
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.keys += other.keys;
        self.volatile += other.volatile;
    }
}

/// Counts of all databases; one word for a slot that uses database 0 only.
#[derive(Debug, Default)]
pub struct Census {
    zero: Small,
    others: Option<Box<[Small; DATABASES as usize]>>,
}

/// A slot holds fewer than 2^32 keys.
#[derive(Clone, Copy, Debug, Default)]
struct Small {
    keys: u32,
    volatile: u32,
}

impl Census {
    /// The counts of `database`.
    #[must_use]
    pub fn count(&self, database: u8) -> Count {
        let small = match (database, &self.others) {
            (0, _) => self.zero,
            (_, Some(others)) => others[usize::from(database)],
            _ => Small::default(),
        };
        Count { keys: u64::from(small.keys), volatile: u64::from(small.volatile) }
    }

    #[inline]
    fn small(&mut self, database: u8) -> &mut Small {
        match database {
            0 => &mut self.zero,
            _ => &mut self.others.get_or_insert_default()[usize::from(database)],
        }
    }

    /// One key came.
    #[inline]
    pub fn add(&mut self, database: u8, volatile: bool) {
        let small = self.small(database);
        small.keys += 1;
        small.volatile += u32::from(volatile);
    }

    /// One key went.
    #[inline]
    pub fn remove(&mut self, database: u8, volatile: bool) {
        let small = self.small(database);
        small.keys -= 1;
        small.volatile -= u32::from(volatile);
    }
}
