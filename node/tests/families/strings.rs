//! Strings.

use super::support::{Random, Step, duel};

#[test]
fn set_and_get_answer_as_redis() {
    duel(|random| {
        let mut words = match random.below(2) {
            0 => vec![random.cased("SET"), random.name("k", 6), random.text()],
            _ => vec![random.cased("GET"), random.name("k", 6)],
        };
        Step::exact(words)
    });
}
