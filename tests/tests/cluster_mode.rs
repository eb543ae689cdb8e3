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

#[test]
fn keys_of_a_slot_are_counted_and_told() {
    for copies in [1, 2] {
        let cluster = Cluster::builder().yaml(&format!("replicas: {copies}")).start();
        let mut client = Wire::connect(cluster.address());
        client.ask_until("MSET {foo}a 1 {foo}b 2 bar 3", |reply| reply == r"+OK\r\n");
        assert_eq!(client.ask("CLUSTER COUNTKEYSINSLOT 12182"), r":2\r\n");
        assert_eq!(client.ask("CLUSTER COUNTKEYSINSLOT 12183"), r":0\r\n");
        assert_eq!(client.ask("CLUSTER GETKEYSINSLOT 12182 1").matches("{foo}").count(), 1);
        assert_eq!(client.ask("CLUSTER GETKEYSINSLOT 12182 10").matches("{foo}").count(), 2);
        assert_eq!(client.ask("CLUSTER GETKEYSINSLOT 0 0"), r"*0\r\n");
        assert_eq!(client.ask("CLUSTER COUNTKEYSINSLOT 16384"), r"-ERR Invalid slot\r\n");
        assert_eq!(client.ask("CLUSTER GETKEYSINSLOT 1 -1"), r"-ERR Invalid slot or number of keys\r\n");
    }
}

#[test]
fn proxies_that_the_file_names_are_replicas_of_the_one_that_is_asked() {
    let cluster = Cluster::builder().proxies(2).start();
    let addresses = [0, 1].map(|at| cluster.proxies()[at].address());
    let text = std::fs::read_to_string(cluster.file()).unwrap();
    let named = format!("proxies: ['{}', '{}']\n{text}", addresses[0], addresses[1]);
    std::fs::write(cluster.file(), named).unwrap();
    let mut clients = addresses.map(Wire::connect);
    let ids = [0, 1].map(|at| {
        clients[at].ask_until("CLUSTER INFO", |reply| reply.contains("cluster_known_nodes:2"));
        clients[at].ask("CLUSTER MYID").split(r"\r\n").nth(1).expect("an id").to_owned()
    });
    for (own, other) in [(0, 1), (1, 0)] {
        let slot = |at: usize| {
            let port = addresses[at].port();
            format!(r"*4\r\n$9\r\n127.0.0.1\r\n:{port}\r\n$40\r\n{}\r\n*0\r\n", ids[at])
        };
        let slots = format!(r"*1\r\n*4\r\n:0\r\n:16383\r\n{}{}", slot(own), slot(other));
        assert_eq!(clients[own].ask("CLUSTER SLOTS"), slots);
        let nodes = clients[own].ask("CLUSTER NODES");
        let line = format!("{} 127.0.0.1:{}@", ids[other], addresses[other].port());
        assert!(nodes.contains(&line) && nodes.contains(&format!(" slave {} 0 0 ", ids[own])), "{nodes}");
        assert!(clients[own].ask(&format!("CLUSTER REPLICAS {}", ids[own])).contains(&line));
        let refused = clients[own].ask(&format!("CLUSTER REPLICAS {}", ids[other]));
        assert_eq!(refused, r"-ERR The specified node is not a master\r\n");
        assert!(clients[own].ask("CLUSTER SHARDS").contains("replica"));
    }
}
