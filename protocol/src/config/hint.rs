//! Serde's words to ours, with the nearest word where a name is not known.

/// Farthest a written word may be from the one suggested, in edits.
const EDITS_MAX: usize = 3;

/// Most names listed when none is near.
const NAMES_MAX: usize = 20;

/// Says what to mend. Serde's default texts are part of its public behaviour; another text goes through unchanged.
pub(super) fn reword(message: &str) -> String {
    if let Some(rest) = message.strip_prefix("unknown field ") {
        return format!("unknown key, {}", suggestion(rest));
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        let word = quoted(rest).next().unwrap_or_default();
        return format!("unknown value `{word}`, {}", suggestion(rest));
    }
    let typed = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    match typed.and_then(|rest| rest.split_once(", expected ")) {
        Some((found, expected)) => {
            format!("expected {expected}, found {found}{}", quotes_hint(found, expected))
        }
        None => message.to_owned(),
    }
}

fn quotes_hint(found: &str, expected: &str) -> &'static str {
    let is_plain = ["integer", "floating point", "boolean"].iter().any(|kind| found.starts_with(kind));
    if is_plain && expected == "a string" { ": put it in quotes" } else { "" }
}

/// From "`wieght`, expected one of `name`, `weight`": the nearest of the names, or all of them.
fn suggestion(rest: &str) -> String {
    let mut names = quoted(rest);
    let word = names.next().unwrap_or_default();
    let known: Vec<&str> = names.collect();
    let nearest = known.iter().map(|name| (edits(word, name), name)).min();
    match nearest {
        Some((distance, name)) if distance <= EDITS_MAX && distance < name.len() => {
            format!("did you mean `{name}`?")
        }
        Some(_) => format!("known are {}", known[..known.len().min(NAMES_MAX)].join(", ")),
        None => "none is known here".to_owned(),
    }
}

/// The words between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Number of characters to add, drop, change or swap with a neighbour to make `a` from `b`.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_count_swapped_neighbours_once() {
        assert_eq!(edits("wieght", "weight"), 1);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("kitten", "sitting"), 3);
    }

    #[test]
    fn a_far_word_gets_the_list_of_names() {
        let text = "unknown field `colour`, expected one of `name`, `address`, `zone`";
        assert_eq!(reword(text), "unknown key, known are name, address, zone");
    }

    #[test]
    fn a_number_where_text_belongs_is_told_of_quotes() {
        let text = "invalid type: integer `7`, expected a string";
        assert_eq!(reword(text), "expected a string, found integer `7`: put it in quotes");
    }

    #[test]
    fn other_words_go_through() {
        assert_eq!(reword("too late"), "too late");
    }
}
