//! The audit log: who changed how this server works, and when. Lines of the log with the target `audit`, at level `info`,
//! whatever the level of the other lines is; `audit=off` in the filter of the log is the switch.

/// Characters of what an act was about that are told at most.
const ABOUT_CHARS_MAX: usize = 128;

/// What became of an administrative act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused, and nothing was changed.
    Refused,
    /// It was taken, and those whom it is for say what becomes of it.
    Taken,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Taken => "taken",
        }
    }
}

/// Tells of one administrative act: in which tier, by which user, from where, what it was, what it was about (nothing secret),
/// and what became of it.
#[cold]
pub fn tell(tier: &str, (user, from): (&[u8], &str), (command, about): (&str, &str), outcome: Outcome) {
    let user = user.escape_ascii();
    let about = about.char_indices().nth(ABOUT_CHARS_MAX).map_or(about, |(end, _)| &about[..end]);
    let outcome = outcome.name();
    tracing::info!(target: "audit", tier, %user, from, command, about, outcome, "administrative command");
}
