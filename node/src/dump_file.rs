//! Redis's `dump.rdb`: read into a store, and written from one.
//!
//! ```text
//! dump.rdb ──FileReader──► keys ──effects──► Store          import
//! Store ──slot by slot──► objects ──FileWriter──► dump.rdb  export
//! ```

mod export;
mod import;

pub use export::{Exported, Fields, export};
pub use import::{ImportError, Imported, import};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;
    use crate::engine::testing::reply_at;
    use crate::store::Store;

    const NOW: u64 = 1_000_000;

    const FILL: [&str; 11] = [
        "SET s 12",
        "SET long aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "SET volatile v PXAT 1005000",
        "SET gone v PXAT 1000001",
        "RPUSH l a b 3",
        "SADD set 1 2 3",
        "SADD words a b",
        "HSET h f v g w",
        "HPEXPIREAT h 1004000 FIELDS 1 f",
        "ZADD z 1.5 a 2 b",
        "XADD x 1-1 f v",
    ];

    fn filled() -> Engine {
        let engine = Engine::new(Store::new(None));
        for line in FILL {
            assert!(!reply_at(&engine, NOW, line).starts_with('-'), "{line}");
        }
        engine
    }

    fn exported(engine: &Engine, fields: Fields) -> (Vec<u8>, Exported) {
        export(engine.store(), &[b"#!lua name=l\n".to_vec()], fields, Vec::new(), NOW + 1, &mut |_| {})
            .unwrap()
    }

    #[test]
    fn a_store_comes_back() {
        let (file, written) = exported(&filled(), Fields::Kept);
        assert_eq!((written.keys, written.deadlines_dropped), (9, 0));
        let engine = Engine::new(Store::new(None));
        let read = import(engine.store(), file.as_slice(), NOW + 1, &mut |_| {}).unwrap();
        assert_eq!((read.keys, read.expired, read.libraries.len()), (9, 0, 1));
        for (line, expected) in [
            ("GET s", r"$2\r\n12\r\n"),
            ("PEXPIRETIME volatile", r":1005000\r\n"),
            ("LRANGE l 0 -1", r"*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\n3\r\n"),
            ("SINTERCARD 1 set", r":3\r\n"),
            ("HPEXPIRETIME h FIELDS 2 f g", r"*2\r\n:1004000\r\n:-1\r\n"),
            ("ZSCORE z a", r"$3\r\n1.5\r\n"),
            ("XLEN x", r":1\r\n"),
            ("STRLEN long", r":77\r\n"),
            ("DBSIZE", r":9\r\n"),
        ] {
            assert_eq!(reply_at(&engine, NOW + 1, line), expected, "{line}");
        }
    }

    #[test]
    fn for_redis_7_0_the_deadlines_of_fields_are_dropped_and_counted() {
        let (file, written) = exported(&filled(), Fields::Dropped);
        assert_eq!(written.deadlines_dropped, 1);
        let engine = Engine::new(Store::new(None));
        import(engine.store(), file.as_slice(), NOW + 1, &mut |_| {}).unwrap();
        assert_eq!(reply_at(&engine, NOW + 1, "HPEXPIRETIME h FIELDS 2 f g"), r"*2\r\n:-1\r\n:-1\r\n");
    }

    #[test]
    fn keys_that_have_expired_meanwhile_are_counted_and_left_out() {
        let (file, _) = exported(&filled(), Fields::Kept);
        let engine = Engine::new(Store::new(None));
        let read = import(engine.store(), file.as_slice(), NOW + 5000, &mut |_| {}).unwrap();
        assert_eq!((read.keys, read.expired), (8, 1));
    }

    #[test]
    fn a_damaged_file_is_an_error_with_its_place() {
        let (mut file, _) = exported(&filled(), Fields::Kept);
        let at = file.len() - 20;
        file[at] ^= 1;
        let engine = Engine::new(Store::new(None));
        let error = import(engine.store(), file.as_slice(), NOW, &mut |_| {}).unwrap_err().to_string();
        assert!(error.starts_with("at byte "), "{error}");
    }
}
