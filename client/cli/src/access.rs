//! The flags that say how to get in: TLS, and as whom. They have redis-cli's names.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use ringmaster_client::{Address, Options, Target, Tls, TlsFiles};

/// How to get in.
#[derive(clap::Args, Debug)]
pub(crate) struct Access {
    /// Password. Better given in the environment: arguments are seen by other users.
    #[arg(short = 'a', long = "pass", env = "RINGMASTER_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// User that the password belongs to.
    #[arg(long, requires = "password")]
    user: Option<String>,
    /// Speak TLS.
    #[arg(long)]
    tls: bool,
    /// PEM file of the authorities that are believed; those of the system when not given.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// PEM file of the certificate to show.
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// PEM file of its key.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Name that the server's certificate has to be for, in place of its host.
    #[arg(long, value_name = "HOST")]
    sni: Option<String>,
}

impl Access {
    /// The server at `address`, which is `host:port` or a URL, with `options` for what is not said here.
    ///
    /// # Errors
    /// Flags that contradict each other, a file that cannot be used, an address that cannot be read or is more than
    /// one server.
    pub(crate) fn target(&self, address: &str, options: Options) -> anyhow::Result<Target> {
        let is_tls = self.tls || address.starts_with("rediss://");
        let given = self.cacert.is_some() || self.cert.is_some() || self.sni.is_some();
        ensure!(is_tls || !given, "--cacert, --cert, --key and --sni are of no use without --tls");
        let tls = if is_tls { Some(self.tls()?) } else { None };
        let options =
            Options { username: self.user.clone(), password: self.password.clone(), tls, ..options };
        let target = Target::new(address, options)?;
        ensure!(target.addresses.len() == 1, "one server, not {}", target.addresses.len());
        let local = matches!(target.addresses[..], [Address::Unix(_)]);
        ensure!(!(local && is_tls), "a Unix socket does not speak TLS: leave out --tls");
        Ok(target)
    }

    fn tls(&self) -> anyhow::Result<Tls> {
        let files =
            TlsFiles { ca: self.cacert.clone(), certificate: self.cert.clone().zip(self.key.clone()) };
        let tls = Tls::of_files(files).context("--tls")?;
        Ok(match &self.sni {
            Some(name) => tls.server_name(name),
            None => tls,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Tool {
        #[command(flatten)]
        access: Access,
    }

    fn target(flags: &str, address: &str) -> anyhow::Result<Target> {
        let words = std::iter::once("tool").chain(flags.split_whitespace());
        Tool::try_parse_from(words)?.access.target(address, Options::default())
    }

    #[test]
    fn users_come_from_flags_and_from_urls() {
        let by_flags = target("--user me -a pw", "a:1").unwrap();
        let by_url = target("", "redis://me:pw@a:1").unwrap();
        for Target { addresses, options } in [by_flags, by_url] {
            assert_eq!(addresses[0].to_string(), "a:1");
            assert_eq!((options.username.as_deref(), options.password.as_deref()), (Some("me"), Some("pw")));
            assert!(options.tls.is_none());
        }
    }

    #[test]
    fn flags_that_contradict_each_other_are_refused_with_what_to_do() {
        for (flags, address, why) in [
            ("--cacert ca.pem", "a:1", "without --tls"),
            ("--sni b", "a:1", "without --tls"),
            ("--tls --cacert none.pem", "a:1", "none.pem"),
            ("--cert a.pem", "rediss://a:1", "--key"),
            ("--user me", "a:1", "--pass"),
            ("", "a:1,b:1", "one server"),
        ] {
            let error = target(flags, address).map(drop).unwrap_err();
            assert!(format!("{error:#}").contains(why), "{flags}: {error:#}");
        }
    }
}
