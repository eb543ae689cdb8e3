//! Users of cluster.yaml at the proxy, changed live; and the file of users of a node.

use std::fs;

use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::wait::eventually;
use ringmaster_tests::wire::Wire;

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
    let text = fs::read_to_string(cluster.file()).unwrap();
    fs::write(cluster.file(), text.replace("~* &* +@all", "~* &* +@read")).unwrap();
    eventually("the rule is taken away", || {
        client.ask("SET k 2") == r"-NOPERM this user has no permissions to run the 'set' command\r\n"
    });
    assert_eq!(client.ask("GET k").len(), r"$1\r\n1\r\n".len());
    let text = fs::read_to_string(cluster.file()).unwrap();
    fs::write(cluster.file(), text.replace("name: app", "name: other")).unwrap();
    eventually("who is no user any more is closed", || {
        client.send_if_open(b"PING\r\n");
        client.reply().is_none()
    });
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
