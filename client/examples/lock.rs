//! A lock with a fencing token, and what it does not promise.
//!
//! `cargo run -p ringmaster-client --example lock -- redis://127.0.0.1:6379`
//!
//! **What it promises**: while the server lives and keeps its memory, at most one holder at a time has a lock whose
//! time has not passed, and each holder gets a higher token than all before it.
//!
//! **What it does not**: that a holder *knows* that it still holds it. A process can be paused for longer than the
//! lock lives, and wake up in the middle of what it protects; and a server that fails over may have lost the last
//! lock that it gave. So the lock saves work that is done twice, and what must not go wrong is protected by the
//! token: **the store that is written to keeps the highest token that it has seen, and refuses lower ones.** A store
//! that cannot do that is not made safe by any lock of this kind, with one server or with five.

use std::{error::Error, time::Duration};

use ringmaster_client::{Client, Error as ClientError, Script};
use tokio::time::{Instant, sleep};

/// Takes the lock if it is free; the token, or nil.
const ACQUIRE: &str = "
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return redis.call('INCR', KEYS[2]) end
return nil";

/// Gives it back if it is still ours: never that of somebody who came after us.
const RELEASE: &str = "
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0";

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(10);

struct Lock {
    client: Client,
    acquire: Script,
    release: Script,
    keys: [String; 2],
    ttl: Duration,
}

/// The right to go on, as far as we know until `until`.
struct Guard {
    /// Only its holder knows it.
    secret: String,
    /// Higher than that of every holder before. It goes with each write to what is protected.
    token: u64,
    until: Instant,
}

impl Lock {
    fn new(client: &Client, name: &str, ttl: Duration) -> Lock {
        let keys = [format!("lock:{{{name}}}"), format!("lock:{{{name}}}:token")];
        let (acquire, release) = (Script::new(ACQUIRE), Script::new(RELEASE));
        Lock { client: client.clone(), acquire, release, keys, ttl }
    }

    /// Waits up to `patience` for the lock; `None` when others had it all the time.
    async fn acquire(&self, patience: Duration) -> Result<Option<Guard>, ClientError> {
        let deadline = Instant::now() + patience;
        let arguments = [format!("{:032x}", rand::random::<u128>()), self.ttl.as_millis().to_string()];
        loop {
            // Counted from before the server did: we believe in it for too short a time and never for too long.
            let until = Instant::now() + self.ttl;
            if let Some(token) = self.client.eval(&self.acquire, &self.keys, &arguments).await? {
                let [secret, _] = arguments;
                return Ok(Some(Guard { secret, token, until }));
            }
            if Instant::now() + PAUSE > deadline {
                return Ok(None);
            }
            sleep(PAUSE).await;
        }
    }

    /// Gives it back; false when it had been lost before.
    async fn release(&self, guard: Guard) -> Result<bool, ClientError> {
        let released: u64 = self.client.eval(&self.release, &self.keys[..1], &[guard.secret]).await?;
        Ok(released == 1)
    }
}

/// What is protected: it refuses who is too late.
#[derive(Default)]
struct Store {
    highest_token: u64,
    value: u64,
}

impl Store {
    fn write(&mut self, token: u64, value: u64) -> Result<(), &'static str> {
        if token < self.highest_token {
            return Err("somebody else has had the lock since");
        }
        (self.highest_token, self.value) = (token, value);
        Ok(())
    }
}

/// One holder is paused for too long; the store refuses what it writes afterwards.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error>> {
    let client = Client::connect(url).await?;
    let lock = Lock::new(&client, "report", Duration::from_secs(1));
    let mut store = Store::default();

    let slow = lock.acquire(Duration::from_secs(5)).await?.ok_or("nobody else wants it")?;
    assert!(lock.acquire(Duration::from_millis(20)).await?.is_none(), "one at a time");
    let quick = lock.acquire(Duration::from_secs(5)).await?.ok_or("the time of the slow one has passed")?;
    println!("the slow one has token {}, the next one {}", slow.token, quick.token);
    assert!(Instant::now() > slow.until, "it could know, if it looks");

    store.write(quick.token, 2)?;
    let late = store.write(slow.token, 1);
    println!("the slow one wakes up and writes: {late:?}");
    assert!(late.is_err() && store.value == 2);
    assert!(!lock.release(slow).await?, "it gives back nothing that is not its own");
    lock.release(quick).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run(&std::env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1:6379".into())).await
}
