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

/// Looks whether `address` may be listened on by who is `open`, that is, asks nobody who he is. `remedy` says what to do
/// about that.
///
/// # Errors
/// [`Exposed`], if others than this machine reach it.
pub fn check(address: SocketAddr, open: bool, remedy: &'static str) -> Result<(), Exposed> {
    // ::ffff:127.0.0.1 is this machine, too.
    let is_local = address.ip().to_canonical().is_loopback();
    if open && !is_local { Err(Exposed { address, remedy }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_come_in_without_a_word() {
        let check = |address: &str, open| check(address.parse().unwrap(), open, "give users").is_ok();
        for local in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(check(local, true) && check(local, false), "{local}");
        }
        for public in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[fe80::1]:1"] {
            assert!(!check(public, true) && check(public, false), "{public}");
        }
    }
}
