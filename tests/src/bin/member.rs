//! One node or one proxy as a process of its own, for tests that kill it.
//!
//! `member node PORT [maxmemory=BYTES] [data=DIR] [fsync=always|everysec] [profiling=on]`, `member proxy PORT FILE [profiling=on]`: prints where it
//! serves and where its admin port is, and runs until it is stopped.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use ringmaster_runtime::signal::wait_for_stop;

use ringmaster_node::config::Persistence;
use ringmaster_node::log::Fsync;

/// As the node's own binary: it is the one whose bytes are counted.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    ringmaster_runtime::logging::start("info");
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let served = match args[..] {
        ["node", port, ref words @ ..] => node(port, words),
        ["proxy", port, file, ref words @ ..] => proxy(port, file, words),
        _ => {
            Err("usage: member node PORT [maxmemory=BYTES] [data=DIR] [fsync=WORD] [profiling=on] | member proxy PORT FILE \
                 [profiling=on]"
                .to_owned())
        }
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn local(port: &str) -> Result<SocketAddr, String> {
    let port = port.parse().map_err(|_| format!("{port} is no port"))?;
    Ok(SocketAddr::from(([127, 0, 0, 1], port)))
}

fn node(port: &str, words: &[&str]) -> Result<(), String> {
    let mut config = ringmaster_node::Config {
        listen: local(port)?,
        admin: local("0")?,
        threads: 1,
        ..ringmaster_node::Config::default()
    };
    for word in words {
        match word.split_once('=') {
            Some(("maxmemory", bytes)) => {
                config.maxmemory = bytes.parse().map_err(|_| format!("{bytes} are no bytes"))?;
            }
            Some(("profiling", is_on)) => config.profiling = is_on == "on",
            Some(("data", directory)) => config.data_dir = directory.into(),
            Some(("fsync", when)) => {
                config.persistence = Persistence::Wal;
                config.fsync = if when == "always" { Fsync::Always } else { Fsync::Everysec };
            }
            _ => return Err(format!("{word} means nothing")),
        }
    }
    let node = ringmaster_node::Node::start(config).map_err(|error| error.to_string())?;
    tell(node.address(), node.admin_address());
    wait_for_stop().map_err(|error| error.to_string())?;
    node.leave(&AtomicBool::new(false));
    node.stop();
    Ok(())
}

/// At once: who reads the first line only is gone by the second.
fn tell(address: SocketAddr, admin: SocketAddr) {
    let told = format!("serves at {address}\nadmin at {admin}\n");
    print!("{told}");
}

fn proxy(port: &str, file: &str, words: &[&str]) -> Result<(), String> {
    let config = ringmaster_proxy::Config {
        listen: local(port)?,
        admin: local("0")?,
        threads: 1,
        cluster: file.into(),
        profiling: words.contains(&"profiling=on"),
        ..ringmaster_proxy::Config::default()
    };
    let proxy = ringmaster_proxy::Proxy::start(config).map_err(|error| error.to_string())?;
    tell(proxy.address(), proxy.admin_address());
    wait_for_stop().map_err(|error| error.to_string())?;
    proxy.stop();
    Ok(())
}
