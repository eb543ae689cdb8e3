//! Users of cluster.yaml at the proxy, changed live; and the file of users of a node.

use std::fs;

use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::wait::eventually;
use ringmaster_tests::wire::{Wire, text};

/// The SHA-256 of `password`.
const HASH: &str = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

const NO_AUTH: &str = r"-NOAUTH Authentication required.\r\n";

fn users(app: &str) -> String {
    format!("users:\n  - {{name: default, rules: 'off'}}\n  - {{name: app, rules: 'on #{HASH} {app}'}}\n")
}

#[track_caller]
fn talk(client: &mut Wire, lines: &[(&str, &str)]) {
    for (line, expected) in lines {
        assert_eq!(client.ask(line), *expected, "{line}");
    }
}

#[test]
fn nobody_does_at_a_proxy_what_the_file_does_not_allow() {
    let cluster = Cluster::builder().yaml(&users("~app:* %R~all:* +@all -@dangerous")).start();
    let mut client = Wire::connect(cluster.address());
    talk(
        &mut client,
        &[
            ("GET app:1", NO_AUTH),
            ("MULTI", NO_AUTH),
            ("PING", NO_AUTH),
            ("AUTH app wrong", r"-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
            ("AUTH default password", r"-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
            ("AUTH app password", r"+OK\r\n"),
            ("ACL WHOAMI", r"$3\r\napp\r\n"),
            ("SET app:1 x", r"+OK\r\n"),
            ("GET app:1", r"$1\r\nx\r\n"),
            ("GET all:1", r"$-1\r\n"),
            (
                "SET all:1 x",
                r"-NOPERM this user has no permissions to access one of the keys used as arguments\r\n",
            ),
            (
                "MGET app:1 own:1",
                r"-NOPERM this user has no permissions to access one of the keys used as arguments\r\n",
            ),
            ("FLUSHALL", r"-NOPERM this user has no permissions to run the 'flushall' command\r\n"),
            ("MULTI", r"+OK\r\n"),
            ("SET app:1 y", r"+QUEUED\r\n"),
            (
                "SET own:1 y",
                r"-NOPERM this user has no permissions to access one of the keys used as arguments\r\n",
            ),
            ("EXEC", r"-EXECABORT Transaction discarded because of previous errors.\r\n"),
            ("GET app:1", r"$1\r\nx\r\n"),
            (
                "ACL SETUSER app +@all",
                r"-NOPERM this user has no permissions to run the 'acl|setuser' command\r\n",
            ),
        ],
    );
    let refused = client.ask("EVAL return(redis.call('flushall')) 1 app:1");
    assert!(refused.starts_with("-NOPERM what a script calls is not checked"), "{refused}");
}

#[test]
fn an_edit_of_the_users_takes_effect_on_open_connections() {
    let cluster = Cluster::builder().yaml(&users("~* &* +@all")).start();
    let mut client = Wire::connect(cluster.address());
    talk(
        &mut client,
        &[
            ("AUTH app password", r"+OK\r\n"),
            ("SET k 1", r"+OK\r\n"),
            (
                "ACL SETUSER app off",
                r"-ERR 'acl setuser' is not available through the proxy: the users of a cluster stand in cluster.yaml: edit that file, it takes effect at once\r\n",
            ),
        ],
    );
    edit(&cluster, "~* &* +@all", "~* &* +@read");
    eventually("the rule is taken away", || {
        client.ask("SET k 2") == r"-NOPERM this user has no permissions to run the 'set' command\r\n"
    });
    assert_eq!(client.ask("GET k").len(), r"$1\r\n1\r\n".len());
    edit(&cluster, "name: app", "name: other");
    eventually("who is no user any more is closed", || {
        client.send_if_open(b"PING\r\n");
        client.reply().is_none()
    });
}

/// Replaces `from` by `to` in the cluster.yaml.
fn edit(cluster: &Cluster, from: &str, to: &str) {
    let text = fs::read_to_string(cluster.file()).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(cluster.file(), text.replace(from, to)).unwrap();
}

/// A client of the user `app`.
fn app(cluster: &Cluster) -> Wire {
    let mut client = Wire::connect(cluster.address());
    talk(&mut client, &[("AUTH app password", r"+OK\r\n")]);
    client
}

#[test]
fn who_is_no_user_any_more_is_closed_also_while_it_only_waits() {
    for copies in [1, 2] {
        let yaml = format!("replicas: {copies}\n{}", users("~* &* +@all"));
        let cluster = Cluster::builder().yaml(&yaml).start();
        let (mut idle, mut tracking) = (app(&cluster), app(&cluster));
        assert!(tracking.ask("HELLO 3").starts_with('%'));
        eventually("the cluster serves", || tracking.ask("SET k 1") == r"+OK\r\n");
        talk(&mut tracking, &[("CLIENT TRACKING ON BCAST", r"+OK\r\n")]);
        let mut blocked = app(&cluster);
        blocked.send(b"BLPOP secret 0\r\n");
        edit(&cluster, "name: app", "name: other");
        assert_eq!(blocked.reply(), None, "{copies} copies");
        assert!(idle.closes() && tracking.closes());
        let mut other = Wire::connect(cluster.address());
        let left =
            [("AUTH other password", r"+OK\r\n"), ("RPUSH secret x", r":1\r\n"), ("LLEN secret", r":1\r\n")];
        talk(&mut other, &left);
    }
}

#[test]
fn who_may_not_run_any_more_what_it_waits_for_is_closed() {
    let cluster = Cluster::builder().yaml(&users("~* &* +@all")).start();
    let (mut loses, mut keeps) = (app(&cluster), app(&cluster));
    loses.send(b"BLPOP secret 0\r\n");
    keeps.send(b"BLPOP app:1 0\r\n");
    edit(&cluster, "~* &*", "~app:* &*");
    assert_eq!(loses.reply(), None);
    talk(&mut app(&cluster), &[("RPUSH app:1 x", r":1\r\n")]);
    assert_eq!(text(&keeps.reply().unwrap()), r"*2\r\n$5\r\napp:1\r\n$1\r\nx\r\n");
}

#[test]
fn who_may_not_listen_any_more_to_what_it_listens_to_is_closed_whatever_it_sends() {
    let cluster = Cluster::builder().yaml(&users("~* &* +@all")).start();
    let (mut loses, mut keeps, mut pattern) = (app(&cluster), app(&cluster), app(&cluster));
    loses.ask("SUBSCRIBE secret");
    keeps.ask("SUBSCRIBE app:1");
    pattern.ask("PSUBSCRIBE app:1*");
    edit(&cluster, "~* &*", "~* &app:*");
    eventually("it is closed while it sends all the time", || {
        loses.send_if_open(b"PING\r\n");
        loses.reply().is_none()
    });
    assert_eq!(pattern.reply(), None, "a pattern must stand in the rules as it is");
    talk(&mut app(&cluster), &[("PUBLISH app:1 x", r":1\r\n")]);
    assert_eq!(text(&keeps.reply().unwrap()), r"*3\r\n$7\r\nmessage\r\n$5\r\napp:1\r\n$1\r\nx\r\n");
}

#[test]
fn a_subscription_that_is_still_under_way_is_taken_away_too() {
    // Takes connections and answers nothing.
    let mute = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let node = format!(
        "timeouts: {{request: 30s, drain: 30s}}\nnodes: [{{name: a, address: '{}'}}]\n",
        mute.local_addr().unwrap()
    );
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cluster.yaml");
    fs::write(&file, users("~* &* +@all") + &node).unwrap();
    let free = ([127, 0, 0, 1], 0).into();
    let config = ringmaster_proxy::Config {
        listen: free,
        admin: free,
        threads: 1,
        cluster: file.clone(),
        ..Default::default()
    };
    let proxy = ringmaster_proxy::Proxy::start(config).unwrap();
    let mut client = Wire::connect(proxy.address());
    talk(&mut client, &[("AUTH app password", r"+OK\r\n")]);
    client.send(b"SUBSCRIBE secret\r\n");
    let mut other = Wire::connect(proxy.address());
    talk(&mut other, &[("AUTH app password", r"+OK\r\n")]);
    eventually("it is under way", || other.ask("CLIENT LIST").contains("sub=1"));
    fs::write(&file, users("~* &app:* +@all") + &node).unwrap();
    assert_eq!(client.reply(), None);
    proxy.stop();
}

#[test]
fn a_node_reads_its_users_from_a_file_and_writes_them_there() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("users.acl");
    fs::write(&file, format!("user default off\nuser ops on #{HASH} ~* &* +@all\n")).unwrap();
    let free = ([127, 0, 0, 1], 0).into();
    let config = ringmaster_node::Config {
        listen: free,
        admin: free,
        threads: 1,
        users: Some(file.clone()),
        ..ringmaster_node::Config::default()
    };
    let node = ringmaster_node::Node::start(config.clone()).unwrap();
    let mut client = Wire::connect(node.address());
    talk(
        &mut client,
        &[
            ("GET k", NO_AUTH),
            ("RM.TICK 1", NO_AUTH),
            ("AUTH ops password", r"+OK\r\n"),
            ("ACL SETUSER app on >pw ~app:* +@read", r"+OK\r\n"),
            ("ACL SAVE", r"+OK\r\n"),
        ],
    );
    let saved = fs::read_to_string(&file).unwrap();
    assert!(saved.contains("user app on #30c952fab1") && !saved.contains(">pw"), "{saved}");
    let mut app = Wire::connect(node.address());
    talk(
        &mut app,
        &[
            ("AUTH app pw", r"+OK\r\n"),
            ("GET app:1", r"$-1\r\n"),
            ("RM.TICK 1", r"-NOPERM this user has no permissions to run RM requests\r\n"),
        ],
    );
    fs::write(&file, "user ops on nopass +nosuch\n").unwrap();
    let refused = client.ask("ACL LOAD");
    assert!(refused.contains("users.acl: line 1: ") && refused.contains("+nosuch"), "{refused}");
    assert_eq!(app.ask("GET app:1"), r"$-1\r\n", "a bad file changes nothing");
    node.stop();
    let refused = ringmaster_node::Node::start(config).err().expect("a bad file is no start").to_string();
    assert!(refused.contains("users.acl: line 1: "), "{refused}");
}

#[test]
fn a_loaded_file_of_users_ends_subscriptions_to_channels_that_it_takes_away() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("users.acl");
    let write = |channels: &str| {
        let app = format!("user app on >pw +@all ~* {channels}\nuser other on >pw +@all ~* &*\n");
        fs::write(&file, format!("{app}user ops on >pw ~* &* +@all\n")).unwrap();
    };
    write("&news &secret");
    let free = ([127, 0, 0, 1], 0).into();
    let (admin, users) = (free, Some(file.clone()));
    let config = ringmaster_node::Config { listen: free, admin, threads: 1, users, ..Default::default() };
    let node = ringmaster_node::Node::start(config).unwrap();
    let client = |name: &str| {
        let mut client = Wire::connect(node.address());
        talk(&mut client, &[(&format!("AUTH {name} pw"), r"+OK\r\n")]);
        client
    };
    let (mut ops, mut loses, mut keeps) = (client("ops"), client("app"), client("other"));
    loses.ask("SUBSCRIBE secret");
    keeps.ask("SUBSCRIBE secret");
    talk(&mut ops, &[("ACL LOAD", r"+OK\r\n"), ("PUBLISH secret 1", r":2\r\n")]);
    assert!(loses.reply().is_some() && keeps.reply().is_some(), "nothing was taken away");
    write("&news");
    talk(&mut ops, &[("ACL LOAD", r"+OK\r\n")]);
    assert_eq!(loses.reply(), None);
    talk(&mut ops, &[("PUBLISH secret 2", r":1\r\n")]);
    node.stop();
}

#[test]
fn an_exec_that_is_refused_ends_the_transaction_and_nothing_else() {
    let users = format!(
        "users:\n  - {{name: default, rules: 'on nopass ~* &* +@all'}}\n  - {{name: app, rules: 'on #{HASH} ~* &* +@all -exec'}}\n"
    );
    let cluster = Cluster::builder().yaml(&users).start();
    let [mut app, mut other] = [(); 2].map(|()| Wire::connect(cluster.address()));
    app.ask("HELLO 3 AUTH app password");
    app.ask("SUBSCRIBE news");
    assert_eq!(app.ask("MULTI"), r"+OK\r\n");
    app.ask("SET k v");
    let refused = app.ask("EXEC");
    assert!(refused.starts_with("-EXECABORT Transaction discarded because of: NOPERM"), "{refused}");
    assert_eq!(app.ask("GET k"), r"_\r\n", "nothing is queued any more");
    assert_eq!(other.ask("PUBLISH news m"), r":1\r\n");
    assert_eq!(text(&app.reply().unwrap()), r">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\nm\r\n");
}
