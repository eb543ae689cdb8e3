//! How much memory the process may have: the machine's, or what its control group allows.

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of the machine's memory, or of the tightest control group around this process; `None` if neither is known.
#[must_use]
pub fn memory_bytes() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_bytes(&text));
    group_files().iter().filter_map(|file| limit_bytes(file)).chain(machine).min()
}

/// `MemTotal` of `/proc/meminfo`.
fn total_bytes(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

/// Files with the limits of the control groups around this process, of both versions.
fn group_files() -> Vec<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut files = vec![PathBuf::from("/sys/fs/cgroup/memory/memory.limit_in_bytes")];
    for group in groups.lines() {
        let mut parts = group.splitn(3, ':');
        let (_, controllers, path) = (parts.next(), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            list if list.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        // Inside of a container the path may name what is outside: then the root is what counts.
        let own = Path::new(root).join(path.trim_start_matches('/'));
        files.extend(own.ancestors().take_while(|dir| dir.starts_with(root)).map(|dir| dir.join(file)));
    }
    files
}

fn limit_bytes(file: &Path) -> Option<u64> {
    // `max` is no limit, and so is the largest number of pages, which is above any machine's memory.
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_memory() {
        assert_eq!(total_bytes("MemTotal:       1024 kB\nMemFree: 1 kB\n"), Some(1 << 20));
        assert!(memory_bytes().is_some_and(|bytes| bytes > 64 << 20));
    }
}
