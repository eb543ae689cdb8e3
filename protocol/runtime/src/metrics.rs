//! What a tier counts, as Prometheus reads it: one table of families, from which both the page and docs/METRICS.md are made.
//!
//! A [`Family`] says what it is called, what kind it is, which labels it has and what it means, and has the function that
//! reads its samples. The figures themselves lie where they are counted, mostly by thread and without a lock; they are
//! added up when somebody asks for the page.

pub mod build;
pub mod durations;
pub mod errors;
pub mod process;
pub mod threads;

use std::fmt::{Display, Write as _};

/// The media type of a page of metrics: Prometheus's text format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What kind of figure a family has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only rises, until the process ends.
    Counter,
    /// It rises and falls.
    Gauge,
    /// Counts by size, with their number and their sum.
    Histogram,
}

impl Kind {
    /// Prometheus's word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One family of figures, read from an `S`.
pub struct Family<S: 'static> {
    /// The whole name, by Prometheus's conventions: base units, `_total` for counters.
    pub name: &'static str,
    /// The kind.
    pub kind: Kind,
    /// The names of its labels; each sample has a value for each.
    pub labels: &'static [&'static str],
    /// What it means, in a sentence or two.
    pub help: &'static str,
    /// Reads the samples. A family without a sample is left out of the page.
    pub collect: fn(&S, &mut Samples<'_>),
}

/// A family without its figures, for documentation and tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// The whole name.
    pub name: &'static str,
    /// The kind.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

/// What families are, without their figures.
pub fn describe<S>(families: &[Family<S>]) -> impl Iterator<Item = Description> {
    families.iter().map(|family| Description {
        name: family.name,
        kind: family.kind,
        labels: family.labels,
        help: family.help,
    })
}

/// Appends all `families` of `source` to a page.
pub fn render<S>(families: &[Family<S>], source: &S, page: &mut String) {
    for family in families {
        let from = page.len();
        // Writing to a String cannot fail.
        let _ = writeln!(page, "# HELP {} {}", family.name, family.help);
        let _ = writeln!(page, "# TYPE {} {}", family.name, family.kind.name());
        let head = page.len();
        (family.collect)(source, &mut Samples { page, name: family.name, labels: family.labels });
        if page.len() == head {
            page.truncate(from);
        }
    }
}

/// Where the samples of one family are written.
pub struct Samples<'p> {
    page: &'p mut String,
    name: &'static str,
    labels: &'static [&'static str],
}

impl Samples<'_> {
    /// The one sample of a family without labels.
    pub fn value(&mut self, value: impl Display) {
        self.of(&[], value);
    }

    /// A sample with these values of the family's labels, in their order.
    pub fn of(&mut self, labels: &[&str], value: impl Display) {
        self.line("", labels, None, value);
    }

    /// The samples of a histogram with these values of the family's labels: how many are not above each bound, in seconds
    /// and ascending; how many there are in all; and their sum.
    pub fn histogram(&mut self, labels: &[&str], up_to: &[(f64, u64)], count: u64, sum: f64) {
        for (bound, up_to) in up_to {
            self.line("_bucket", labels, Some(&bound.to_string()), up_to);
        }
        self.line("_bucket", labels, Some("+Inf"), count);
        self.line("_sum", labels, None, sum);
        self.line("_count", labels, None, count);
    }

    fn line(&mut self, suffix: &str, values: &[&str], bound: Option<&str>, value: impl Display) {
        debug_assert_eq!(values.len(), self.labels.len(), "{} has other labels", self.name);
        self.page.push_str(self.name);
        self.page.push_str(suffix);
        let mut begin = '{';
        let pairs = self.labels.iter().copied().zip(values.iter().copied());
        for (label, value) in pairs.chain(bound.map(|bound| ("le", bound))) {
            self.page.push(begin);
            self.page.push_str(label);
            self.page.push_str("=\"");
            escape(value, self.page);
            self.page.push('"');
            begin = ',';
        }
        if begin == ',' {
            self.page.push('}');
        }
        // Writing to a String cannot fail.
        let _ = writeln!(self.page, " {value}");
    }
}

/// Appends the value of a label, with what would end it early escaped.
fn escape(value: &str, page: &mut String) {
    for character in value.chars() {
        match character {
            '\\' => page.push_str("\\\\"),
            '"' => page.push_str("\\\""),
            '\n' => page.push_str("\\n"),
            other => page.push(other),
        }
    }
}

/// What is wrong with the names of families: twice the same, a counter without `_total`, another unit than the base unit.
/// For tests of the tables.
#[must_use]
pub fn faults(families: &[Description]) -> Vec<String> {
    let mut faults = Vec::new();
    for (place, Description { name, kind, help, .. }) in families.iter().enumerate() {
        let mut fault = |wrong: bool, what: &str| {
            if wrong {
                faults.push(format!("{name}: {what}"));
            }
        };
        fault(families[..place].iter().any(|other| other.name == *name), "stands twice in the table");
        fault(
            (*kind == Kind::Counter) != name.ends_with("_total"),
            "counters, and they alone, end in _total",
        );
        fault(help.is_empty() || !help.ends_with('.') || help.contains(['\n', '\\']), "has no good help");
        let units = ["milli", "micro", "percent", "_kb", "_mb", "minutes"];
        fault(units.iter().any(|unit| name.contains(unit)), "is not in seconds, bytes or ratios");
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        fault(!name.bytes().all(is_plain), "has other characters than small letters, digits and _");
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILIES: [Family<u64>; 3] = [
        Family {
            name: "cats_total",
            kind: Kind::Counter,
            labels: &[],
            help: "Cats.",
            collect: |figure, samples| samples.value(figure),
        },
        Family {
            name: "dogs",
            kind: Kind::Gauge,
            labels: &["name", "colour"],
            help: "Dogs.",
            collect: |figure, samples| samples.of(&["a\"b\\c\nd", "red"], figure),
        },
        Family {
            name: "birds",
            kind: Kind::Gauge,
            labels: &[],
            help: "Birds, of which there are none.",
            collect: |_, _| {},
        },
    ];

    #[test]
    fn a_page_has_each_family_once_escapes_labels_and_leaves_out_what_has_no_sample() {
        let mut page = String::new();
        render(&FAMILIES, &7, &mut page);
        let expected = "# HELP cats_total Cats.\n# TYPE cats_total counter\ncats_total 7\n\
                        # HELP dogs Dogs.\n# TYPE dogs gauge\ndogs{name=\"a\\\"b\\\\c\\nd\",colour=\"red\"} 7\n";
        assert_eq!(page, expected);
    }

    #[test]
    fn a_histogram_ends_with_all_their_sum_and_their_number() {
        let family = Family {
            name: "walk_seconds",
            kind: Kind::Histogram,
            labels: &["dog"],
            help: "Walks.",
            collect: |_: &(), samples| samples.histogram(&["x"], &[(0.00001, 1), (0.5, 3)], 4, 2.5),
        };
        let mut page = String::new();
        render(&[family], &(), &mut page);
        let lines: Vec<&str> = page.lines().skip(2).collect();
        let expected = [
            "walk_seconds_bucket{dog=\"x\",le=\"0.00001\"} 1",
            "walk_seconds_bucket{dog=\"x\",le=\"0.5\"} 3",
            "walk_seconds_bucket{dog=\"x\",le=\"+Inf\"} 4",
            "walk_seconds_sum{dog=\"x\"} 2.5",
            "walk_seconds_count{dog=\"x\"} 4",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn names_against_the_conventions_are_found() {
        let named = |name, kind| Description { name, kind, labels: &[], help: "Help." };
        assert_eq!(faults(&[named("cats_total", Kind::Counter), named("dogs", Kind::Gauge)]), [""; 0]);
        let wrong = [
            named("cats", Kind::Counter),
            named("lag_milliseconds", Kind::Gauge),
            named("dogs_total", Kind::Gauge),
            named("lag_milliseconds", Kind::Gauge),
        ];
        assert_eq!(faults(&wrong).len(), 5);
    }
}
