//! `RM.EXPLAIN`: what a proxy says of a key, by the file and by views, to who may see it and who may not.

use ringmaster_protocol::slot::HashSlot;
use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::wait::eventually;
use ringmaster_tests::wire::{Wire, text};
use serde_json::{Value, json};

/// What is told of a key, as JSON.
fn explain(client: &mut Wire, key: &[u8]) -> Value {
    client.command(&[b"RM.EXPLAIN", key, b"JSON"]);
    let reply = client.reply().expect("a reply");
    let start = reply.iter().position(|byte| *byte == b'\n').expect("a bulk string") + 1;
    serde_json::from_slice(&reply[start..reply.len() - 2]).unwrap_or_else(|_| panic!("{}", text(&reply)))
}

#[test]
fn a_key_of_a_cluster_without_copies_is_explained() {
    let mut cluster = Cluster::builder().nodes(3).yaml("limits: {pipeline: 77}").start();
    let mut client = Wire::connect(cluster.address());
    client.ask("HSET user:{42} name x");
    client.ask("PEXPIRE user:{42} 100000");
    let told = explain(&mut client, b"user:{42}");
    let slot = HashSlot::of(b"42");
    assert_eq!((&told["slot"], &told["hash_tag"]), (&json!(slot.number()), &json!("42")));
    assert_eq!((&told["placed_by"], &told["lease_held"]), (&json!("file"), &Value::Null));
    let chain = told["chain"].as_array().unwrap();
    assert_eq!(
        (chain.len(), &chain[0]["role"], &chain[0]["reached"]),
        (1, &json!("head and tail"), &json!(true))
    );
    assert_eq!((&told["writes_to"], &told["reads_from"][0]), (&chain[0]["node"], &chain[0]["node"]));
    assert_eq!(told["limits"]["pipeline"], json!(77));
    let value = &told["value"];
    assert_eq!((&value["type"], &value["exists"]), (&json!("hash"), &json!(true)));
    assert!(value["bytes"].as_u64() > Some(0) && value["ttl_ms"].as_u64() <= Some(100_000), "{value}");
    let none = explain(&mut client, b"\xff\r\n");
    assert_eq!((&none["key"], &none["value"]["exists"]), (&json!("\\xff\\r\\n"), &json!(false)));
    let lines = client.ask("RM.EXPLAIN user:{42}");
    for part in ["by the hash tag 42", "hash, ", "expires in", "head and tail: node-", "writes"] {
        assert!(lines.contains(part), "{part}: {lines}");
    }
    assert!(client.ask("RM.EXPLAIN k YAML").starts_with("-ERR syntax error"));
    assert!(client.ask("RM.EXPLAIN").starts_with("-ERR wrong number"));
    client.ask("MULTI");
    assert!(client.ask("RM.EXPLAIN k").starts_with("-ERR"));
    client.ask("DISCARD");
    // Behind what the client did before, and before what it does next.
    client.send(b"SET order 1\r\nRM.EXPLAIN order JSON\r\nDEL order\r\n");
    let replies: Vec<String> = (0..3).map(|_| text(&client.reply().unwrap())).collect();
    assert!(replies[1].contains(r#""type":"string""#) && replies[2].starts_with(":1"), "{replies:?}");

    let name = chain[0]["node"].as_str().unwrap().to_owned();
    let index: usize = name.strip_prefix("node-").unwrap().parse().unwrap();
    cluster.stop_node(index);
    eventually("the loss is seen", || {
        explain(&mut client, b"user:{42}")["chain"][0]["reached"] == json!(false)
    });
    let told = explain(&mut client, b"user:{42}");
    assert!(told["value"]["error"].is_string() && told["chain"][0]["reason"].is_string(), "{told}");
}

#[test]
fn a_chain_is_explained_with_its_lease_and_where_it_is_wanted() {
    let cluster = Cluster::builder().nodes(3).yaml("replicas: 2\nread_from: any").start();
    let mut client = Wire::connect(cluster.address());
    eventually("the cluster serves", || client.ask("SET k v") == r"+OK\r\n" && cluster.is_whole());
    let told = explain(&mut client, b"k");
    let roles: Vec<&Value> = told["chain"].as_array().unwrap().iter().map(|entry| &entry["role"]).collect();
    assert_eq!(roles, [&json!("head"), &json!("tail")]);
    assert_eq!((&told["lease_held"], &told["acknowledged"]), (&json!(true), &json!("by all")));
    assert_eq!(told["reads_from"].as_array().map(Vec::len), Some(2));
    eventually("it is where it is wanted", || {
        let told = explain(&mut client, b"k");
        told["is_moving"] == json!(false) && told["wanted"].as_array().map(Vec::len) == Some(2)
    });
    assert_eq!(told["value"]["type"], json!("string"), "{told}");
}

#[test]
fn a_user_is_told_what_it_may_ask_itself_and_nothing_of_other_keys() {
    let users = "users:\n  - {name: default, rules: \"on nopass ~* +@all\"}\n  - {name: app, rules: \"on nopass ~app:* +rm.explain \
                 +type\", limits: {commands: 1000}}";
    let cluster = Cluster::builder().nodes(1).yaml(users).start();
    Wire::connect(cluster.address()).ask("SET app:1 x");
    let mut client = Wire::connect(cluster.address());
    assert_eq!(client.ask("AUTH app any"), r"+OK\r\n");
    let told = explain(&mut client, b"app:1");
    assert_eq!(
        told["value"],
        json!({ "type": "string", "exists": true, "not_permitted": ["pttl", "memory|usage"] })
    );
    let user = &told["limits"]["user"];
    assert_eq!((&user["name"], &user["commands_per_second"]), (&json!("app"), &json!(1000)));
    assert!(client.ask("RM.EXPLAIN other:1").starts_with("-NOPERM"));
    let denied = Wire::connect(cluster.address()).ask("ACL LOG");
    assert!(!denied.contains("pttl"), "nobody asked for it: {denied}");
}

#[test]
fn a_node_says_that_it_is_for_proxies() {
    let cluster = Cluster::builder().nodes(1).start();
    let told = Wire::connect(cluster.nodes()[0].address()).ask("RM.EXPLAIN k");
    assert!(told.starts_with("-ERR") && told.contains("is for proxies"), "{told}");
}
