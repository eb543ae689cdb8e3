//! By which number each node knows the connection over which a thread hears of keys that change there: what a node is asked
//! for in the name of a client that does not want to be told of it names that connection.

use std::cell::RefCell;
use std::collections::HashMap;

/// The numbers, by the nodes' addresses; as many as there are nodes.
#[derive(Debug, Default)]
pub(crate) struct LineNumbers(RefCell<HashMap<Box<str>, u64>>);

impl LineNumbers {
    /// That of the connection to the node at `address`; `None` while there is none.
    pub(crate) fn of(&self, address: &str) -> Option<u64> {
        self.0.borrow().get(address).copied()
    }

    /// The node at `address` knows the connection by this number.
    pub(super) fn enter(&self, address: &str, number: u64) {
        self.0.borrow_mut().insert(address.into(), number);
    }

    /// The connection of this number is gone. Another one may have taken its place.
    pub(super) fn leave(&self, address: &str, number: u64) {
        let mut numbers = self.0.borrow_mut();
        if numbers.get(address) == Some(&number) {
            numbers.remove(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_gone_takes_nothing_with_it_that_came_later() {
        let numbers = LineNumbers::default();
        numbers.enter("a:1", 7);
        numbers.enter("a:1", 8);
        numbers.leave("a:1", 7);
        numbers.leave("b:1", 8);
        assert_eq!(numbers.of("a:1"), Some(8));
        numbers.leave("a:1", 8);
        assert_eq!(numbers.of("a:1"), None);
    }
}
