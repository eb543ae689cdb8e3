//! Prints the hit ratios of the node's eviction beside those of published policies, as a table in Markdown.
//!
//! `cargo run --release -p ringmaster-tests --bin hit_ratio -- [--traces FOLDER] [--only WORD]`. Without a folder of
//! recorded traces (or `RINGMASTER_TRACES`), those are left out and that is said.

use std::path::PathBuf;

use ringmaster_tests::hit_ratio::table::{NEIGHBOURS, Row, rows};
use ringmaster_tests::hit_ratio::{recorded, trace};

const SEED: u64 = 7;

/// The value of a flag, or of a variable of the environment.
fn option(flag: &str, variable: &str) -> Option<String> {
    let mut words = std::env::args().skip_while(|word| word != flag);
    words.nth(1).or_else(|| std::env::var(variable).ok())
}

fn print(row: &Row) {
    let neighbours: Vec<String> = row.neighbours.iter().map(|percent| format!("{percent:.2}")).collect();
    let (name, capacity, ours, crowded) = (&row.trace, row.capacity, row.ours, row.crowded);
    println!("| {name} | {capacity} | {} | **{ours:.2}** | {crowded:.2} |", neighbours.join(" | "));
}

fn main() -> anyhow::Result<()> {
    let mut traces = trace::made(SEED);
    match option("--traces", "RINGMASTER_TRACES") {
        Some(folder) => traces.extend(recorded::read_folder(&PathBuf::from(folder))?),
        None => eprintln!("no folder of recorded traces is named: they are left out"),
    }
    let only = option("--only", "RINGMASTER_TRACES_ONLY").unwrap_or_default();
    println!("| accesses | keys | {} | ours | ours, 60 keys a slot |", NEIGHBOURS.join(" | "));
    println!("|---|{}", "---:|".repeat(NEIGHBOURS.len() + 3));
    let mut all: Vec<Row> = Vec::new();
    for trace in traces.iter().filter(|trace| trace.name.contains(&only)) {
        for row in rows(trace) {
            print(&row);
            all.push(row);
        }
    }
    let mean = all.iter().map(Row::over_lru).sum::<f64>() / all.len().max(1) as f64;
    let least = all.iter().map(Row::over_lru).fold(f64::MAX, f64::min);
    let far = all.iter().filter(|row| row.below_best() > 2.0).count();
    println!("\nOver exact LRU: {mean:.2} points in the mean, {least:.2} at least.");
    println!("More than 2 points below the best of the first five: {far} of {} rows.", all.len());
    Ok(())
}
