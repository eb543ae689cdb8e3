//! Makes a failing run short: drops ever smaller pieces of it while it still fails.

use super::Step;

/// Most attempts; each runs what is left of the commands once.
const ATTEMPTS_MAX: usize = 400;

/// The shortest run found that still fails at its last step. The last step is kept.
pub(crate) fn shrink(steps: &[Step], mut fails: impl FnMut(&[Step]) -> bool) -> Vec<Step> {
    let mut kept = steps.to_vec();
    let (mut piece, mut attempts) = (kept.len() / 2, 0);
    while piece > 0 && attempts < ATTEMPTS_MAX {
        let mut from = 0;
        while from + piece < kept.len() && attempts < ATTEMPTS_MAX {
            let candidate = [&kept[..from], &kept[from + piece..]].concat();
            attempts += 1;
            if fails(&candidate) {
                kept = candidate;
            } else {
                from += piece;
            }
        }
        piece /= 2;
    }
    kept
}
