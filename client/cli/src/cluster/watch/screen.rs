//! The picture on a terminal: what stands, the nodes, and bars of what moves. It is drawn anew in its place, and the cursor comes
//! back whatever ends it.

use std::io::{self, Write as _};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use ringmaster_protocol::slot::SLOT_COUNT;

use super::super::status;
use super::look::Look;

/// Pairs of nodes that have a bar.
const PAIRS_SHOWN: usize = 8;

const HIDE_CURSOR: &[u8] = b"\x1b[?25l";
const SHOW_CURSOR: &[u8] = b"\x1b[?25h";

/// The picture.
pub(super) struct Screen {
    bars: MultiProgress,
    text: ProgressBar,
    whole: ProgressBar,
    moving: ProgressBar,
    pairs: Vec<ProgressBar>,
    /// The most slots that each pair had, by its names: what its bar is full at.
    most: Vec<((String, String), u64)>,
}

impl Screen {
    /// An empty one.
    ///
    /// # Errors
    /// The terminal takes nothing.
    pub(super) fn begin() -> io::Result<Self> {
        put(HIDE_CURSOR)?;
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let text = bars.add(ProgressBar::new(0).with_style(style("{msg}")));
        let whole = bars.add(ProgressBar::new(SLOT_COUNT as u64));
        whole.set_style(style("{prefix:<24} {bar:30} {pos}/{len} {msg}"));
        whole.set_prefix("slots with all copies");
        let moving = ProgressBar::new(0).with_style(style("{prefix:<24} {bar:30} {percent}% {msg}"));
        moving.set_prefix("rebalancing");
        Ok(Self { bars, text, whole, moving, pairs: Vec::new(), most: Vec::new() })
    }

    /// Draws a look.
    ///
    /// # Errors
    /// The terminal takes nothing.
    pub(super) fn show(&mut self, look: &Look) -> io::Result<()> {
        let standing = look.standing.as_deref().unwrap_or("no node that answers has a view");
        let epoch = look.epoch.map(|epoch| format!(" · view {epoch}")).unwrap_or_default();
        let Look { name, answering, of, nodes, .. } = look;
        self.text.set_message(format!(
            "{name}{epoch} · {answering} of {of} nodes answer · Ctrl-C ends\n{standing}\n\n{nodes}"
        ));
        self.whole.set_position(look.whole as u64);
        self.whole.set_message(if look.joining > 0 {
            format!("{} joining", look.joining)
        } else {
            String::new()
        });
        self.show_moves(look);
        Ok(())
    }

    fn show_moves(&mut self, look: &Look) {
        for pair in self.pairs.drain(..) {
            self.bars.remove(&pair);
        }
        self.bars.remove(&self.moving);
        if look.progress.slots_to_do == 0 {
            self.most.clear();
            return;
        }
        self.moving = self.bars.add(self.moving.clone());
        self.moving.set_length(look.most_to_do);
        self.moving.set_position(look.most_to_do - look.progress.slots_to_do);
        self.moving.set_message(status::pace(&look.progress));
        for pair in look.pairs.iter().take(PAIRS_SHOWN) {
            let (names, slots) = ((pair.from.to_string(), pair.to.to_string()), pair.slots as u64);
            let most = match self.most.iter_mut().find(|(known, _)| *known == names) {
                Some((_, most)) => {
                    *most = slots.max(*most);
                    *most
                }
                None => {
                    self.most.push((names, slots));
                    slots
                }
            };
            let bar = self.bars.add(ProgressBar::new(most));
            bar.set_style(style("  {prefix:<22} {bar:30} {msg}"));
            bar.set_prefix(format!("{} -> {}", pair.from, pair.to));
            bar.set_message(format!("{slots} slots left"));
            bar.set_position(most - slots);
            self.pairs.push(bar);
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.text.abandon();
        self.whole.abandon();
        self.moving.abandon();
        self.pairs.iter().for_each(ProgressBar::abandon);
        // The terminal may be gone.
        let _ = put(SHOW_CURSOR);
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates stand above; one that is wrong shows the plain bar.
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─")
}

fn put(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
