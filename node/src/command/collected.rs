//! Byte strings copied out of the store: an effect cannot borrow what it is about to change.

/// Byte strings in one buffer.
#[derive(Debug, Default)]
pub struct Collected {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Collected {
    /// Adds a copy of `item`.
    pub fn push(&mut self, item: &[u8]) {
        self.bytes.extend_from_slice(item);
        self.ends.push(self.bytes.len());
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The items in the order in which they came.
    #[must_use]
    pub fn slices(&self) -> Vec<&[u8]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(&start, &end)| &self.bytes[start..end]).collect()
    }
}

impl<'a> FromIterator<&'a [u8]> for Collected {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(items: I) -> Self {
        let mut collected = Self::default();
        items.into_iter().for_each(|item| collected.push(item));
        collected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_out_as_they_went_in() {
        let items: [&[u8]; 3] = [b"", b"ab", b"c"];
        let collected: Collected = items.into_iter().collect();
        assert_eq!((collected.slices(), collected.len()), (items.to_vec(), 3));
        assert!(Collected::default().is_empty() && Collected::default().slices().is_empty());
    }
}
