//! Who changes a key, as one number: a client of the node by its id, or a client of a proxy that does not want to be told of
//! what it changes itself.
//!
//! Ids of clients are counted from 1 and never come near the numbers of authors, which have their highest bit set.

use ringmaster_protocol::extension::Author;

/// The highest bit: a client of a proxy.
const OF_PROXY: u64 = 1 << 63;

/// Bits of the client's number; those of the line are between.
const CLIENT_BITS: u32 = 32;

/// The number of an author; `None` if one of its own is too large for that: then it is told as everybody is.
pub(crate) fn number_of(author: Author) -> Option<u64> {
    let fits = author.line >> (63 - CLIENT_BITS) == 0 && author.client >> CLIENT_BITS == 0;
    fits.then_some(OF_PROXY | author.line << CLIENT_BITS | author.client)
}

/// The author of this number, if it is one.
pub(crate) fn author_of(number: u64) -> Option<Author> {
    let (line, client) = ((number & !OF_PROXY) >> CLIENT_BITS, number & ((1 << CLIENT_BITS) - 1));
    (number & OF_PROXY != 0).then_some(Author { line, client })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_comes_back_from_its_number_and_a_client_of_the_node_is_none() {
        for (line, client) in [(0, 0), (1, 2), ((1 << 31) - 1, (1 << 32) - 1)] {
            let author = Author { line, client };
            assert_eq!(number_of(author).and_then(author_of), Some(author));
        }
        assert_eq!([0, 1, OF_PROXY - 1].map(author_of), [None; 3]);
        for author in [Author { line: 1 << 31, client: 1 }, Author { line: 1, client: 1 << 32 }] {
            assert_eq!(number_of(author), None);
        }
    }
}
