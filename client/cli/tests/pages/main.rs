//! The shell blocks of the pages do what they show.
//!
//! A block behind `<!-- run -->` is run, one behind `<!-- run: servers -->` is started and kept running; both in the order
//! of the page, in a directory of its own, beside a `ringmaster up`. What a command shows is held against the lines below it.

mod page;
mod shell;

use std::path::Path;
use std::process::Command;

use page::Block;
use shell::Shell;

/// Whether the programs are there that the pages use; said loudly if not.
fn has(programs: &[&str]) -> bool {
    programs.iter().all(|program| {
        let is_there = Command::new(program).arg("--version").output().is_ok();
        if !is_there {
            eprintln!(
                "SKIPPED: {program} is not installed; scripts/test.sh installs redis-server and redis-cli"
            );
        }
        is_there
    })
}

/// Runs the blocks of a page, by its path from the top of the workspace.
fn run(path: &str) {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut shell = Shell::start();
    let blocks = page::blocks(&text);
    assert!(!blocks.is_empty(), "{path} has no block that is run");
    for Block { line, is_server, steps } in blocks {
        for step in steps {
            if is_server {
                shell.serve(&step.command);
                continue;
            }
            let shown = shell.run(&step.command);
            assert!(step.is_shown_by(&shown), "{path}:{line}: $ {}\n{shown}", step.command);
        }
    }
}

#[test]
fn the_blocks_of_the_readme_do_what_they_show() {
    if has(&["redis-cli"]) {
        run("README.md");
    }
}

#[test]
fn the_blocks_of_the_migration_guide_do_what_they_show() {
    if has(&["redis-cli", "redis-server"]) {
        run("docs/MIGRATION.md");
    }
}
