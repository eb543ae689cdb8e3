//! docs/METRICS.md says what the tables of families say.

use std::path::PathBuf;

use ringmaster_runtime::metrics::Description;

const BEGIN: &str = "<!-- made from the tables of families; METRICS_PAGE=write makes it anew -->\n";
const END: &str = "<!-- end of what is made from the tables -->\n";

/// The part of the page that is made from the tables.
fn made() -> String {
    let is_of_process = |family: &Description| family.name.starts_with("process_");
    let (process, node): (Vec<_>, Vec<_>) =
        ringmaster_node::metric_families().into_iter().partition(is_of_process);
    let proxy: Vec<_> =
        ringmaster_proxy::metric_families().into_iter().filter(|family| !is_of_process(family)).collect();
    let parts = [("Proxies", proxy), ("Nodes", node), ("Both", process)];
    parts.iter().map(|(title, families)| part(title, families)).collect()
}

fn part(title: &str, families: &[Description]) -> String {
    let mut text = format!("\n## {title}\n\n| name | kind | labels | meaning |\n| --- | --- | --- | --- |\n");
    for Description { name, kind, labels, help } in families {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let (kind, labels, help) = (kind.name(), labels.join(", "), help.replace('|', "\\|"));
        text.push_str(&format!("| `{name}` | {kind} | {labels} | {help} |\n"));
    }
    text.push('\n');
    text
}

#[test]
fn the_page_says_what_the_tables_say() {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/METRICS.md");
    let text = std::fs::read_to_string(&page).expect("the page can be read");
    let (before, rest) = text.split_once(BEGIN).expect("the page has the mark where the tables begin");
    let (stands, after) = rest.split_once(END).expect("the page has the mark where the tables end");
    if std::env::var("METRICS_PAGE").is_ok_and(|what| what == "write") {
        let text = [before, BEGIN, &made(), END, after].concat();
        return std::fs::write(page, text).expect("the page can be written");
    }
    assert_eq!(stands, made(), "run this test with METRICS_PAGE=write, and look at what has changed");
}
