//! The loader of our YAML files: text → checked value, or *all* that is wrong with it at once, each with file,
//! line, column, path and what to mend. It reads no file itself.
//!
//! ```text
//! text ─ tree ──► Value ─ shape ──► FileConfig ─ TryFrom ──► Config
//!        limits,          unknown keys,          ranges and relations,
//!        syntax           wrong types            as Findings by path
//! ```
//!
//! A *file type* (`FileConfig`) says how the file is written. All its fields have defaults
//! (`#[serde(default, deny_unknown_fields)]`), what must be given is an `Option`: so a key that is wrong can be
//! noted and left out, and the rest of the file is looked at all the same. A *checked type* (`Config`) is made from
//! it by `TryFrom<FileConfig, Error = Findings>`, and that it exists means that it can be used.
//!
//! A key without a value (`limits:` with all below it commented out) counts as not given.

mod error;
mod findings;
mod hint;
mod locate;
mod path;
mod shape;
mod tree;
mod units;

pub use error::{ConfigErrors, Problem};
pub use findings::{Finding, Findings};
pub use path::{Path, Segment};
pub use units::{ByteSize, Millis, UnitError};

use serde::de::DeserializeOwned;

/// Largest file taken, in bytes.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Most problems named at once; a file with more of them has few causes.
pub const PROBLEMS_MAX: usize = 32;

/// Reads `text` as an `F`, checks it to a `C`. `file` is only the name in the messages.
///
/// # Errors
/// Every problem found, in the order of the text, at most [`PROBLEMS_MAX`]. Broken YAML is one problem alone.
pub fn load<F, C>(file: &str, text: &str) -> Result<C, ConfigErrors>
where
    F: DeserializeOwned,
    C: TryFrom<F, Error = Findings>,
{
    let tree = tree::read(text).map_err(|problem| ConfigErrors::new(file, vec![problem]))?;
    let (shaped, mut faults) = shape::read::<F>(tree);
    let mended: Vec<Path> = faults.iter().map(|fault| fault.path.clone()).collect();
    let checked = shaped.map(C::try_from);
    let findings = match checked {
        Some(Ok(config)) if faults.is_empty() => return Ok(config),
        Some(Err(findings)) => findings,
        _ => Findings::default(),
    };
    faults.extend(findings.unrelated_to(&mended).map(shape::Fault::from));
    faults.truncate(PROBLEMS_MAX);
    let problems = faults.into_iter().map(|fault| fault.locate(text)).collect();
    Err(ConfigErrors::new(file, problems))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct PondFile {
        name: Option<String>,
        ducks: Vec<DuckFile>,
        depth: ByteSize,
        feed_every: Millis,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct DuckFile {
        weight: u16,
        colour: Option<Colour>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Colour {
        Brown,
        White,
    }

    #[derive(Debug)]
    struct Pond(PondFile);

    impl TryFrom<PondFile> for Pond {
        type Error = Findings;

        fn try_from(file: PondFile) -> Result<Self, Findings> {
            let mut findings = Findings::default();
            if file.name.is_none() {
                findings.add("name", "is missing: give the pond a name");
            }
            for (at, duck) in file.ducks.iter().enumerate() {
                findings.range(&format!("ducks[{at}].weight"), duck.weight, 0..=100);
            }
            findings.or(Pond(file))
        }
    }

    fn load_pond(text: &str) -> Result<Pond, ConfigErrors> {
        load::<PondFile, Pond>("pond.yaml", text)
    }

    fn lines(text: &str) -> Vec<String> {
        load_pond(text).unwrap_err().to_string().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_good_file_is_a_checked_value() {
        let text = "name: mill\ndepth: 2kb\nfeed_every: 250ms\nducks:\n  - {weight: 3, colour: white}\n  - weight: 4\n";
        let Pond(pond) = load_pond(text).unwrap();
        assert_eq!((pond.depth, pond.feed_every), (ByteSize::new(2048), Millis::new(250)));
        assert_eq!(pond.ducks[0].colour, Some(Colour::White));
        assert_eq!(pond.ducks.len(), 2);
    }

    #[test]
    fn all_errors_come_at_once_each_with_its_place() {
        let text = "nam: mill\nducks:\n  - wieght: 3\n  - weight: heavy\n  - weight: 7\n    colour: wite\n  - duck\n  - weight: 101\ndepth: 3 furlongs\n";
        assert_eq!(
            lines(text),
            [
                "pond.yaml:1:1: nam: unknown key, did you mean `name`?",
                "pond.yaml:1:1: name: is missing: give the pond a name",
                "pond.yaml:3:5: ducks[0].wieght: unknown key, did you mean `weight`?",
                "pond.yaml:4:13: ducks[1].weight: expected u16, found string \"heavy\"",
                "pond.yaml:6:13: ducks[2].colour: unknown value `wite`, did you mean `white`?",
                "pond.yaml:7:5: ducks[3]: expected struct DuckFile, found string \"duck\"",
                "pond.yaml:8:13: ducks[4].weight: 101 is out of range, give 0 to 100",
                "pond.yaml:9:8: depth: `3 furlongs` is no size: give bytes, or a number with k, kb, m, mb, g or gb, as in `64mb`",
            ]
        );
    }

    #[test]
    fn a_key_without_a_value_counts_as_not_given() {
        let Pond(pond) = load_pond("name: mill\nducks:\ndepth:\n").unwrap();
        assert!(pond.ducks.is_empty());
        assert_eq!(pond.depth, ByteSize::default());
    }

    #[test]
    fn an_empty_file_has_the_errors_of_what_is_missing() {
        assert_eq!(lines(""), ["pond.yaml:1:1: name: is missing: give the pond a name"]);
        assert_eq!(lines("# nothing\n"), lines(""));
    }

    #[test]
    fn broken_yaml_is_one_error_with_its_place() {
        assert_eq!(lines("name: mill\nducks: [\n").len(), 1);
        assert!(lines("name: mill\n\tducks: []\n")[0].starts_with("pond.yaml:2:1: "));
        assert!(lines("name: a\n---\nname: b\n")[0].contains("more than one document"));
    }

    #[test]
    fn a_list_where_keys_belong_is_refused() {
        assert_eq!(lines("- name\n"), ["pond.yaml:1:1: expected struct PondFile, found sequence"]);
    }

    #[test]
    fn a_check_of_what_was_left_out_says_nothing() {
        assert_eq!(lines("name: [1]\n").len(), 1);
    }

    #[test]
    fn a_file_of_errors_names_the_first_of_them() {
        let text: String = (0..100).map(|n| format!("key{n}: 1\n")).collect();
        assert_eq!(lines(&text).len(), PROBLEMS_MAX);
    }
}
