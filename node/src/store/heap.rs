//! What an allocation really takes: the allocator's size classes.
//!
//! Entries ask for whole classes, so that a value grows within its block without asking the allocator, and so that
//! what is counted is what is used.

/// Bytes that a request for `bytes` takes: jemalloc's class (8, multiples of 16 up to 128, then four to a doubling).
/// With another allocator it is an estimate.
#[inline]
#[must_use]
pub fn allocated(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        1..=8 => 8,
        9..=128 => bytes.next_multiple_of(16),
        _ => bytes.next_multiple_of(1 << ((bytes - 1).ilog2() - 2)),
    }
}

/// Bytes that a box of `T` takes.
#[must_use]
pub fn boxed<T>() -> usize {
    allocated(size_of::<T>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_jemalloc() {
        for (bytes, class) in [
            (0, 0),
            (1, 8),
            (9, 16),
            (56, 64),
            (64, 64),
            (128, 128),
            (129, 160),
            (161, 192),
            (256, 256),
            (257, 320),
            (1025, 1280),
            (5000, 5120),
            (70_000, 81_920),
        ] {
            assert_eq!(allocated(bytes), class, "{bytes}");
        }
    }
}
