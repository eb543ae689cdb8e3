//! What a URL or a list of addresses says.

use crate::{address::Address, error::Error, options::Options, tls::Tls};

/// Most addresses of one client.
pub const ADDRESSES_MAX: usize = 64;

/// Servers that a client may use in turn, and how it connects to them.
#[derive(Debug, Clone)]
pub struct Target {
    /// 1..=[`ADDRESSES_MAX`] servers, each as good as the others: proxies of one cluster, or one Redis.
    pub addresses: Vec<Address>,
    /// How to connect to each.
    pub options: Options,
}

impl Target {
    /// Reads one of
    /// * `host:port`, or several with commas between them;
    /// * `unix:/path`, `/path`;
    /// * `redis://[[user]:password@]host[:port][,host[:port]…][/database]`, and `rediss://…` for TLS;
    /// * `redis+unix:///path`.
    ///
    /// What a URL says goes before what `options` say. User and password are percent-decoded. `rediss://` takes
    /// [`Options::tls`], and the authorities that the system believes when there is none.
    ///
    /// # Errors
    /// [`Error::NotSent`] that says what is wrong; never with the password in it.
    pub fn new(text: &str, options: Options) -> Result<Target, Error> {
        match text.split_once("://") {
            None => {
                let read = |one: &str| if text.contains('@') { quietly(one) } else { one.parse() };
                Ok(Target { addresses: addresses(text, read)?, options })
            }
            Some(("redis", rest)) => of_url(rest, options),
            Some(("rediss", rest)) => {
                let tls = options.tls.clone().map_or_else(Tls::of_system, Ok)?;
                of_url(rest, Options { tls: Some(tls), ..options })
            }
            Some(("redis+unix" | "unix", path)) => {
                Ok(Target { addresses: vec![Address::Unix(path.into())], options })
            }
            // What stands before it may be anything.
            Some(_) => {
                Err(Error::refused("a URL of another kind: expected redis://, rediss:// or redis+unix://"))
            }
        }
    }
}

/// An address that stands where a password might, by a mistake: it is not repeated in errors.
fn quietly(one: &str) -> Result<Address, Error> {
    Address::read(one).map_err(Error::refused)
}

fn addresses(text: &str, read: impl Fn(&str) -> Result<Address, Error>) -> Result<Vec<Address>, Error> {
    let addresses: Vec<Address> = text.split(',').map(|one| read(one.trim())).collect::<Result<_, _>>()?;
    match addresses.len() {
        1..=ADDRESSES_MAX => Ok(addresses),
        count => Err(Error::refused(format!("{count} addresses, the limit is {ADDRESSES_MAX}"))),
    }
}

/// From what follows the scheme.
fn of_url(rest: &str, mut options: Options) -> Result<Target, Error> {
    // The last one: a password may hold an @ though it should be written %40.
    let (credentials, rest) = rest.rsplit_once('@').map_or((None, rest), |(c, rest)| (Some(c), rest));
    let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
    if let Some((user, password)) = credentials.map(|text| text.split_once(':').unwrap_or((text, ""))) {
        options.username = (!user.is_empty()).then(|| decoded(user)).transpose()?;
        options.password = (!password.is_empty()).then(|| decoded(password)).transpose()?;
        if options.username.is_some() && options.password.is_none() {
            return Err(Error::refused("a user without a password: write redis://user:password@host"));
        }
    }
    if !database.is_empty() {
        options.database = database.parse().map_err(|_| {
            Error::refused("what follows the / is the number of a database, other settings are Options")
        })?;
    }
    Ok(Target { addresses: addresses(hosts, quietly)?, options })
}

/// Without percent-encoding.
fn decoded(text: &str) -> Result<String, Error> {
    let wrong = || Error::refused("user or password: % is written %25, and the whole is UTF-8");
    let mut bytes = Vec::with_capacity(text.len());
    let mut pieces = text.split('%');
    bytes.extend_from_slice(pieces.next().unwrap_or_default().as_bytes());
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).ok_or_else(wrong)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        Target::new(text, Options::default()).unwrap()
    }

    #[test]
    fn a_url_names_servers_user_password_and_database() {
        let target = target("redis://me:p%40ss%3a@a:1,b,[::1]:2/3");
        let shown: Vec<_> = target.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["a:1", "b:6379", "[::1]:2"]);
        assert_eq!(target.options.username.as_deref(), Some("me"));
        assert_eq!(target.options.password.as_deref(), Some("p@ss:"));
        assert_eq!(target.options.database, 3);
    }

    #[test]
    fn a_password_alone_is_that_of_the_default_user() {
        let options = target("redis://:secret@a").options;
        assert_eq!((options.username, options.password.as_deref()), (None, Some("secret")));
    }

    #[test]
    fn what_a_url_does_not_say_is_left_to_the_options() {
        let options = Options { database: 5, username: Some("me".into()), ..Options::default() };
        let target = Target::new("redis://a", options).unwrap();
        assert_eq!((target.options.database, target.options.username.as_deref()), (5, Some("me")));
    }

    #[test]
    fn a_unix_socket_has_its_forms() {
        for text in ["redis+unix:///run/s", "unix:///run/s", "unix:/run/s", "/run/s"] {
            assert_eq!(target(text).addresses, [Address::Unix("/run/s".into())], "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_without_the_password() {
        for text in [
            "http://a",
            "redis://me:secret@a/x",
            "redis://me@a",
            "redis://me:secret%@a",
            "redis://me:secret%zz@a",
            "redis://me:secret@",
            "redis://:secret",
            "redis://a:secret",
            "redis://me@a/0?password=secret",
            "redis://a?password=secret",
            "secret://a",
            "me:secret@a:6379",
            "me:sec,secret@a:6379",
            "a:1,,b:2",
        ] {
            let error = Target::new(text, Options::default()).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(Target::new(&"a,".repeat(ADDRESSES_MAX + 1), Options::default()).is_err());
    }
}
