//! Clients of a Redis Cluster: each proxy tells them that it is all of it.

use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::wire::Wire;

#[test]
fn each_proxy_is_the_one_master_of_all_slots_at_its_own_address() {
    let cluster = Cluster::builder().proxies(2).start();
    for proxy in cluster.proxies() {
        let mut client = Wire::connect(proxy.address());
        let port = proxy.address().port();
        let id = client.ask("CLUSTER MYID");
        let id = id.split(r"\r\n").nth(1).expect("an id").to_owned();
        let slots =
            format!(r"*1\r\n*3\r\n:0\r\n:16383\r\n*4\r\n$9\r\n127.0.0.1\r\n:{port}\r\n$40\r\n{id}\r\n*0\r\n");
        assert_eq!(client.ask("CLUSTER SLOTS"), slots);
        let nodes = client.ask("CLUSTER NODES");
        let line = format!("{id} 127.0.0.1:{port}@{} myself,master - 0 0 ", u32::from(port) + 10_000);
        assert!(nodes.contains(&line) && nodes.contains(r" connected 0-16383\n"), "{nodes}");
        let shards = client.ask("CLUSTER SHARDS");
        assert!(shards.contains(&id) && shards.contains(&format!(r"$4\r\nport\r\n:{port}\r\n")), "{shards}");
        assert!(client.ask("CLUSTER INFO").contains(r"cluster_state:ok\r\ncluster_slots_assigned:16384\r\n"));
        assert_eq!(client.ask("CLUSTER KEYSLOT {foo}bar"), r":12182\r\n");
        assert_eq!(client.ask(&format!("CLUSTER REPLICAS {id}")), r"*0\r\n");
        assert_eq!(client.ask("CLUSTER REPLICAS x"), r"-ERR Unknown node x\r\n");
        assert_eq!(client.ask("READONLY"), r"+OK\r\n");
        assert!(client.ask("CLUSTER FORGET x").contains("slots and nodes are what cluster.yaml says"));
    }
}
