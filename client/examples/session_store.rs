//! Sessions of users, which end when they are not used for a while.
//!
//! `cargo run -p ringmaster-client --example session_store -- redis://127.0.0.1:6379`
//!
//! A session is a hash. Each use puts its end off (a sliding expiry), in one step with what is read or written, so that a
//! session never stays without an end; and who writes to one that has ended does not bring it back to life. Its name is 128 random bits: who does not know it cannot
//! guess it.

use std::{collections::BTreeMap, error::Error, time::Duration};

use ringmaster_client::{Client, Outcome, Script, Transaction, cmd};

/// How long a session lives that is not used.
const IDLE_MAX: Duration = Duration::from_secs(30 * 60);

/// Sets fields and puts the end off, if there is such a session; whether there is. The idle time, then the fields.
const WRITE: &str = "
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1";

/// What a session holds.
type Fields = BTreeMap<String, String>;

struct Sessions {
    client: Client,
    write: Script,
}

impl Sessions {
    fn new(client: Client) -> Sessions {
        Sessions { client, write: Script::new(WRITE) }
    }

    /// A new session with these fields, at least one; its name.
    async fn create(&self, fields: &Fields) -> Result<String, ringmaster_client::Error> {
        let name = format!("{:032x}", rand::random::<u128>());
        let set =
            fields.iter().fold(cmd("HSET").arg(key(&name)), |set, (name, value)| set.arg(name).arg(value));
        let write = Transaction::new().push(set).push(put_off(&name));
        first::<i64>(self.client.transaction(&write).await?)?;
        Ok(name)
    }

    /// The fields of a session that has not ended; its end is put off.
    async fn load(&self, name: &str) -> Result<Option<Fields>, ringmaster_client::Error> {
        let read = Transaction::new().push(cmd("HGETALL").arg(key(name))).push(put_off(name));
        let fields: Fields = first(self.client.transaction(&read).await?)?;
        // A hash without fields does not exist.
        Ok(Some(fields).filter(|fields| !fields.is_empty()))
    }

    /// Sets fields, at least one; false when the session has ended.
    async fn write(&self, name: &str, fields: &Fields) -> Result<bool, ringmaster_client::Error> {
        let mut arguments = vec![IDLE_MAX.as_secs().to_string()];
        arguments.extend(fields.iter().flat_map(|(name, value)| [name.clone(), value.clone()]));
        self.client.eval(&self.write, &[key(name)], &arguments).await
    }

    /// Ends a session.
    async fn end(&self, name: &str) -> Result<(), ringmaster_client::Error> {
        self.client.idempotent().del([key(name)]).await.map(drop)
    }
}

fn key(name: &str) -> String {
    format!("session:{name}")
}

fn put_off(name: &str) -> ringmaster_client::Command {
    cmd("EXPIRE").arg(key(name)).arg(IDLE_MAX.as_secs().to_string())
}

/// What the first command of a transaction was answered with.
fn first<T: ringmaster_client::FromValue>(outcomes: Vec<Outcome>) -> Result<T, ringmaster_client::Error> {
    let mut outcomes = outcomes.into_iter();
    let first =
        outcomes.next().unwrap_or_else(|| Err(ringmaster_client::Error::Protocol("no reply".into())))?;
    outcomes.try_for_each(|outcome| outcome.map(drop))?;
    first.into()
}

/// Somebody logs in, puts something into the basket, and logs out.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error>> {
    let sessions = Sessions::new(Client::connect(url).await?);
    let name = sessions.create(&Fields::from([("user".into(), "ada".into())])).await?;
    let hat = Fields::from([("basket".into(), "1 hat".into())]);
    assert!(sessions.write(&name, &hat).await?);
    let fields = sessions.load(&name).await?.ok_or("the session has ended too early")?;
    println!("{} has {} in the basket", fields["user"], fields["basket"]);
    println!("if nothing happens, the session ends after {:?}", sessions.client.ttl(key(&name)).await?);
    sessions.end(&name).await?;
    assert!(!sessions.write(&name, &hat).await?, "what has ended does not begin again");
    assert_eq!(sessions.load(&name).await?, None);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run(&std::env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1:6379".into())).await
}
