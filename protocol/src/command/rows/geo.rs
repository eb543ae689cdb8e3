//! Geospatial indices.

use crate::command::{
    key::{ONE, after, at},
    policy::Replay,
    row::{Row, command},
};

pub(super) const ROWS: &[Row] = &[
    command("geoadd", -5)
        .flags("write denyoom")
        .categories("geo")
        .keys(&[at(1, "RW update")])
        .replay(Replay::Exact)
        .about(
            "3.2.0",
            "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
            "Add one or more geospatial items in the geospatial index represented using a sorted set",
        )
        .history(&[("6.2.0", "Added the `CH`, `NX` and `XX` options.")])
        .arguments(
            "key:key@0 condition:oneof^6.2.0?(nx:pure-token=NX xx:pure-token=XX) \
            change:pure-token=CH^6.2.0? longitude_latitude_member:block*(longitude:double \
            latitude:double member:string)",
        ),
    command("geodist", -4)
        .flags("readonly")
        .categories("geo")
        .keys(&[at(1, "RO access")])
        .about("3.2.0", "O(log(N))", "Returns the distance between two members of a geospatial index")
        .arguments(
            "key:key@0 member1:string member2:string unit:oneof?(m:pure-token=M km:pure-token=KM \
            ft:pure-token=FT mi:pure-token=MI)",
        ),
    command("geohash", -2)
        .flags("readonly")
        .categories("geo")
        .keys(&[at(1, "RO access")])
        .about(
            "3.2.0",
            "O(log(N)) for each member requested, where N is the number of elements in the sorted set.",
            "Returns members of a geospatial index as standard geohash strings",
        )
        .arguments("key:key@0 member:string*"),
    command("geopos", -2)
        .flags("readonly")
        .categories("geo")
        .keys(&[at(1, "RO access")])
        .about(
            "3.2.0",
            "O(N) where N is the number of members requested.",
            "Returns longitude and latitude of members of a geospatial index",
        )
        .arguments("key:key@0 member:string*"),
    command("georadius", -6)
        .flags("write denyoom")
        .categories("geo")
        .keys(&[
            at(1, "RO access"),
            after("STORE", 6, ONE, "OW update"),
            after("STOREDIST", 6, ONE, "OW update"),
        ])
        .replay(Replay::Effect)
        .about(
            "3.2.0",
            "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area \
            delimited by center and radius and M is the number of items inside the index.",
            "Query a sorted set representing a geospatial index to fetch members matching a given \
            maximum distance from a point",
        )
        .deprecated("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument")
        .history(&[
            ("6.2.0", "Added the `ANY` option for `COUNT`."),
            ("7.0.0", "Added support for uppercase unit names."),
        ])
        .arguments(
            "key:key@0 longitude:double latitude:double radius:double unit:oneof(m:pure-token=M \
            km:pure-token=KM ft:pure-token=FT mi:pure-token=MI) withcoord:pure-token=WITHCOORD? \
            withdist:pure-token=WITHDIST? withhash:pure-token=WITHHASH? \
            count:block?(count:integer=COUNT any:pure-token=ANY^6.2.0?) order:oneof?(asc:pure-token=ASC \
            desc:pure-token=DESC) key:key@1=STORE? key:key@2=STOREDIST?",
        ),
    command("georadius_ro", -6)
        .flags("readonly")
        .categories("geo")
        .keys(&[at(1, "RO access")])
        .about(
            "3.2.10",
            "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area \
            delimited by center and radius and M is the number of items inside the index.",
            "A read-only variant for GEORADIUS",
        )
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument")
        .history(&[("6.2.0", "Added the `ANY` option for `COUNT`.")])
        .arguments(
            "key:key@0 longitude:double latitude:double radius:double unit:oneof(m:pure-token=M \
            km:pure-token=KM ft:pure-token=FT mi:pure-token=MI) withcoord:pure-token=WITHCOORD? \
            withdist:pure-token=WITHDIST? withhash:pure-token=WITHHASH? \
            count:block?(count:integer=COUNT any:pure-token=ANY^6.2.0?) order:oneof?(asc:pure-token=ASC \
            desc:pure-token=DESC)",
        ),
    command("georadiusbymember", -5)
        .flags("write denyoom")
        .categories("geo")
        .keys(&[
            at(1, "RO access"),
            after("STORE", 5, ONE, "OW update"),
            after("STOREDIST", 5, ONE, "OW update"),
        ])
        .replay(Replay::Effect)
        .about(
            "3.2.0",
            "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area \
            delimited by center and radius and M is the number of items inside the index.",
            "Query a sorted set representing a geospatial index to fetch members matching a given \
            maximum distance from a member",
        )
        .deprecated(
            "6.2.0",
            "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
        )
        .history(&[("7.0.0", "Added support for uppercase unit names.")])
        .arguments(
            "key:key@0 member:string radius:double unit:oneof(m:pure-token=M km:pure-token=KM \
            ft:pure-token=FT mi:pure-token=MI) withcoord:pure-token=WITHCOORD? \
            withdist:pure-token=WITHDIST? withhash:pure-token=WITHHASH? \
            count:block?(count:integer=COUNT any:pure-token=ANY?) order:oneof?(asc:pure-token=ASC \
            desc:pure-token=DESC) key:key@1=STORE? key:key@2=STOREDIST?",
        ),
    command("georadiusbymember_ro", -5)
        .flags("readonly")
        .categories("geo")
        .keys(&[at(1, "RO access")])
        .about(
            "3.2.10",
            "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area \
            delimited by center and radius and M is the number of items inside the index.",
            "A read-only variant for GEORADIUSBYMEMBER",
        )
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments")
        .arguments(
            "key:key@0 member:string radius:double unit:oneof(m:pure-token=M km:pure-token=KM \
            ft:pure-token=FT mi:pure-token=MI) withcoord:pure-token=WITHCOORD? \
            withdist:pure-token=WITHDIST? withhash:pure-token=WITHHASH? \
            count:block?(count:integer=COUNT any:pure-token=ANY?) order:oneof?(asc:pure-token=ASC \
            desc:pure-token=DESC)",
        ),
    command("geosearch", -7)
        .flags("readonly")
        .categories("geo")
        .keys(&[at(1, "RO access")])
        .about(
            "6.2.0",
            "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around \
            the shape provided as the filter and M is the number of items inside the shape",
            "Query a sorted set representing a geospatial index to fetch members inside an area of a box \
            or a circle.",
        )
        .history(&[("7.0.0", "Added support for uppercase unit names.")])
        .arguments(
            "key:key@0 from:oneof(member:string=FROMMEMBER \
            longitude_latitude:block=FROMLONLAT(longitude:double latitude:double)) \
            by:oneof(circle:block(radius:double=BYRADIUS unit:oneof(m:pure-token=M km:pure-token=KM \
            ft:pure-token=FT mi:pure-token=MI)) box:block(width:double=BYBOX height:double \
            unit:oneof(m:pure-token=M km:pure-token=KM ft:pure-token=FT mi:pure-token=MI))) \
            order:oneof?(asc:pure-token=ASC desc:pure-token=DESC) count:block?(count:integer=COUNT \
            any:pure-token=ANY?) withcoord:pure-token=WITHCOORD? withdist:pure-token=WITHDIST? \
            withhash:pure-token=WITHHASH?",
        ),
    command("geosearchstore", -8)
        .flags("write denyoom")
        .categories("geo")
        .keys(&[at(1, "OW update"), at(2, "RO access")])
        .replay(Replay::Effect)
        .about(
            "6.2.0",
            "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around \
            the shape provided as the filter and M is the number of items inside the shape",
            "Query a sorted set representing a geospatial index to fetch members inside an area of a box \
            or a circle, and store the result in another key.",
        )
        .history(&[("7.0.0", "Added support for uppercase unit names.")])
        .arguments(
            "destination:key@0 source:key@1 from:oneof(member:string=FROMMEMBER \
            longitude_latitude:block=FROMLONLAT(longitude:double latitude:double)) \
            by:oneof(circle:block(radius:double=BYRADIUS unit:oneof(m:pure-token=M km:pure-token=KM \
            ft:pure-token=FT mi:pure-token=MI)) box:block(width:double=BYBOX height:double \
            unit:oneof(m:pure-token=M km:pure-token=KM ft:pure-token=FT mi:pure-token=MI))) \
            order:oneof?(asc:pure-token=ASC desc:pure-token=DESC) count:block?(count:integer=COUNT \
            any:pure-token=ANY?) storedist:pure-token=STOREDIST?",
        ),
];
