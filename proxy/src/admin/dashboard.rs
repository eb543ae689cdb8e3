//! The dashboard: one HTML page that draws `/status.json`, with all that it needs within, and nothing from elsewhere.
//!
//! The page holds nothing of the cluster, so everybody may load it; what it shows it asks for with the token that it is told.
//! Its program and its styles are named to the browser by their hashes: nothing else is run, whatever a key is called.

use std::sync::LazyLock;

use data_encoding::BASE64;
use ringmaster_runtime::admin::Program;
use sha2::{Digest, Sha256};

/// Where it is.
const PATH: &str = "/";

const STYLE: &str = include_str!("dashboard/style.css");

static SCRIPT: LazyLock<String> = LazyLock::new(|| {
    let parts = [
        include_str!("dashboard/tools.js"),
        include_str!("dashboard/charts.js"),
        include_str!("dashboard/ring.js"),
        include_str!("dashboard/panels.js"),
        include_str!("dashboard/main.js"),
    ];
    format!("\"use strict\";\n{}", parts.concat())
});

static HTML: LazyLock<String> = LazyLock::new(|| {
    include_str!("dashboard/page.html").replace("/*STYLE*/", STYLE).replace("/*SCRIPT*/", &SCRIPT)
});

static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        hash(&SCRIPT),
        hash(STYLE)
    )
});

/// The dashboard.
pub(super) fn program() -> Program {
    Program { path: PATH, html: &HTML, policy: &POLICY }
}

fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64.encode(&Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in the page between two marks, which stand in it once.
    fn between(start: &str, end: &str) -> &'static str {
        let (_, rest) = HTML.split_once(start).expect("it begins");
        assert!(!rest.contains(start), "twice {start}");
        rest.split_once(end).expect("it ends").0
    }

    #[test]
    fn the_policy_names_what_stands_in_the_page() {
        let policy = program().policy;
        assert!(policy.contains(&hash(between("<script>", "</script>"))));
        assert!(policy.contains(&hash(between("<style>", "</style>"))));
        assert!(!policy.contains("-inline") && !policy.contains("-eval"));
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere_and_writes_no_html() {
        for forbidden in
            ["http:", "https:", "innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("]
        {
            let allowed = ["http://www.w3.org/2000/svg"];
            let text = allowed.iter().fold(HTML.clone(), |text, part| text.replace(part, ""));
            assert!(!text.contains(forbidden), "{forbidden}");
        }
        for attribute in [" onclick=", " onload=", " style=", " src="] {
            assert!(!HTML.contains(attribute), "{attribute}");
        }
    }
}
