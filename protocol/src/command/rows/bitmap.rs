//! Bitmaps.

use crate::command::{
    key::{at, range},
    policy::Replay,
    row::{Row, command},
};

pub(super) const ROWS: &[Row] = &[
    command("bitcount", -2)
        .flags("readonly")
        .categories("bitmap")
        .keys(&[at(1, "RO access")])
        .about("2.6.0", "O(N)", "Count set bits in a string")
        .history(&[("7.0.0", "Added the `BYTE|BIT` option.")])
        .arguments(
            "key:key@0 index:block?(start:integer end:integer \
            index_unit:oneof^7.0.0?(byte:pure-token=BYTE bit:pure-token=BIT))",
        ),
    command("bitfield", -2)
        .flags("write denyoom")
        .categories("bitmap")
        .keys(&[at(1, "RW access update variable_flags")
            .noted("This command allows both access and modification of the key")])
        .replay(Replay::Exact)
        .about(
            "3.2.0",
            "O(1) for each subcommand specified",
            "Perform arbitrary bitfield integer operations on strings",
        )
        .arguments(
            "key:key@0 operation:oneof?*(encoding_offset:block=GET(encoding:string offset:integer) \
            write:block(wrap_sat_fail:oneof=OVERFLOW?(wrap:pure-token=WRAP sat:pure-token=SAT \
            fail:pure-token=FAIL) write_operation:oneof(encoding_offset_value:block=SET(encoding:string \
            offset:integer value:integer) encoding_offset_increment:block=INCRBY(encoding:string \
            offset:integer increment:integer))))",
        ),
    command("bitfield_ro", -2)
        .flags("readonly fast")
        .categories("bitmap")
        .keys(&[at(1, "RO access")])
        .about(
            "6.0.0",
            "O(1) for each subcommand specified",
            "Perform arbitrary bitfield integer operations on strings. Read-only variant of BITFIELD",
        )
        .arguments("key:key@0 encoding_offset:block=GET?*+(encoding:string offset:integer)"),
    command("bitop", -4)
        .flags("write denyoom")
        .categories("bitmap")
        .keys(&[at(2, "OW update"), range(3, -1, 1, "RO access")])
        .replay(Replay::Exact)
        .about("2.6.0", "O(N)", "Perform bitwise operations between strings")
        .arguments("operation:string destkey:key@0 key:key@1*"),
    command("bitpos", -3)
        .flags("readonly")
        .categories("bitmap")
        .keys(&[at(1, "RO access")])
        .about("2.8.7", "O(N)", "Find first bit set or clear in a string")
        .history(&[("7.0.0", "Added the `BYTE|BIT` option.")])
        .arguments(
            "key:key@0 bit:integer index:block?(start:integer end_index:block?(end:integer \
            index_unit:oneof^7.0.0?(byte:pure-token=BYTE bit:pure-token=BIT)))",
        ),
    command("getbit", 3)
        .flags("readonly fast")
        .categories("bitmap")
        .keys(&[at(1, "RO access")])
        .about("2.2.0", "O(1)", "Returns the bit value at offset in the string value stored at key")
        .arguments("key:key@0 offset:integer"),
    command("setbit", 4)
        .flags("write denyoom")
        .categories("bitmap")
        .keys(&[at(1, "RW access update")])
        .replay(Replay::Exact)
        .about("2.2.0", "O(1)", "Sets or clears the bit at offset in the string value stored at key")
        .arguments("key:key@0 offset:integer value:integer"),
];
