//! The dashboard of a proxy and the JSON behind it: with a cluster that is well, one that moves slots, and one that is not well.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use ringmaster_proxy::{Config, Proxy};
use ringmaster_runtime::admin::AdminAccess;
use ringmaster_tests::browser::{Browser, Screen};
use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::wait::{PATIENCE, eventually};
use ringmaster_tests::wire::Wire;
use serde_json::{Value, json};

const TOKEN: &str = "0123456789abcdef";

const SCREENS: [Screen; 3] = [
    Screen { width: 380, height: 800, is_dark: true },
    Screen { width: 800, height: 900, is_dark: false },
    Screen { width: 1440, height: 900, is_dark: true },
];

/// Head and body of a page.
fn page(address: SocketAddr, path: &str, header: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

fn admin(cluster: &Cluster) -> SocketAddr {
    cluster.proxies()[0].admin_address()
}

fn status(cluster: &Cluster) -> Value {
    serde_json::from_str(&page(admin(cluster), "/status.json", "").1).unwrap()
}

/// Two copies of each slot, all where they are wanted.
fn with_copies(nodes: usize) -> Cluster {
    let cluster = Cluster::builder().nodes(nodes).yaml("replicas: 2\ntimeouts: {failure: 300ms}").start();
    eventually("the cluster serves", || {
        Wire::connect(cluster.address()).ask("SET begun 1") == r"+OK\r\n" && cluster.is_whole()
    });
    cluster
}

fn node<'s>(status: &'s Value, name: &str) -> &'s Value {
    let nodes = status["nodes"].as_array().expect("nodes");
    nodes.iter().find(|node| node["name"] == name).expect("the node is told")
}

#[test]
fn the_status_tells_what_the_cluster_holds_and_who_holds_it() {
    let cluster = Cluster::builder().nodes(3).start();
    let mut client = Wire::connect(cluster.address());
    for n in 0..2000 {
        client.ask(&format!("SET key:{n} value"));
        client.ask(&format!("GET key:{}", n / 2));
    }
    // What came before the proxy began to note seconds is in none: there is always more.
    eventually("the last second is told", || {
        for n in 0..50 {
            client.ask(&format!("GET key:{n}"));
        }
        let seconds = status(&cluster)["history"].as_array().cloned().unwrap_or_default();
        seconds
            .iter()
            .any(|second| second["commands"].as_f64() > Some(0.0) && second["p99_us"].as_u64() > Some(0))
    });
    let told = status(&cluster);
    assert_eq!((&told["cluster"]["name"], &told["cluster"]["placed_by"]), (&json!("test"), &json!("file")));
    assert_eq!(told["slots"], json!({ "total": 16384, "whole": 16384, "short": 0, "joining": 0, "lost": 0 }));
    let nodes = told["nodes"].as_array().unwrap();
    let sum = |of: &dyn Fn(&Value) -> Option<u64>| nodes.iter().map(|node| of(node).unwrap()).sum::<u64>();
    assert_eq!(sum(&|node| node["slots"]["heads"].as_u64()), 16384);
    assert_eq!(sum(&|node| node["figures"]["keys"].as_u64()), 2000);
    assert!(sum(&|node| node["figures"]["hits"].as_u64()) >= 1000);
    assert!(nodes.iter().all(|node| node["health"] == "reached" && node["figures"]["version"].is_string()));
    assert_eq!(told["file"]["is_followed"], json!(true));
    let slots: Value = serde_json::from_str(&page(admin(&cluster), "/slots.json", "").1).unwrap();
    let chains = slots["chains"].as_array().unwrap();
    let covered = chains.iter().flat_map(|chain| chain["ranges"].as_array().unwrap());
    let covered: u64 = covered.map(|range| range[1].as_u64().unwrap() - range[0].as_u64().unwrap() + 1).sum();
    assert_eq!((covered, chains.len()), (16384, 3));
}

#[test]
fn a_node_that_is_gone_or_hangs_is_told_as_such_and_holds_nobody_up() {
    let mut cluster = Cluster::builder().nodes(2).start();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let listed =
        format!("nodes:\n  - {{name: hung, address: \"{}\", weight: 0}}", silent.local_addr().unwrap());
    cluster.edit("nodes:", &listed);
    eventually("the file is taken", || status(&cluster)["nodes"].as_array().unwrap().len() == 3);
    cluster.stop_node(1);
    eventually("both are told", || {
        let told = status(&cluster);
        node(&told, "hung")["health"] == "suspected" && node(&told, "node-1")["health"] == "suspected"
    });
    std::thread::sleep(Duration::from_secs(1));
    let begun = Instant::now();
    let told = status(&cluster);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let reason = node(&told, "hung")["reason"].as_str().unwrap();
    assert!(reason.contains("within"), "{reason}");
    assert!(node(&told, "node-1")["reason"].as_str().unwrap().contains("refused"));
    assert_eq!(
        (&node(&told, "node-0")["health"], &node(&told, "hung")["figures"]),
        (&json!("reached"), &Value::Null)
    );
}

#[test]
fn nodes_are_asked_once_a_second_however_many_look() {
    let cluster = Cluster::builder().nodes(1).start();
    let commands = || {
        let info = Wire::connect(cluster.nodes()[0].address()).ask("INFO stats");
        let (_, rest) = info.split_once("total_commands_processed:").unwrap();
        rest.split('\\').next().unwrap().parse::<u64>().unwrap()
    };
    status(&cluster);
    let (before, begun) = (commands(), Instant::now());
    let looks = 40;
    (0..looks).for_each(|_| drop(status(&cluster)));
    let asked = commands() - before;
    let bound = 4 * (begun.elapsed().as_secs() + 2);
    assert!(asked <= bound && bound < looks, "{asked} commands for {looks} looks, {bound} expected at most");
}

#[test]
fn everybody_may_load_the_page_and_only_who_tells_the_token_sees_the_cluster() {
    let cluster = Cluster::builder().nodes(1).start();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, TOKEN).unwrap();
    let admin_access = AdminAccess { token_file: Some(file), ..AdminAccess::default() };
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let (cluster_file, threads) = (cluster.file(), 1);
    let config = Config {
        listen: free,
        admin: free,
        cluster: cluster_file,
        threads,
        admin_access,
        ..Config::default()
    };
    let proxy = Proxy::start(config).unwrap();
    let address = proxy.admin_address();
    let (head, html) = page(address, "/", "");
    assert!(head.starts_with("http/1.1 200") && html.starts_with("<!doctype html>"), "{head}");
    for header in [
        "content-security-policy: default-src 'none'",
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
    ] {
        assert!(head.contains(header), "{header}: {head}");
    }
    assert!(!html.contains("node-0") && !html.contains(&cluster.nodes()[0].address().to_string()));
    for path in ["/status.json", "/slots.json", "/hotkeys", "//", "/?"] {
        let (head, body) = page(address, path, "authorization: Bearer 0123456789abcdee\r\n");
        assert!(head.starts_with("http/1.1 401") || path == "/?", "{path}: {head}");
        assert!(!body.contains("node-0"), "{path}");
    }
    let bearer = format!("authorization: Bearer {TOKEN}\r\n");
    assert!(page(address, "/status.json", &bearer).1.contains("node-0"));
    if let Some(mut browser) = Browser::start() {
        browser.open(&format!("http://{address}/"));
        browser.until("!document.getElementById('ask').hidden");
        assert_eq!(browser.value("document.getElementById('nodes').children.length"), json!(0));
        let tell = |token: &str| {
            format!(
                "document.getElementById('token').value = '{token}', document.getElementById('ask').requestSubmit()"
            )
        };
        browser.value(&tell("0123456789abcdee"));
        browser.until("!document.getElementById('wrong').hidden");
        browser.value(&tell(TOKEN));
        browser.until("document.getElementById('nodes').textContent.includes('node-0')");
        assert_eq!(browser.value("sessionStorage.length + ' ' + localStorage.length"), json!("1 0"));
    }
    proxy.stop();
}

/// Opens the dashboard on every screen: it is drawn, nothing is complained of, and nothing sticks out.
fn is_good_on_all_screens(browser: &mut Browser, url: &str, name: &str) {
    for screen in SCREENS {
        browser.look(screen);
        browser.open(url);
        browser.until("document.body !== null && Boolean(document.body.dataset.shown)");
        // A second look replaces what the first has drawn.
        browser.until("window.first = window.first || document.body.dataset.shown, document.body.dataset.shown !== window.first");
        let wider =
            browser.value("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert_eq!(wider, json!(0), "{name} at {screen:?} scrolls sideways");
        let (dark, colour) =
            (screen.is_dark, browser.value("getComputedStyle(document.body).backgroundColor"));
        assert_eq!(colour == json!("rgb(13, 16, 22)"), dark, "{colour}");
        let paint = browser.value("performance.getEntriesByName('first-contentful-paint')[0].startTime");
        println!("{name} at {} pixels: first paint after {paint} ms", screen.width);
        keep_picture(browser, &format!("{name}-{}-{}", screen.width, if dark { "dark" } else { "light" }));
    }
    assert_eq!(browser.complaints(), Vec::<String>::new(), "{name}");
}

/// Keeps a picture for people where `RINGMASTER_TEST_PICTURES` names a directory.
fn keep_picture(browser: &mut Browser, name: &str) {
    let Some(directory) = std::env::var_os("RINGMASTER_TEST_PICTURES") else { return };
    let encoded = Path::new(&directory).join(format!("{name}.b64"));
    fs::write(&encoded, browser.picture()).unwrap();
    let made = Command::new("base64").arg("-d").arg(&encoded).output().unwrap();
    fs::write(encoded.with_extension("png"), made.stdout).unwrap();
    fs::remove_file(encoded).unwrap();
}

fn text_of(browser: &mut Browser, id: &str) -> String {
    browser.value(&format!("document.getElementById('{id}').textContent")).as_str().unwrap().to_owned()
}

#[test]
fn the_dashboard_shows_a_cluster_that_is_well_and_one_that_is_not() {
    let Some(mut browser) = Browser::start() else { return };
    let mut cluster = with_copies(3);
    let mut client = Wire::connect(cluster.address());
    for n in 0..500 {
        client.ask(&format!("SET <b>{n}</b> value"));
    }
    // Hot, and named so that a page which took it for HTML would run it.
    let hot = r#"<img/src=x/onerror=document.title="broken">"#;
    for _ in 0..20_000 {
        client.ask(&format!("GET {hot}"));
    }
    let url = format!("http://{}/", admin(&cluster));
    is_good_on_all_screens(&mut browser, &url, "healthy");
    assert_eq!(text_of(&mut browser, "state"), "healthy");
    browser.until("document.getElementById('hot').textContent.includes('<img/src=x')");
    assert_eq!(browser.value("document.querySelectorAll('img, b[id]').length"), json!(0));
    assert_eq!(browser.value("document.querySelectorAll('.seg').length"), json!(3));
    browser.value("document.querySelector('.seg').focus()");
    browser.until("document.querySelectorAll('.chord').length === 2");
    let looked = browser.value("document.querySelector('#nodes tr.on').dataset.node");
    assert_eq!(looked, browser.value("document.querySelector('.seg').dataset.node"));

    let file = cluster.file();
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, good.replace("replicas: 2", "replicas: 9\nreplica: 1")).unwrap();
    browser.until("document.getElementById('file').textContent.includes('replica')");
    is_good_on_all_screens(&mut browser, &url, "broken-file");
    assert_eq!(text_of(&mut browser, "state"), "file not followed");
    fs::write(&file, &good).unwrap();
    browser.until("document.getElementById('state').textContent === 'healthy'");

    cluster.stop_node(2);
    browser.until("document.getElementById('state').textContent === 'degraded'");
    is_good_on_all_screens(&mut browser, &url, "killed");
    assert!(text_of(&mut browser, "nodes").contains("node-2"));

    // The proxy goes: the page says so, and keeps what it has.
    drop(cluster);
    browser.until("!document.getElementById('away').hidden");
    assert_eq!(text_of(&mut browser, "state"), "no answer");
    keep_picture(&mut browser, "away");
}

#[test]
fn the_dashboard_shows_what_moves_where() {
    let Some(mut browser) = Browser::start() else { return };
    let cluster = with_copies(2);
    let mut client = Wire::connect(cluster.address());
    let value = "x".repeat(2000);
    for n in 0..4000 {
        client.ask(&format!("SET key:{n} {value}"));
    }
    let url = format!("http://{}/", admin(&cluster));
    browser.open(&url);
    browser.until("document.getElementById('moves').textContent.includes('Nothing moves')");
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = ringmaster_node::Config {
        listen: free,
        admin: free,
        threads: 1,
        ..ringmaster_node::Config::default()
    };
    let third = ringmaster_node::Node::start(config).unwrap();
    let more = format!(
        "limits: {{rebalance_bytes: 64kb}}\nnodes:\n  - {{name: new, address: \"{}\"}}",
        third.address()
    );
    cluster.edit("nodes:", &more);
    browser.until("document.getElementById('moves').textContent.includes('→ new')");
    let told = status(&cluster);
    assert!(told["rebalancing"]["slots_to_do"].as_u64() > Some(0), "{}", told["rebalancing"]);
    let moves = told["rebalancing"]["moves"].as_array().unwrap();
    assert!(moves.iter().all(|pair| pair["to"] == "new" && pair["bytes"].as_u64() > Some(0)), "{moves:?}");
    is_good_on_all_screens(&mut browser, &url, "moving");
    drop(cluster);
    third.stop();
}
