//! The sections of `INFO` that have a line for each command or error: the lines of all nodes as those of one server.
//!
//! A node counts what it executes for clients, whichever copies a write has, so counts are sums. Percentiles of several nodes
//! have no sum: the worst node's stands for all, which is never below what a client of all of them sees.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What a node tells, by the names of fields.
type Told<'a> = BTreeMap<&'a str, &'a str>;

/// The counts of a command's line, in its order; the mean behind the second is made of both.
const COUNTS: [&str; 4] = ["calls", "usec", "rejected_calls", "failed_calls"];

/// Writes what follows the heading `line`, if it is one of a section that this is about.
pub(super) fn follow(out: &mut String, line: &str, nodes: &[Told<'_>]) {
    match line {
        "# Commandstats" => calls(out, nodes),
        "# Errorstats" => errors(out, nodes),
        "# Latencystats" => latencies(out, nodes),
        _ => {}
    }
}

fn calls(out: &mut String, nodes: &[Told<'_>]) {
    let mut commands: BTreeMap<&str, [u64; COUNTS.len()]> = BTreeMap::new();
    for (name, value) in lines(nodes, "cmdstat_") {
        let sums = commands.entry(name).or_default();
        for (sum, wanted) in sums.iter_mut().zip(COUNTS) {
            *sum = sum.saturating_add(count(value, wanted));
        }
    }
    for (name, [calls, micros, rejected, failed]) in commands {
        let mean = micros as f64 / calls.max(1) as f64;
        // A String takes all that is written.
        let _ = write!(
            out,
            "{name}:calls={calls},usec={micros},usec_per_call={mean:.2},rejected_calls={rejected},\
             failed_calls={failed}\r\n"
        );
    }
}

fn errors(out: &mut String, nodes: &[Told<'_>]) {
    let mut errors: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, value) in lines(nodes, "errorstat_") {
        let sum = errors.entry(name).or_default();
        *sum = sum.saturating_add(count(value, "count"));
    }
    for (name, count) in errors {
        let _ = write!(out, "{name}:count={count}\r\n");
    }
}

fn latencies(out: &mut String, nodes: &[Told<'_>]) {
    let mut commands: BTreeMap<&str, Vec<(&str, f64)>> = BTreeMap::new();
    for (name, value) in lines(nodes, "latency_percentiles_usec_") {
        let worst = commands.entry(name).or_default();
        for (percentile, micros) in parts(value) {
            let Ok(micros) = micros.parse::<f64>() else { continue };
            match worst.iter_mut().find(|(known, _)| *known == percentile) {
                Some((_, known)) => *known = known.max(micros),
                None => worst.push((percentile, micros)),
            }
        }
    }
    for (name, worst) in commands {
        let shown: Vec<String> =
            worst.iter().map(|(percentile, micros)| format!("{percentile}={micros:.3}")).collect();
        let _ = write!(out, "{name}:{}\r\n", shown.join(","));
    }
}

/// The lines of all nodes whose names begin with `prefix`.
fn lines<'a>(nodes: &'a [Told<'a>], prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    nodes
        .iter()
        .flatten()
        .map(|(name, value)| (*name, *value))
        .filter(move |(name, _)| name.starts_with(prefix))
}

/// The parts `name=value` of a line.
fn parts(value: &str) -> impl Iterator<Item = (&str, &str)> {
    value.split(',').filter_map(|part| part.split_once('='))
}

/// The part `wanted` of a line; 0 if it is not there or is no count.
fn count(value: &str, wanted: &str) -> u64 {
    parts(value).find(|(name, _)| *name == wanted).and_then(|(_, count)| count.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(heading: &str, nodes: &[&[(&'static str, &'static str)]]) -> String {
        let nodes: Vec<Told<'_>> = nodes.iter().map(|node| node.iter().copied().collect()).collect();
        let mut out = String::new();
        follow(&mut out, heading, &nodes);
        out
    }

    #[test]
    fn calls_of_a_command_are_added_up_and_the_mean_is_of_all() {
        let one = [
            ("cmdstat_get", "calls=3,usec=10,usec_per_call=3.33,rejected_calls=0,failed_calls=1"),
            ("hz", "1"),
        ];
        let other = [
            ("cmdstat_config|get", "calls=0,usec=0,usec_per_call=0.00,rejected_calls=7,failed_calls=0"),
            ("cmdstat_get", "calls=1,usec=90,usec_per_call=90.00,rejected_calls=2,failed_calls=0"),
        ];
        let expected = "cmdstat_config|get:calls=0,usec=0,usec_per_call=0.00,rejected_calls=7,failed_calls=0\r\n\
                        cmdstat_get:calls=4,usec=100,usec_per_call=25.00,rejected_calls=2,failed_calls=1\r\n";
        assert_eq!(merged("# Commandstats", &[&one, &other, &[]]), expected);
        assert_eq!(merged("# Server", &[&one, &other]), "");
    }

    #[test]
    fn errors_are_added_up_by_their_code() {
        let nodes: [&[_]; 2] = [
            &[("errorstat_ERR", "count=2"), ("errorstat_WRONGTYPE", "count=1")],
            &[("errorstat_ERR", "count=40")],
        ];
        assert_eq!(
            merged("# Errorstats", &nodes),
            "errorstat_ERR:count=42\r\nerrorstat_WRONGTYPE:count=1\r\n"
        );
    }

    #[test]
    fn of_percentiles_the_worst_nodes_stand() {
        let name = "latency_percentiles_usec_get";
        let nodes: [&[_]; 2] =
            [&[(name, "p50=1.003,p99.9=8.031")], &[(name, "p50=2.007,p99.9=4.015,p100=5.000")]];
        let expected = "latency_percentiles_usec_get:p50=2.007,p99.9=8.031,p100=5.000\r\n";
        assert_eq!(merged("# Latencystats", &nodes), expected);
    }

    #[test]
    fn what_is_no_count_counts_nothing_and_nothing_overflows() {
        let most: &[_] =
            &[("cmdstat_get", "calls=18446744073709551615,usec=x,rejected_calls,failed_calls=-1")];
        let expected = "cmdstat_get:calls=18446744073709551615,usec=0,usec_per_call=0.00,rejected_calls=0,\
                        failed_calls=0\r\n";
        assert_eq!(merged("# Commandstats", &[most, most]), expected);
    }
}
