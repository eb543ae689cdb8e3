//! The client library against a cluster.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use ringmaster_client::{
    Client, Error, Event, Options, Protocol, Script, Side, Tls, TlsFiles, Transaction, Value, cmd,
};
use ringmaster_proxy::{Config as ProxyConfig, Proxy};
use ringmaster_runtime::tls::{ClientCertificates, ListenerTls};
use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::tls::{Authority, Pair, Validity};
use ringmaster_tests::wait::PATIENCE;

/// The SHA-256 of `password`.
const HASH: &str = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

const LONG: Duration = Duration::from_secs(20);

fn run(test: impl Future<Output = Result<(), Error>>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(test).unwrap();
}

/// As patient as the tests are.
fn options(protocol: Protocol) -> Options {
    Options { protocol, request_timeout: PATIENCE, ..Options::default() }
}

#[test]
fn an_application_has_all_of_the_library_through_several_proxies() {
    for replicas in [1, 2] {
        let cluster = Cluster::builder().proxies(2).yaml(&format!("replicas: {replicas}")).start();
        let addresses: Vec<String> =
            cluster.proxies().iter().map(|proxy| proxy.address().to_string()).collect();
        run(async {
            for protocol in [Protocol::Resp2, Protocol::Resp3] {
                let client = Client::connect_with(addresses.join(","), options(protocol)).await?;
                // Until the proxies serve and copies are where they are to be, some are told to come again.
                while client.set("k", "v").await.is_err() {}
                for _ in 0..4 {
                    assert_eq!(client.get("k").await?.as_deref(), Some(&b"v"[..]));
                }
                transactions(&client).await?;
                blocking(&client).await?;
                listening(&client).await?;
                client.flushall().await?;
            }
            Ok(())
        });
    }
}

async fn transactions(client: &Client) -> Result<(), Error> {
    let both = Transaction::new().command(&["INCRBY", "{t}a", "2"]).command(&["INCRBY", "{t}b", "3"]);
    let outcomes = client.transaction(&both).await?;
    assert!(matches!(outcomes[..], [Ok(Value::Int(2)), Ok(Value::Int(3))]), "{outcomes:?}");
    let apart = Transaction::new().command(&["INCR", "a"]).command(&["INCR", "b"]);
    assert!(matches!(client.transaction(&apart).await, Err(Error::Server(e)) if e.code() == "CROSSSLOT"));
    let script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
    for total in [5, 7] {
        assert_eq!(client.eval::<i64>(&script, &["{t}b"], &["2"]).await?, total);
    }
    client.del(["{t}a", "{t}b"]).await.map(drop)
}

async fn blocking(client: &Client) -> Result<(), Error> {
    let (popped, pushed) = tokio::join!(client.blpop(["{l}a"], LONG), client.rpush("{l}a", ["1"]));
    assert_eq!((popped?.expect("a value").1, pushed?), ("1".into(), 1));
    client.rpush("{l}a", ["2"]).await?;
    let moved = client.blmove(("{l}a", Side::Left), ("{l}b", Side::Right), LONG).await?;
    assert_eq!((moved, client.llen("{l}b").await?), (Some("2".into()), 1));
    assert_eq!(client.brpop(["{l}none"], Duration::from_millis(20)).await?, None);
    Ok(())
}

async fn listening(client: &Client) -> Result<(), Error> {
    let mut channels = client.subscribe(["news"]).await?;
    let mut shards = client.ssubscribe(["shard"]).await?;
    // Proxies hear of each other's listeners in their own time.
    for (channel, subscription) in [("news", &mut channels), ("shard", &mut shards)] {
        let heard = loop {
            match channel {
                "news" => client.publish(channel, "hello").await?,
                _ => client.spublish(channel, "hello").await?,
            };
            let soon = tokio::time::timeout(Duration::from_millis(50), subscription.next()).await;
            if let Ok(Some(Event::Message(message))) = soon {
                break message;
            }
        };
        assert_eq!((&heard.channel[..], &heard.payload[..]), (channel.as_bytes(), &b"hello"[..]));
    }
    Ok(())
}

#[test]
fn optimistic_writers_through_two_proxies_lose_no_update() {
    let cluster = Cluster::builder().proxies(2).start();
    let addresses: Vec<String> = cluster.proxies().iter().map(|proxy| proxy.address().to_string()).collect();
    run(async {
        let client = Client::connect_with(addresses.join(","), options(Protocol::Resp2)).await?;
        let count = |client: Client| async move {
            for _ in 0..10 {
                let plan = async |watched: &mut ringmaster_client::Watched| {
                    let number: Option<i64> = watched.query(cmd("GET").arg("n")).await?;
                    Ok(Transaction::new().push(cmd("SET").arg("n").int(number.unwrap_or(0) + 1)))
                };
                client.optimistic(["n"], 1000, plan).await?;
            }
            Ok::<(), Error>(())
        };
        let (a, b, c) = tokio::join!(count(client.clone()), count(client.clone()), count(client.clone()));
        a.and(b).and(c)?;
        assert_eq!(client.get("n").await?.as_deref(), Some(&b"30"[..]));
        Ok(())
    });
}

/// One more proxy of `cluster`, which speaks TLS to whoever shows a certificate.
fn tls_proxy(cluster: &Cluster, pair: &Pair, ca: &Authority) -> Proxy {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let Pair { certificate, key } = pair.clone();
    let clients = ClientCertificates::Required;
    let tls = Some(ListenerTls { certificate, key, ca: Some(ca.file()), clients });
    let config = ProxyConfig {
        listen: free,
        admin: free,
        threads: 1,
        cluster: cluster.file(),
        tls,
        ..ProxyConfig::default()
    };
    Proxy::start(config).unwrap()
}

fn tls(directory: &Path, ca: &Authority, name: &str) -> Tls {
    let own = |end: &str| directory.join(format!("{name}.{end}"));
    Tls::of_files(TlsFiles { ca: Some(ca.file()), certificate: Some((own("crt"), own("key"))) }).unwrap()
}

#[test]
fn users_come_over_tls_and_go_on_when_a_proxy_ends() {
    let users = format!(
        "users:\n  - {{name: default, rules: 'off'}}\n  - {{name: app, rules: 'on #{HASH} ~* &* +@all'}}\n"
    );
    let directory = tempfile::tempdir().unwrap();
    let ca = Authority::new(directory.path(), "ca");
    let [front, of_client] = ["front", "client"].map(|name| ca.issue(name, Validity::Good));
    assert!(of_client.certificate.exists());
    let cluster = Cluster::builder().proxies(1).yaml(&users).start();
    let (stays, ends) = (tls_proxy(&cluster, &front, &ca), tls_proxy(&cluster, &front, &ca));
    let url = format!("rediss://app:password@{},{}", stays.address(), ends.address());
    run(async {
        let tls = Some(tls(directory.path(), &ca, "client"));
        let options = Options { tls, ..options(Protocol::Resp3) };
        let wrong = Client::connect_with(url.replace("password", "wrong"), options.clone()).await;
        assert!(matches!(wrong, Err(Error::Server(e)) if e.code() == "WRONGPASS"));
        let client = Client::connect_with(&url, options).await?.idempotent();
        while client.set("k", "v").await.is_err() {}
        let who: String = client.query(cmd("ACL").arg("WHOAMI")).await?;
        assert_eq!(who, "app");
        let stop = tokio::task::spawn_blocking(|| ends.stop());
        for _ in 0..100 {
            assert_eq!(client.get("k").await?.as_deref(), Some(&b"v"[..]));
        }
        stop.await.expect("it ends");
        for _ in 0..100 {
            assert_eq!(client.get("k").await?.as_deref(), Some(&b"v"[..]));
        }
        Ok(())
    });
    stays.stop();
}
