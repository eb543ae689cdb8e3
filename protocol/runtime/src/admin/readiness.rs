//! `/readyz`: whether the process can serve, as a list of checks, for people and for programs.
//!
//! ```text
//! not ready                                          503 if a check that matters fails
//! ok nodes: 2 of 3 are reached
//! warn node c: not reached: connection refused       does not matter by itself
//! fail lease: no majority of the acceptors has confirmed view 7
//! ```
//! With `?format=json`, or where the request accepts `application/json` and no text, the same as JSON. Who does not tell the token
//! gets the verdict and no check.

use std::fmt::Write as _;

use super::{Page, query};

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Ok,
    /// Somebody should look, and the process serves.
    Warn,
    /// The process is not ready.
    Fail,
}

impl Outcome {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// The checks of a process at one moment.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Vec<(Outcome, String, String)>);

impl Readiness {
    /// Adds a check: what is looked at, what came of it, and why.
    pub fn add(&mut self, name: impl Into<String>, outcome: Outcome, reason: impl Into<String>) {
        // A line is a check, whatever a node or a file says.
        let line = |text: String| text.replace(['\r', '\n'], " ");
        self.0.push((outcome, line(name.into()), line(reason.into())));
    }

    /// Whether no check fails.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.iter().all(|(outcome, ..)| *outcome != Outcome::Fail)
    }

    /// The page; without the checks for who `is_stranger`.
    pub(super) fn page(&self, as_json: bool, is_stranger: bool) -> Page {
        let checks = if is_stranger { &[][..] } else { &self.0 };
        let status = if self.is_ready() { 200 } else { 503 };
        if as_json {
            return Page { status, content_type: "application/json", body: self.json(checks) };
        }
        let mut body = if self.is_ready() { "ready\n" } else { "not ready\n" }.to_owned();
        for (outcome, name, reason) in checks {
            // Writing to a String cannot fail.
            let _ = writeln!(body, "{} {name}: {reason}", outcome.name());
        }
        Page::text(status, body)
    }

    fn json(&self, checks: &[(Outcome, String, String)]) -> String {
        let mut body = format!("{{\"ready\":{},\"checks\":[", self.is_ready());
        for (place, (outcome, name, reason)) in checks.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            let (name, reason) = (quoted(name), quoted(reason));
            // Writing to a String cannot fail.
            let _ = write!(
                body,
                "{comma}{{\"name\":{name},\"outcome\":\"{}\",\"reason\":{reason}}}",
                outcome.name()
            );
        }
        body.push_str("]}\n");
        body
    }
}

/// Whether a request is to be answered with JSON.
pub(super) fn wants_json(query: Option<&str>, accept: Option<&str>) -> bool {
    match query::value(query, "format") {
        Some(format) => format == "json",
        None => accept.is_some_and(|accept| accept.contains("application/json") && !accept.contains("text/")),
    }
}

/// A string of JSON.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            control if control.is_control() => {
                // Writing to a String cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks() -> Readiness {
        let mut checks = Readiness::default();
        checks.add("disk", Outcome::Ok, "the log is written");
        checks.add("node \"c\"", Outcome::Warn, "not reached:\nno \\ route");
        checks
    }

    #[test]
    fn a_warning_does_not_matter_and_a_failure_does() {
        let mut checks = checks();
        assert_eq!(checks.page(false, false).status, 200);
        checks.add("lease", Outcome::Fail, "not held");
        let page = checks.page(false, false);
        let expected = "not ready\nok disk: the log is written\nwarn node \"c\": not reached: no \\ route\n\
                        fail lease: not held\n";
        assert_eq!((page.status, &*page.body), (503, expected));
    }

    #[test]
    fn json_says_the_same() {
        let page = checks().page(true, false);
        let expected = concat!(
            r#"{"ready":true,"checks":[{"name":"disk","outcome":"ok","reason":"the log is written"},"#,
            r#"{"name":"node \"c\"","outcome":"warn","reason":"not reached: no \\ route"}]}"#,
            "\n"
        );
        assert_eq!((page.status, page.content_type, &*page.body), (200, "application/json", expected));
        assert_eq!(quoted("\t\u{7f}"), "\"\\u0009\\u007f\"");
    }

    #[test]
    fn a_stranger_gets_the_verdict_and_no_check() {
        assert_eq!(checks().page(false, true).body, "ready\n");
        assert_eq!(checks().page(true, true).body, "{\"ready\":true,\"checks\":[]}\n");
    }

    #[test]
    fn json_is_for_who_asks_for_it() {
        assert!(wants_json(Some("a=b&format=json"), None));
        assert!(wants_json(None, Some("application/json")));
        assert!(!wants_json(Some("format=text"), Some("application/json")));
        assert!(!wants_json(Some("format=text"), None));
        assert!(!wants_json(Some("format"), Some("text/html, application/json")), "a browser");
        assert!(!wants_json(None, None));
    }
}
