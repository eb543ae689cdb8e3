//! Recorded accesses, from a folder of files by the names that their publishers gave them:
//!
//! | file | what it is |
//! |---|---|
//! | `cache2k-*.trace.xz` | product pages of a web shop, one big-endian 32-bit number a key; cache2k-benchmark, by headissue GmbH, CC BY 4.0 |
//! | `lirs-*.trace.gz` | the traces of the LIRS paper, one key a line |
//! | `arc-*.lis.zst` | of the ARC paper, `start count 0 sequence` a line |
//! | `adapt_size-*.trace.xz` | of AdaptSize (Berger, Sitaraman and Harchol-Balter, NSDI 2017), `time key size` a line |
//!
//! They are unpacked by `xz`, `gzip` and `zstd`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use super::trace::Trace;

/// All traces of a folder that are known by their names, in the order of these.
///
/// # Errors
/// The folder or a file cannot be read or unpacked.
pub fn read_folder(folder: &Path) -> anyhow::Result<Vec<Trace>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    paths.sort();
    paths.iter().filter_map(|path| read(path).transpose()).collect()
}

fn read(path: &Path) -> anyhow::Result<Option<Trace>> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let keys_of: fn(&[u8]) -> Vec<u64> = match name.split('-').next() {
        Some("cache2k") => numbers,
        Some("lirs") => |bytes| lines(bytes, |words| words.first().copied().into_iter().collect()),
        Some("arc") => |bytes| lines(bytes, range),
        Some("adapt_size") => |bytes| lines(bytes, |words| words.get(1).copied().into_iter().collect()),
        _ => return Ok(None),
    };
    let short = name.split('.').next().unwrap_or(name);
    Ok(Some(Trace::new(short, keys_of(&unpack(path)?))))
}

fn numbers(bytes: &[u8]) -> Vec<u64> {
    bytes.as_chunks::<4>().0.iter().map(|chunk| u64::from(u32::from_be_bytes(*chunk))).collect()
}

fn range(words: &[u64]) -> Vec<u64> {
    match words {
        [start, count, ..] => (*start..start + count).collect(),
        _ => Vec::new(),
    }
}

/// The keys of lines of numbers; other lines are comments.
fn lines(bytes: &[u8], keys: fn(&[u64]) -> Vec<u64>) -> Vec<u64> {
    let text = String::from_utf8_lossy(bytes);
    let words =
        |line: &str| line.split_whitespace().map_while(|word| word.parse().ok()).collect::<Vec<u64>>();
    text.lines().flat_map(|line| keys(&words(line))).collect()
}

fn unpack(path: &Path) -> anyhow::Result<Vec<u8>> {
    let tool = match path.extension().and_then(|ending| ending.to_str()) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        _ => "gzip",
    };
    let output = Command::new(tool).arg("-dc").arg(path).output();
    let output = output.with_context(|| format!("cannot run {tool}"))?;
    ensure!(output.status.success(), "{tool} cannot unpack {}", path.display());
    Ok(output.stdout)
}
