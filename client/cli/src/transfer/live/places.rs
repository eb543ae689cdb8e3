//! Which servers and databases there are behind an address.

use std::collections::VecDeque;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use ringmaster_client::{Address, Client, Error, Options, Target, Value, cmd};

use super::Clock;

/// Most primaries of a Redis Cluster.
const PRIMARIES_MAX: usize = 1000;

/// What of a source is wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// Keys that match this pattern of Redis; all without one.
    pub pattern: Option<String>,
    /// This database; all without one.
    pub database: Option<u32>,
    /// Libraries of functions, too.
    pub functions: bool,
}

/// One database of one server.
pub(super) struct Place {
    target: Target,
    /// The address.
    pub(super) name: String,
    pub(super) database: u64,
    /// Keys, as the server says.
    pub(super) keys: u64,
    pub(super) cursor: u64,
    pub(super) clock: Clock,
    client: Option<Client>,
}

impl Place {
    /// Whether the mark is in it.
    pub(super) fn is(&self, mark: &super::Mark) -> bool {
        (&self.name, self.database) == (&mark.place, mark.database)
    }

    /// The connection; made when it is asked for first.
    pub(super) async fn client(&mut self) -> anyhow::Result<Client> {
        if self.client.is_none() {
            let client = Client::open(self.target.clone()).await;
            self.client = Some(client.with_context(|| format!("cannot reach {}", self.name))?);
        }
        self.client.clone().context("no connection")
    }
}

/// What there is behind an address.
pub(super) struct Found {
    /// In an order that is always the same.
    pub(super) places: VecDeque<Place>,
    /// Libraries of functions, if they are wanted.
    pub(super) libraries: Option<Vec<Vec<u8>>>,
    /// What the server says that it is.
    pub(super) version: String,
}

/// The places behind `target`, in an order that is always the same, and its libraries of functions if they are wanted.
///
/// # Errors
/// It cannot be reached, or does not let us in.
pub(super) async fn of(target: Target, scope: &Scope) -> anyhow::Result<Found> {
    let [address] = &target.addresses[..] else { bail!("one source, not {}", target.addresses.len()) };
    let name = address.to_string();
    let cannot = || format!("cannot read {name}");
    let client = Client::open(target.clone()).await.with_context(cannot)?;
    let info = info(&client).await.with_context(cannot)?;
    let libraries = if scope.functions { Some(libraries(&client).await.with_context(cannot)?) } else { None };
    let is_redis_cluster =
        field(&info, "cluster_enabled") == Some("1") && field(&info, "ringmaster_version").is_none();
    let mut places = Vec::new();
    if is_redis_cluster {
        let primaries = primaries(&client, address).await.with_context(cannot)?;
        for address in primaries {
            let target = Target { addresses: vec![address.clone()], ..target.clone() };
            let client =
                Client::open(target.clone()).await.with_context(|| format!("cannot reach {address}"))?;
            let info = self::info(&client).await.with_context(|| format!("cannot read {address}"))?;
            places.extend(databases(&target, &info, Some(0)));
        }
    } else {
        let only = scope.database.or(Some(target.options.database).filter(|database| *database > 0));
        places.extend(databases(&target, &info, only));
    }
    places.sort_by(|one, other| (&one.name, one.database).cmp(&(&other.name, other.database)));
    let version = ["ringmaster", "redis"].into_iter().find_map(|kind| {
        let number = field(&info, &format!("{kind}_version"))?;
        Some(format!("{kind} {number}"))
    });
    Ok(Found { places: places.into(), libraries, version: version.unwrap_or_default() })
}

async fn info(client: &Client) -> Result<String, Error> {
    let text: Bytes = client.query(cmd("INFO")).await?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn field<'i>(info: &'i str, name: &str) -> Option<&'i str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// The databases that have keys, or the only one that is wanted.
fn databases(target: &Target, info: &str, only: Option<u32>) -> Vec<Place> {
    let major = field(info, "redis_version").and_then(|version| version.split('.').next()?.parse().ok());
    let clock = if major.is_some_and(|major: u32| major >= 7) { Clock::Absolute } else { Clock::Relative };
    let place = |database: u32, keys| Place {
        target: Target { options: Options { database, ..target.options.clone() }, ..target.clone() },
        name: target.addresses.first().map(ToString::to_string).unwrap_or_default(),
        database: database.into(),
        keys,
        cursor: 0,
        clock,
        client: None,
    };
    let found: Vec<(u32, u64)> = info.lines().filter_map(keyspace).collect();
    match only {
        Some(only) => {
            let keys = found.iter().find(|(database, _)| *database == only).map_or(0, |(_, keys)| *keys);
            vec![place(only, keys)]
        }
        None => found.into_iter().map(|(database, keys)| place(database, keys)).collect(),
    }
}

/// `db3:keys=7,expires=0,…`
fn keyspace(line: &str) -> Option<(u32, u64)> {
    let (database, about) = line.strip_prefix("db")?.split_once(":keys=")?;
    let keys = about.split(',').next()?.trim().parse().ok()?;
    Some((database.parse().ok()?, keys))
}

/// The texts of all libraries; none where the server does not know of functions.
async fn libraries(client: &Client) -> Result<Vec<Vec<u8>>, Error> {
    let listed = match client.command(&["FUNCTION", "LIST", "WITHCODE"]).await {
        Ok(Value::Array(listed)) => listed,
        Ok(_) => Vec::new(),
        Err(Error::Server(error)) if error.code() == "ERR" => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(listed.into_iter().filter_map(code).collect())
}

/// What stands behind `library_code`.
fn code(library: Value) -> Option<Vec<u8>> {
    let Value::Array(about) = library else { return None };
    let mut about = about.into_iter();
    about.find(|word| word.as_bytes().is_some_and(|word| word == "library_code"))?;
    about.next()?.as_bytes().map(|code| code.to_vec())
}

/// The primaries of a Redis Cluster; `seed` is where one was found.
async fn primaries(client: &Client, seed: &Address) -> anyhow::Result<Vec<Address>> {
    let Value::Array(ranges) = client.command(&["CLUSTER", "SLOTS"]).await? else {
        bail!("CLUSTER SLOTS is answered with something else");
    };
    let mut found: Vec<Address> = Vec::new();
    for range in ranges.into_iter().take(1 << 14) {
        let Some(address) = primary(range, seed) else {
            bail!("CLUSTER SLOTS is answered with something else")
        };
        if !found.contains(&address) {
            found.push(address);
        }
        if found.len() > PRIMARIES_MAX {
            bail!("more than {PRIMARIES_MAX} primaries");
        }
    }
    Ok(found)
}

/// The primary of `[first, last, [host, port, …], …]`; a host that a server does not know is the one where we are.
fn primary(range: Value, seed: &Address) -> Option<Address> {
    let Value::Array(range) = range else { return None };
    let Value::Array(primary) = range.into_iter().nth(2)? else { return None };
    let [host, port] = <[Value; 2]>::try_from(primary.into_iter().take(2).collect::<Vec<_>>()).ok()?;
    let host = host.into::<String>().unwrap_or_default();
    let port = u16::try_from(port.into::<i64>().ok()?).ok()?;
    let host = match (host.as_str(), seed) {
        ("" | "?", Address::Tcp { host, .. }) => host.clone(),
        _ => host,
    };
    Some(Address::Tcp { host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_those_that_have_keys() {
        let info = "# Server\r\nringmaster_version:1\r\n# Keyspace\r\ndb0:keys=7,expires=0\r\ndb12:keys=1,expires=1\r\n";
        let target = Target::new("a:1", Options::default()).unwrap();
        let found = |only| {
            let places = databases(&target, info, only);
            places.iter().map(|place| (place.database, place.keys)).collect::<Vec<_>>()
        };
        assert_eq!(found(None), [(0, 7), (12, 1)]);
        assert_eq!(found(Some(12)), [(12, 1)]);
        assert_eq!(found(Some(3)), [(3, 0)]);
        assert_eq!(field(info, "ringmaster_version"), Some("1"));
        assert_eq!(keyspace("dbx:keys=7"), None);
    }

    #[test]
    fn a_primary_without_a_host_is_where_its_cluster_was_asked() {
        let seed = Address::Tcp { host: "h".into(), port: 1 };
        let text = |text: &'static str| Value::Bulk(Bytes::from_static(text.as_bytes()));
        let range =
            |host| Value::Array(vec![Value::Int(0), Value::Int(5), Value::Array(vec![host, Value::Int(7)])]);
        assert_eq!(primary(range(text("")), &seed).unwrap().to_string(), "h:7");
        assert_eq!(primary(range(text("b")), &seed).unwrap().to_string(), "b:7");
        assert!(primary(Value::Int(1), &seed).is_none());
    }
}
