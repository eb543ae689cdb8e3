//! A profile as a picture: each function as wide as the time spent in it and in what it called, callers above.
//!
//! It has no program in it: names stand in the bars as far as there is room, and whole where the pointer rests.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Taken;

/// Width of the picture.
const WIDTH: f64 = 1400.0;

/// Height of a bar.
const BAR: usize = 17;

/// What stands above the bars.
const HEAD: usize = 40;

/// Bars narrower than this are left out.
const NARROWEST: f64 = 0.4;

/// Width of a character, roughly.
const CHARACTER: f64 = 6.7;

/// A function below those that called it.
#[derive(Default)]
struct Bar<'t> {
    samples: u64,
    calls: BTreeMap<&'t str, Bar<'t>>,
}

impl Bar<'_> {
    fn depth(&self) -> usize {
        1 + self.calls.values().map(Bar::depth).max().unwrap_or(0)
    }
}

/// The picture, SVG.
pub(super) fn draw(taken: &Taken) -> String {
    let root = tree(taken);
    let height = HEAD + root.depth() * BAR;
    let mut svg = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" \
         height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"monospace\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fffdf7\"/>\n<text x=\"6\" y=\"22\" font-size=\"14\">"
    );
    let (samples, seconds, hertz) = (root.samples, taken.lasted.as_secs_f64(), taken.wanted.hertz);
    // Writing to a String cannot fail, here and below.
    let _ = if samples == 0 {
        writeln!(svg, "No samples in {seconds:.1} s: the process used no processor time.</text>")
    } else {
        let busy = samples as f64 / f64::from(hertz.max(1)) / seconds.max(f64::EPSILON);
        writeln!(
            svg,
            "{samples} samples in {seconds:.1} s at {hertz} Hz: {busy:.2} processors, by thread</text>"
        )
    };
    let mut picture = Picture { svg, whole: samples };
    picture.row(&root, 0.0, 0);
    picture.svg.push_str("</svg>\n");
    picture.svg
}

fn tree(taken: &Taken) -> Bar<'_> {
    let mut root = Bar::default();
    for stack in &taken.stacks {
        let mut bar = &mut root;
        bar.samples += stack.samples;
        let functions = stack.frames.iter().rev().map(|frame| &*frame.function);
        for name in std::iter::once(&*stack.thread).chain(functions) {
            bar = bar.calls.entry(name).or_default();
            bar.samples += stack.samples;
        }
    }
    root
}

struct Picture {
    svg: String,
    whole: u64,
}

impl Picture {
    /// Draws what `of` called from `x` on, and below each of it what that called.
    fn row(&mut self, of: &Bar<'_>, mut x: f64, depth: usize) {
        for (name, bar) in &of.calls {
            let width = bar.samples as f64 / self.whole as f64 * WIDTH;
            if width >= NARROWEST {
                self.bar(name, bar.samples, (x, width), depth);
                self.row(bar, x, depth + 1);
            }
            x += width;
        }
    }

    fn bar(&mut self, name: &str, samples: u64, (x, width): (f64, f64), depth: usize) {
        let percent = samples as f64 / self.whole as f64 * 100.0;
        let (y, height, hue) = (HEAD + depth * BAR, BAR - 1, hue(name));
        let _ = write!(
            self.svg,
            "<g><title>{}: {samples} samples, {percent:.2} %</title><rect x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" \
             height=\"{height}\" rx=\"1\" fill=\"hsl({hue},75%,68%)\"/>",
            escaped(name)
        );
        let room = ((width - 4.0) / CHARACTER).max(0.0) as usize;
        if room > 2 {
            let (x, y) = (x + 3.0, y + 12);
            let _ =
                write!(self.svg, "<text x=\"{x:.1}\" y=\"{y}\">{}</text>", escaped(&shortened(name, room)));
        }
        self.svg.push_str("</g>\n");
    }
}

/// From red to yellow, the same for the same name.
fn hue(name: &str) -> u32 {
    let sum = name.bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    sum % 55
}

/// With so many characters at most.
fn shortened(name: &str, room: usize) -> String {
    if name.chars().count() <= room {
        return name.to_owned();
    }
    name.chars().take(room - 2).chain("..".chars()).collect()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            // XML has no way to write them.
            control if control.is_control() => escaped.push('?'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::super::Wanted;
    use super::super::stacks::{Frame, Stack};
    use super::*;

    fn taken(stacks: &[(&[&str], u64)]) -> Taken {
        let frame = |name: &&str| Frame { function: (*name).to_owned(), file: String::new(), line: 0 };
        let stack = |(names, samples): &(&[&str], u64)| Stack {
            thread: "t".to_owned(),
            frames: names.iter().map(frame).collect(),
            samples: *samples,
        };
        Taken {
            wanted: Wanted { seconds: 2, hertz: 100 },
            began: UNIX_EPOCH,
            lasted: Duration::from_secs(2),
            stacks: stacks.iter().map(stack).collect(),
        }
    }

    #[test]
    fn each_function_stands_below_its_caller_as_wide_as_its_share() {
        let svg = draw(&taken(&[(&["a", "<main as &T>"], 75), (&["b", "<main as &T>"], 25)]));
        assert!(svg.starts_with("<?xml") && svg.ends_with("</svg>\n"), "{svg}");
        let bar = |title: &str| {
            let line = svg.lines().find(|line| line.starts_with(&format!("<g><title>{title}"))).expect(title);
            let number = |key: &str| -> f64 {
                let from = line.find(&format!(" {key}=\"")).expect(key) + key.len() + 3;
                line[from..].split('"').next().unwrap().parse().unwrap()
            };
            (number("x"), number("y"), number("width"))
        };
        let main = bar("&lt;main as &amp;T&gt;: 100 samples, 100.00 %");
        assert_eq!(main, (0.0, 57.0, WIDTH), "below its thread");
        assert_eq!(bar("a: 75 samples, 75.00 %"), (0.0, 74.0, WIDTH * 0.75));
        assert_eq!(bar("b: 25 samples, 25.00 %"), (WIDTH * 0.75, 74.0, WIDTH * 0.25));
        assert!(svg.contains("100 samples in 2.0 s at 100 Hz: 0.50 processors"), "{svg}");
    }

    #[test]
    fn what_is_too_narrow_is_left_out_and_nothing_at_all_is_said() {
        let svg = draw(&taken(&[(&["large"], 100_000), (&["small"], 1)]));
        assert!(svg.contains("<title>large") && !svg.contains("small"), "{svg}");
        let svg = draw(&taken(&[]));
        assert!(svg.contains("No samples in 2.0 s") && !svg.contains("<g>") && !svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn long_names_are_cut_within_their_bar() {
        assert_eq!(shortened("äöüß", 4), "äöüß");
        assert_eq!(shortened("äöüßa", 4), "äö..");
        assert_eq!(escaped("a\n\"<&>"), "a?&quot;&lt;&amp;&gt;");
    }
}
