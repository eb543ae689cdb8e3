//! Who listens where others than this machine come in says first who may.

use std::net::SocketAddr;

/// Why nobody listens: there is nothing that keeps strangers out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not listening on {address}: everybody who reaches that address could do everything; {remedy}, or say \
         `--insecure` (`insecure: true`) if only friends can reach it"
)]
pub struct Exposed {
    address: SocketAddr,
    remedy: &'static str,
}

/// Whether only this machine reaches an address.
#[must_use]
pub fn is_local(address: SocketAddr) -> bool {
    // ::ffff:127.0.0.1 is this machine, too.
    address.ip().to_canonical().is_loopback()
}

/// Looks whether who is `open`, that is, asks nobody who he is, may listen: not where others reach it (`exposed`). `remedy`
/// says what to do about that.
///
/// # Errors
/// [`Exposed`].
pub fn check(exposed: Option<SocketAddr>, open: bool, remedy: &'static str) -> Result<(), Exposed> {
    match exposed.filter(|_| open) {
        Some(address) => Err(Exposed { address, remedy }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::Doors;

    #[test]
    fn only_this_machine_may_come_in_without_a_word() {
        let check = |address: &str, open| {
            let doors = Doors::open(address.parse().unwrap(), None, &[]).unwrap();
            check(doors.exposed(), open, "give users").is_ok()
        };
        for local in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(check(local, true) && check(local, false), "{local}");
        }
        for public in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[fe80::1]:1"] {
            assert!(!check(public, true) && check(public, false), "{public}");
        }
    }
}
