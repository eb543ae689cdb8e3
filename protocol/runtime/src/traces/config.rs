//! `tracing:` of proxy.yaml and node.yaml.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use ringmaster_protocol::config::{Findings, Millis};
use serde::{Deserialize, Deserializer};

/// Parts of a whole [`Sample`].
const WHOLE: u32 = 1_000_000_000;

/// How a collector is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// OTLP over gRPC, a collector's port 4317.
    #[default]
    Grpc,
    /// OTLP over HTTP with protobuf, a collector's port 4318.
    Http,
}

/// The share of commands that are traced, in parts of a thousand million. From 0, none, to 1, all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample(u32);

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / f64::from(WHOLE))
    }
}

impl Sample {
    /// No command, but those whose client or proxy asks for it.
    pub const NONE: Self = Self(0);

    /// One of a thousand.
    pub const FEW: Self = Self(WHOLE / 1000);

    /// The share `of` a whole; `None` for what is not from 0 to 1.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 1")]
    pub fn of(of: f64) -> Option<Self> {
        (0.0..=1.0).contains(&of).then(|| Self((of * f64::from(WHOLE)).round() as u32))
    }

    /// Commands from one that is traced to the next, on average; `None`: none is.
    #[must_use]
    pub fn mean_gap(self) -> Option<f64> {
        (self.0 > 0).then(|| f64::from(WHOLE) / f64::from(self.0))
    }
}

/// A share that is changed while others go by it.
#[derive(Debug)]
pub struct LiveSample(AtomicU32);

impl LiveSample {
    /// It is so at first.
    #[must_use]
    pub fn new(sample: Sample) -> Self {
        Self(AtomicU32::new(sample.0))
    }

    /// As it is now.
    #[must_use]
    pub fn load(&self) -> Sample {
        Sample(self.0.load(Ordering::Relaxed))
    }

    /// It is so from now on.
    pub fn store(&self, sample: Sample) {
        self.0.store(sample.0, Ordering::Relaxed);
    }
}

impl<'de> Deserialize<'de> for Sample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let share = f64::deserialize(deserializer)?;
        Self::of(share).ok_or_else(|| serde::de::Error::custom(format!("{share} is no share, give 0 to 1")))
    }
}

/// Where traces go, and how many.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "the keys of `tracing`, as in {endpoint: \"http://127.0.0.1:4317\"}"
)]
pub struct TracesConfig {
    /// The collector, as `http://HOST:PORT`. Default: 127.0.0.1 and the port of the protocol.
    pub endpoint: Option<String>,
    /// How it is spoken to. Default gRPC.
    pub protocol: Protocol,
    /// The share of commands that are traced without being asked for. Default: one of a thousand for a proxy, none for a
    /// node, which traces what proxies say.
    pub sample: Option<Sample>,
    /// Most spans that wait for the collector; more are dropped. Range 16..=1,000,000, default 4096.
    pub queue: usize,
    /// Most spans of a message. Range 1..=10,000, default 512.
    pub batch: usize,
    /// Longest time that a span waits for others. Range 10 ms..=1 min, default 1 s.
    pub interval: Millis,
    /// Longest time that the collector has for a message. Range 10 ms..=1 min, default 5 s.
    pub timeout: Millis,
    /// What the process is called in traces. Default: where its clients connect.
    pub instance: Option<String>,
}

impl Default for TracesConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            protocol: Protocol::Grpc,
            sample: None,
            queue: 4096,
            batch: 512,
            interval: Millis::seconds(1),
            timeout: Millis::seconds(5),
            instance: None,
        }
    }
}

impl TracesConfig {
    /// With this collector, as the command line and the environment name it, in place of another.
    #[must_use]
    pub fn with_endpoint(file: Option<Self>, endpoint: Option<String>) -> Option<Self> {
        match (file, endpoint.filter(|endpoint| !endpoint.is_empty())) {
            (file, None) => file,
            (file, endpoint) => Some(Self { endpoint, ..file.unwrap_or_default() }),
        }
    }

    /// Where the collector is.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        let usual = match self.protocol {
            Protocol::Grpc => "http://127.0.0.1:4317",
            Protocol::Http => "http://127.0.0.1:4318",
        };
        self.endpoint.as_deref().unwrap_or(usual)
    }

    /// Notes what is wrong with the values; `key` is where they stand.
    pub fn check(&self, key: &str, findings: &mut Findings) {
        if let Err(why) = self.check_endpoint() {
            findings.add(&format!("{key}.endpoint"), why);
        }
        findings.range(&format!("{key}.queue"), self.queue, 16..=1_000_000);
        findings.range(&format!("{key}.batch"), self.batch, 1..=10_000);
        for (name, time) in [("interval", self.interval), ("timeout", self.timeout)] {
            findings.range(&format!("{key}.{name}"), time.duration().as_millis(), 10..=60_000);
        }
    }

    /// # Errors
    /// What is wrong with the endpoint.
    pub fn check_endpoint(&self) -> Result<(), String> {
        let endpoint = self.endpoint();
        let Some(rest) = endpoint.strip_prefix("http://") else {
            let why = "is not `http://HOST:PORT`; for TLS let a collector beside this process pass spans on";
            return Err(format!("`{endpoint}` {why}"));
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let port =
            authority.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        let is_plain = !authority.contains(['/', '@', '?', '#', ' ']);
        match port {
            Some((host, port)) if !host.is_empty() && port > 0 && is_plain => Ok(()),
            _ => Err(format!("`{endpoint}` is not `http://HOST:PORT`, as in `http://127.0.0.1:4317`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Result<(), String> {
        TracesConfig { endpoint: Some(text.to_owned()), ..TracesConfig::default() }.check_endpoint()
    }

    #[test]
    fn an_endpoint_is_a_host_and_a_port() {
        for good in ["http://127.0.0.1:4317", "http://otel-collector:4318/", "http://[::1]:4317"] {
            assert_eq!(endpoint(good), Ok(()), "{good}");
        }
        for bad in [
            "127.0.0.1:4317",
            "https://c:4317",
            "http://c",
            "http://c:0",
            "http://:1",
            "http://c:99999",
            "http://c:1/v1/traces",
            "http://user@c:1",
            "",
            "http://",
        ] {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
        assert_eq!(TracesConfig::default().check_endpoint(), Ok(()));
    }

    #[test]
    fn a_share_is_from_none_to_all() {
        assert_eq!((Sample::of(0.0), Sample::of(0.001)), (Some(Sample::NONE), Some(Sample::FEW)));
        assert_eq!(Sample::NONE.mean_gap(), None);
        assert_eq!(Sample::of(1.0).and_then(Sample::mean_gap), Some(1.0));
        assert_eq!([-0.1, 1.1, f64::NAN, f64::INFINITY].map(Sample::of), [None; 4]);
        assert_eq!(
            [0.0, 0.001, 1.0].map(|share| Sample::of(share).unwrap().to_string()),
            ["0", "0.001", "1"]
        );
    }

    #[test]
    fn the_environment_turns_tracing_on_and_changes_nothing_but_the_endpoint() {
        let named = || Some("http://c:1".to_owned());
        assert_eq!(TracesConfig::with_endpoint(None, None), None);
        assert_eq!(TracesConfig::with_endpoint(None, Some(String::new())), None);
        let on = TracesConfig::with_endpoint(None, named()).unwrap();
        assert_eq!(on, TracesConfig { endpoint: named(), ..TracesConfig::default() });
        let file = TracesConfig { queue: 99, ..TracesConfig::default() };
        assert_eq!(TracesConfig::with_endpoint(Some(file), named()).unwrap().queue, 99);
    }
}
