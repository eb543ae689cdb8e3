//! The blocks of a page that are run.

/// A fenced block of commands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Line of the page on which its fence stands, from 1.
    pub line: usize,
    /// Its commands go on running.
    pub is_server: bool,
    pub steps: Vec<Step>,
}

/// A command, and the lines that it is to show.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    pub command: String,
    pub shown: Vec<String>,
}

impl Step {
    /// Whether the output is what the page shows. A page without lines below a command wants nothing of it, `…` stands for
    /// any lines, and what redis-cli adds on a terminal (quotes, types) is left out.
    pub(crate) fn is_shown_by(&self, output: &str) -> bool {
        let bare = |line: &str| line.trim().trim_start_matches("(integer) ").trim_matches('"').to_owned();
        let mut lines = output.lines().map(bare).filter(|line| !line.is_empty());
        let mut is_any = false;
        for wanted in self.shown.iter().map(|line| bare(line)) {
            if wanted == "…" {
                is_any = true;
            } else if is_any {
                if !lines.any(|line| line == wanted) {
                    return false;
                }
                is_any = false;
            } else if lines.next().as_ref() != Some(&wanted) {
                return false;
            }
        }
        is_any || self.shown.is_empty() || lines.next().is_none()
    }
}

/// The marked blocks of a page, in their order.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let is_server = line == "<!-- run: servers -->";
        if line != "<!-- run -->" && !is_server {
            continue;
        }
        let fence = lines.next().map(|(_, line)| line);
        assert_eq!(fence, Some("```console"), "line {}: a block of commands is to follow", at + 2);
        let body: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        blocks.push(Block { line: at + 2, is_server, steps: steps(&body) });
    }
    blocks
}

/// `$ ` begins a command, which goes on where its line ends with a backslash; what follows is what it shows.
fn steps(lines: &[&str]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in lines {
        let goes_on = steps.last().is_some_and(|step| step.command.ends_with('\\'));
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => {
                // A comment behind a command is for the reader; the shell leaves it out, too.
                steps.push(Step { command: command.to_owned(), shown: Vec::new() });
            }
            (None, Some(step)) if goes_on => {
                step.command.push('\n');
                step.command += line;
            }
            (None, Some(step)) => step.shown.push((*line).to_owned()),
            (None, None) => panic!("a block begins with `$ `, not with `{line}`"),
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_blocks_are_run_and_long_commands_go_on() {
        let text = "```console\n$ no\n```\n<!-- run -->\n```console\n$ a \\\n    b\nout\n\n$ c\n```\nrest\n";
        let step = |command: &str, shown: &[&str]| Step {
            command: command.to_owned(),
            shown: shown.iter().map(|line| (*line).to_owned()).collect(),
        };
        let steps = vec![step("a \\\n    b", &["out", ""]), step("c", &[])];
        assert_eq!(blocks(text), [Block { line: 5, is_server: false, steps }]);
    }

    #[test]
    fn dots_stand_for_any_lines_and_types_are_left_out() {
        let step = |shown: &[&str]| Step {
            command: String::new(),
            shown: shown.iter().map(|line| (*line).to_owned()).collect(),
        };
        assert!(step(&["\"v\"", "(integer) 3"]).is_shown_by("v\n3\n"));
        assert!(step(&["a", "…", "z"]).is_shown_by("a\nb\nc\nz\n"));
        assert!(step(&["…"]).is_shown_by("") && step(&[]).is_shown_by("x\n"));
        assert!(!step(&["a"]).is_shown_by("a\nb\n") && !step(&["…", "z"]).is_shown_by("a\n"));
    }
}
