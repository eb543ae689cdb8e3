//! Call stacks with the names of their functions.

use pprof::{Frames, UnresolvedReport};

/// A function in a call stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Frame {
    pub(super) function: String,
    /// Where its text is; empty without debug information.
    pub(super) file: String,
    /// 0 without debug information.
    pub(super) line: u32,
}

/// A call stack of a thread, and how often it was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stack {
    pub(super) thread: String,
    /// From the function that was interrupted to the outermost, what was inlined on its own.
    pub(super) frames: Vec<Frame>,
    pub(super) samples: u64,
}

/// Looks the names up: some microseconds a function, and the first time the debug information of the program.
pub(super) fn of(report: UnresolvedReport) -> Vec<Stack> {
    let stack = |(frames, samples): (Frames, isize)| {
        let Frames { frames, thread_name, .. } = frames;
        let frame = |symbol: &pprof::Symbol| Frame {
            function: symbol.name(),
            file: symbol.filename().into_owned(),
            line: symbol.lineno(),
        };
        Stack {
            thread: thread_name,
            frames: frames.iter().flatten().map(frame).collect(),
            samples: u64::try_from(samples).unwrap_or(0),
        }
    };
    report.data.into_iter().map(|(frames, samples)| stack((frames.into(), samples))).collect()
}
