//! What a request calls the host: a name of a stranger means that a page of a stranger asks.
//!
//! A port that asks nobody who he is and listens on this machine only is within reach of each browser on it: a page of
//! `evil.example`, whose name server says 127.0.0.1 the second time (DNS rebinding), may read it as its own. Such a request
//! still says `Host: evil.example`. An address cannot be made to mean another, and `localhost` is nobody's to give away.

use std::net::IpAddr;

/// Whether `authority`, as `Host` has it, is an address or this machine by its name.
pub(super) fn is_ours(authority: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest
            .split_once(']')
            .map_or(("", ""), |(host, rest)| (host, rest.strip_prefix(':').unwrap_or(rest))),
        None => authority.rsplit_once(':').unwrap_or((authority, "")),
    };
    if !is_port(port) {
        return false;
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host.parse::<IpAddr>().is_ok() || name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_this_machine_are_ours_and_other_names_are_not() {
        for ours in [
            "127.0.0.1",
            "127.0.0.1:9000",
            "10.1.2.3:80",
            "[::1]",
            "[::1]:9000",
            "localhost",
            "LOCALHOST:1",
            "localhost.:1",
            "ringmaster.localhost:1",
        ] {
            assert!(is_ours(ours), "{ours}");
        }
        for other in [
            "",
            ":80",
            "evil.example",
            "evil.example:9000",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "notlocalhost",
            "[::1",
            "[evil]",
            "127.0.0.1:80@evil.example",
            "2130706433",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
