//! Typed commands family by family.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use ringmaster_client::{Client, Consumer, Error, Place, Side, Ttl, cmd};

use crate::bytes;

const NO_WAIT: Duration = Duration::ZERO;

/// Those of all families.
pub(crate) async fn all(client: &Client) -> Result<(), Error> {
    client.flushdb().await?;
    strings(client).await?;
    keys(client).await?;
    hashes(client).await?;
    lists(client).await?;
    sets(client).await?;
    sorted_sets(client).await?;
    streams(client).await?;
    others(client).await
}

async fn strings(client: &Client) -> Result<(), Error> {
    assert_eq!((client.incr("i").await?, client.decr("i").await?), (1, 0));
    assert_eq!(client.incr_by_float("i", 1.5).await?, 1.5);
    assert_eq!((client.append("s", "ab").await?, client.append("s", "cd").await?), (2, 4));
    assert_eq!((client.setrange("s", 1, "x").await?, client.strlen("s").await?), (4, 4));
    assert_eq!(client.getrange("s", 1, -1).await?, "xcd");
    assert_eq!(client.set_get("s", "new").await?, Some(bytes("axcd")));
    assert!(client.msetnx([("m", "1")]).await? && !client.msetnx([("m", "1"), ("n2", "2")]).await?);
    assert_eq!(client.getex("s", Duration::from_secs(50)).await?, Some(bytes("new")));
    assert!(matches!(client.ttl("s").await?, Ttl::Expires(_)));
    assert_eq!((client.getdel("s").await?, client.getdel("s").await?), (Some(bytes("new")), None));
    Ok(())
}

async fn keys(client: &Client) -> Result<(), Error> {
    client.set("k", "v").await?;
    assert_eq!((client.type_of("k").await?, client.type_of("none").await?), ("string".into(), "none".into()));
    assert!(client.expire_at("k", SystemTime::now() + Duration::from_secs(60)).await?);
    assert!(client.persist("k").await? && !client.persist("k").await?);
    assert!(client.copy("k", "k2").await? && !client.copy("k", "k2").await?);
    assert!(!client.renamenx("k", "k2").await?);
    client.rename("k", "k3").await?;
    assert_eq!((client.touch(["k2", "k3", "k"]).await?, client.unlink(["k2"]).await?), (2, 1));
    let (mut cursor, mut found) = (0, Vec::new());
    loop {
        let (next, some) = client.scan(cursor, "k*", 10).await?;
        found.extend(some);
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(found, [bytes("k3")]);
    assert!(client.expire_at("k3", SystemTime::UNIX_EPOCH).await?);
    assert_eq!(client.exists(["k3"]).await?, 0);
    Ok(())
}

async fn hashes(client: &Client) -> Result<(), Error> {
    assert!(client.hsetnx("hh", "f", "1").await? && !client.hsetnx("hh", "f", "2").await?);
    assert_eq!(
        (client.hincr_by("hh", "f", 2).await?, client.hincr_by_float("hh", "g", 0.5).await?),
        (3, 0.5)
    );
    assert_eq!(client.hmget("hh", ["f", "none"]).await?, [Some(bytes("3")), None]);
    assert!(client.hexists("hh", "g").await? && !client.hexists("hh", "none").await?);
    assert_eq!((client.hlen("hh").await?, client.hkeys("hh").await?), (2, vec![bytes("f"), bytes("g")]));
    assert_eq!(client.hvals("hh").await?, ["3", "0.5"].map(bytes));
    let (cursor, pairs) = client.hscan("hh", 0, 100).await?;
    assert_eq!((cursor, pairs.len()), (0, 2));
    let map: BTreeMap<String, f64> = client.query(cmd("HGETALL").arg("hh")).await?;
    assert_eq!(map["g"], 0.5);
    Ok(())
}

async fn lists(client: &Client) -> Result<(), Error> {
    assert_eq!((client.lpushx("ll", ["x"]).await?, client.rpushx("ll", ["x"]).await?), (0, 0));
    client.rpush("ll", ["a", "b", "a", "c"]).await?;
    assert_eq!((client.llen("ll").await?, client.lpos("ll", "b").await?), (4, Some(1)));
    assert_eq!((client.lindex("ll", -1).await?, client.lindex("ll", 9).await?), (Some(bytes("c")), None));
    client.lset("ll", 0, "first").await?;
    assert_eq!(client.lrem("ll", 0, "a").await?, 1);
    client.ltrim("ll", 0, 1).await?;
    let moved = client.lmove(("ll", Side::Right), ("ll2", Side::Left)).await?;
    assert_eq!((moved, client.lpop_many("ll", 5).await?), (Some(bytes("b")), vec![bytes("first")]));
    assert_eq!((client.rpop_many("ll2", 5).await?.len(), client.rpop_many("ll2", 5).await?.len()), (1, 0));
    assert_eq!(client.lpos("none", "a").await?, None);
    Ok(())
}

async fn sets(client: &Client) -> Result<(), Error> {
    client.sadd("s1", ["a", "b"]).await?;
    client.sadd("s2", ["b", "c"]).await?;
    assert_eq!((client.scard("s1").await?, client.sismember("s1", "a").await?), (2, true));
    assert_eq!(client.smismember("s1", ["a", "c"]).await?, [true, false]);
    assert_eq!(
        (client.sinter(["s1", "s2"]).await?, client.sdiff(["s1", "s2"]).await?),
        (vec![bytes("b")], vec![bytes("a")])
    );
    assert_eq!(
        (client.sunion(["s1", "s2"]).await?.len(), client.sunionstore("s3", ["s1", "s2"]).await?),
        (3, 3)
    );
    assert_eq!(
        (client.sinterstore("s4", ["s1", "s2"]).await?, client.sdiffstore("s4", ["s1", "s2"]).await?),
        (1, 1)
    );
    assert!(client.smove("s1", "s2", "a").await?);
    assert_eq!((client.srandmember("s3", 9).await?.len(), client.sscan("s3", 0, 100).await?.1.len()), (3, 3));
    assert_eq!((client.spop("s4").await?, client.spop("s4").await?), (Some(bytes("a")), None));
    Ok(())
}

async fn sorted_sets(client: &Client) -> Result<(), Error> {
    client.zadd("zz", [(1.0, "a"), (2.0, "b"), (3.0, "c"), (4.0, "d")]).await?;
    assert_eq!((client.zcard("zz").await?, client.zcount("zz", 2.0..4.0).await?), (4, 2));
    assert_eq!((client.zrank("zz", "b").await?, client.zrevrank("zz", "b").await?), (Some(1), Some(2)));
    assert_eq!(client.zmscore("zz", ["a", "none"]).await?, [Some(1.0), None]);
    assert_eq!(client.zincr_by("zz", 0.5, "a").await?, 1.5);
    assert_eq!(client.zrevrange_with_scores("zz", 0, 0).await?, [(bytes("d"), 4.0)]);
    assert_eq!(client.zrange_by_score("zz", 2.0.., 2).await?, [(bytes("b"), 2.0), (bytes("c"), 3.0)]);
    assert_eq!(client.zscan("zz", 0, 100).await?.1.len(), 4);
    assert_eq!(client.zpopmin("zz", 1).await?, [(bytes("a"), 1.5)]);
    assert_eq!(client.zpopmax("zz", 1).await?, [(bytes("d"), 4.0)]);
    assert_eq!((client.zrem("zz", ["b"]).await?, client.zremrange_by_score("zz", ..9.0).await?), (1, 1));
    assert_eq!((client.zremrange_by_rank("zz", 0, -1).await?, client.zrank("zz", "a").await?), (0, None));
    Ok(())
}

async fn streams(client: &Client) -> Result<(), Error> {
    let me = Consumer { group: "g", name: "me" };
    assert!(client.xgroup_create("x", "g", "0").await? && !client.xgroup_create("x", "g", "0").await?);
    let id = client.xadd("x", [("f", "1"), ("g", "2")], Some(1000)).await?;
    let entries = client.xrange("x", "-", "+", 10).await?;
    assert_eq!(entries[0].fields, [(bytes("f"), bytes("1")), (bytes("g"), bytes("2"))]);
    assert_eq!((client.xlen("x").await?, client.xread("x", "0", 10, NO_WAIT).await?), (1, entries.clone()));
    assert_eq!(client.xreadgroup(me, "x", ">", 10, Duration::from_secs(5)).await?, entries);
    assert_eq!(client.xreadgroup(me, "x", ">", 10, NO_WAIT).await?, []);
    assert_eq!(client.xread("x", &id, 10, Duration::from_millis(10)).await?, []);
    let other = Consumer { name: "other", ..me };
    let second = client.xadd("x", [("f", "3")], None).await?;
    client.xreadgroup(me, "x", ">", 10, NO_WAIT).await?;
    let (next, claimed) = client.xautoclaim(other, "x", NO_WAIT, "0-0", 1).await?;
    assert_eq!((&next, &claimed), (&second, &entries), "there is more from there on");
    let (next, claimed) = client.xautoclaim(other, "x", NO_WAIT, next, 1).await?;
    assert_eq!((next, &claimed[0].id), (bytes("0-0"), &second));
    assert_eq!((client.xack("x", "g", [&second]).await?, client.xdel("x", [&second]).await?), (1, 1));
    assert_eq!((client.xack("x", "g", [&id]).await?, client.xdel("x", [&id]).await?), (1, 1));
    assert_eq!(client.xtrim("x", 0).await?, 0);
    Ok(())
}

async fn others(client: &Client) -> Result<(), Error> {
    assert!(!client.setbit("b", 7, true).await? && client.getbit("b", 7).await?);
    assert_eq!((client.bitcount("b").await?, client.bitpos("b", true).await?), (1, Some(7)));
    assert_eq!(client.bitpos("none", true).await?, None);
    assert!(client.pfadd("p", ["a", "b"]).await?);
    client.pfmerge("p2", ["p"]).await?;
    assert_eq!(client.pfcount(["p", "p2"]).await?, 2);
    let [palermo, catania] = [(13.361389, 38.115556), (15.087269, 37.502669)]
        .map(|(longitude, latitude)| Place { longitude, latitude });
    assert_eq!(client.geoadd("geo", [(palermo, "Palermo"), (catania, "Catania")]).await?, 2);
    let distance = client.geodist("geo", "Palermo", "Catania").await?.expect("both are there");
    assert!((distance - 166_274.0).abs() < 1.0, "{distance}");
    let places = client.geopos("geo", ["Palermo", "none"]).await?;
    assert!(places[1].is_none() && (places[0].expect("there").latitude - palermo.latitude).abs() < 1e-4);
    let near = client.geosearch("geo", palermo, 200_000.0, 10).await?;
    assert_eq!(
        near.iter().map(|(name, _)| name.clone()).collect::<Vec<Bytes>>(),
        ["Palermo", "Catania"].map(bytes)
    );
    assert!(client.time().await? > Duration::from_secs(1_700_000_000));
    Ok(())
}
