//! Cache-aside with stampede protection: when a popular entry is missing, one caller asks the database and the others
//! wait for what it finds.
//!
//! `cargo run -p ringmaster-client --example cache_aside -- redis://127.0.0.1:6379`
//!
//! * Who misses tries to become the loader (`SET NX PX` on a key beside the entry). The loader's place has a time to
//!   live, so a loader that dies holds nobody up for longer than that. It gives back only its own place: one that was
//!   too slow must not take away that of who came after it.
//! * Entries live a random tenth longer or shorter: those that were cached together do not expire together.
//! * A cache that cannot be reached is a slow cache: the database is asked. Once: what was loaded is good also if it
//!   cannot be cached.

use std::{
    error::Error,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use bytes::Bytes;
use ringmaster_client::{Client, Script, SetOptions};
use tokio::time::{Instant, sleep};

/// How long an entry is good.
const ENTRY_TTL: Duration = Duration::from_secs(60);

/// How long a loader has before another one takes its place.
const LOADER_TTL: Duration = Duration::from_secs(2);

/// Between two looks of who waits for the loader.
const LOOK: Duration = Duration::from_millis(10);

/// Gives back the place of the loader if it is still ours.
const RELEASE: &str = "
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0";

/// What is slow, and must not be asked by everybody at once.
#[derive(Default)]
pub(crate) struct Database {
    asked: AtomicUsize,
}

impl Database {
    async fn load(&self, name: &str) -> String {
        self.asked.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(50)).await;
        format!("all about {name}")
    }
}

/// The entry of that name: from the cache, or from the database and then in the cache.
async fn fetch(client: &Client, database: &Database, name: &str) -> Bytes {
    match from_cache(client, database, name).await {
        Ok(value) => value,
        Err(error) => {
            eprintln!("without the cache: {error}");
            database.load(name).await.into()
        }
    }
}

async fn from_cache(
    client: &Client,
    database: &Database,
    name: &str,
) -> Result<Bytes, ringmaster_client::Error> {
    // One tag: in a cluster the entry and its loader lie in one slot.
    let (entry, loader) = (format!("cache:{{{name}}}"), format!("cache:{{{name}}}:loader"));
    let patience = Instant::now() + 2 * LOADER_TTL;
    while Instant::now() < patience {
        // Reads may be repeated: a lost connection is no reason to ask the database.
        if let Some(value) = client.idempotent().get(&entry).await? {
            return Ok(value);
        }
        let secret = format!("{:032x}", rand::random::<u128>());
        if client.set_with(&loader, &secret, SetOptions::new().px(LOADER_TTL).nx()).await? {
            let value = database.load(name).await;
            if let Err(error) = keep(client, [&entry, &loader], &value, &secret).await {
                eprintln!("loaded and not cached: {error}");
            }
            return Ok(value.into());
        }
        sleep(LOOK).await;
    }
    Ok(database.load(name).await.into())
}

/// Caches what was loaded, then gives back the place of the loader.
async fn keep(
    client: &Client,
    [entry, loader]: [&str; 2],
    value: &str,
    secret: &str,
) -> Result<(), ringmaster_client::Error> {
    let ttl = ENTRY_TTL.mul_f64(0.9 + 0.2 * rand::random::<f64>());
    client.set_with(entry, value, SetOptions::new().px(ttl)).await?;
    client.eval::<i64>(&Script::new(RELEASE), &[loader], &[secret]).await.map(drop)
}

/// Fifty callers want the same entry at once.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error>> {
    let client = Client::connect(url).await?;
    client.del(["cache:{hat}", "cache:{hat}:loader"]).await?;
    let database = std::sync::Arc::new(Database::default());
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let (client, database) = (client.clone(), database.clone());
            tokio::spawn(async move { fetch(&client, &database, "hat").await })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await?, "all about hat");
    }
    let asked = database.asked.load(Ordering::Relaxed);
    println!("50 callers, the database was asked {asked} time(s)");
    assert_eq!(asked, 1);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run(&std::env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1:6379".into())).await
}
