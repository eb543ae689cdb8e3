//! `/debug/heap`: what the process has of memory, by the kernel and by the allocator, and what it is for.

use super::super::Page;
use super::figures;

/// What a tier knows of its memory.
#[derive(Clone, Debug)]
pub struct Heap {
    /// Who gives memory out.
    pub allocator: &'static str,
    /// Whether that keeps who asked for memory, so that a dump of it can be had from outside.
    pub has_profile: bool,
    /// Figures, in bytes where their name says so.
    pub figures: Vec<(&'static str, u64)>,
}

/// What the kernel says of the process, as it stands in `/proc/self/status`, and what we call it.
const OF_KERNEL: [(&str, &str); 4] = [
    ("VmRSS:", "resident_bytes"),
    ("VmHWM:", "resident_peak_bytes"),
    ("VmSize:", "address_space_bytes"),
    ("VmSwap:", "swapped_bytes"),
];

pub(super) fn page(heap: &Heap, as_json: bool) -> Page {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut all: Vec<(&str, String)> = vec![("allocator", heap.allocator.to_owned())];
    all.extend(of_kernel(&status).map(|(name, bytes)| (name, bytes.to_string())));
    all.extend(heap.figures.iter().map(|(name, value)| (*name, value.to_string())));
    let profile = match (heap.has_profile, heap.allocator) {
        (true, _) => {
            "jemalloc keeps one: see its `prof` options (MALLOC_CONF=prof:true,prof_final:true) and jeprof"
        }
        (false, "jemalloc") => "none: jemalloc is built without profiling",
        (false, _) => "none: the allocator keeps none",
    };
    all.push(("heap_profile", profile.to_owned()));
    figures(&all, as_json)
}

fn of_kernel(status: &str) -> impl Iterator<Item = (&'static str, u64)> {
    OF_KERNEL.iter().filter_map(|(key, name)| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
        Some((*name, kib << 10))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_asked_and_the_tier_and_that_there_is_no_dump_is_said() {
        let heap = Heap { allocator: "jemalloc", has_profile: false, figures: vec![("keys", 3)] };
        let page = page(&heap, false);
        assert!(page.body.starts_with("allocator jemalloc\n") && page.body.contains("\nkeys 3\n"));
        assert!(page.body.ends_with("heap_profile none: jemalloc is built without profiling\n"), "{page:?}");
        let status = "Name:\tx\nVmSize:\t  2048 kB\nVmRSS:\t 1024 kB\nVmSwap:\t x kB\n";
        let told: Vec<_> = of_kernel(status).collect();
        assert_eq!(told, [("resident_bytes", 1 << 20), ("address_space_bytes", 2 << 20)]);
    }
}
