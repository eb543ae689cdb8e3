//! The handshakes of `handshakes.txt`, read.

/// What one library sends on connect, and what it is to get.
pub(crate) struct Handshake {
    /// Library, release, how it is known, with which settings.
    pub(crate) name: &'static str,
    /// Its writes, one after the other.
    pub(crate) writes: Vec<Write>,
}

/// Commands that go out in one write, and an answer for each.
#[derive(Default)]
pub(crate) struct Write {
    /// Command lines.
    pub(crate) commands: Vec<&'static str>,
    /// What is to be answered, in the words of the file.
    pub(crate) answers: Vec<&'static str>,
}

/// All handshakes.
pub(crate) fn all() -> Vec<Handshake> {
    let mut all: Vec<Handshake> = Vec::new();
    for line in include_str!("handshakes.txt").lines() {
        if let Some(name) = line.strip_prefix("== ") {
            all.push(Handshake { name, writes: Vec::new() });
        } else if let Some(handshake) = all.last_mut() {
            handshake.take(line);
        }
    }
    assert!(all.iter().flat_map(|handshake| &handshake.writes).all(Write::is_whole));
    all
}

impl Handshake {
    fn take(&mut self, line: &'static str) {
        if let Some(command) = line.strip_prefix("> ") {
            if self.writes.last().is_none_or(|write| !write.answers.is_empty()) {
                self.writes.push(Write::default());
            }
            self.writes.last_mut().expect("pushed").commands.push(command);
        } else if let (Some(answer), Some(write)) = (line.strip_prefix("< "), self.writes.last_mut()) {
            write.answers.push(answer);
        } else {
            assert!(line.is_empty(), "neither a command nor an answer: {line}");
        }
    }
}

impl Write {
    fn is_whole(&self) -> bool {
        self.commands.len() == self.answers.len()
    }
}

/// Whether `reply`, one whole frame, is what `answer` asks for.
pub(crate) fn fits(answer: &str, reply: &[u8]) -> bool {
    let text = reply.escape_ascii().to_string();
    match answer.split_once(' ') {
        Some(("hello", protocol)) => is_hello(protocol, &text),
        Some(("info", fields)) => {
            let lines: Vec<&str> = text.split(r"\r\n").collect();
            text.starts_with(['$', '=']) && fields.split(' ').all(|field| lines.contains(&field))
        }
        Some(("setting", name)) => {
            let one = format!(r"${}\r\n{name}\r\n$", name.len());
            text.starts_with(&format!(r"*2\r\n{one}")) || text.starts_with(&format!(r"%1\r\n{one}"))
        }
        _ => match answer {
            "integer" => text.starts_with(':'),
            "map" => text.starts_with('%'),
            // The library takes a server with several databases for one that is in no cluster, whatever it says here.
            "cluster nodes" => {
                text == r"-ERR This instance has cluster support disabled\r\n"
                    || text.starts_with(['$', '='])
                        && text.contains(" myself,master - 0 0 ")
                        && text.contains(" 0-16383")
            }
            "data" => !text.starts_with('-'),
            exact => text.replace(r"\'", "'") == format!("{exact}\\r\\n"),
        },
    }
}

/// A map with all that the libraries look at.
fn is_hello(protocol: &str, text: &str) -> bool {
    let header = if protocol == "3" { r"%7\r\n" } else { r"*14\r\n" };
    let version = r"$7\r\nversion\r\n$5\r\n7.2.4\r\n";
    let proto = format!(r"$5\r\nproto\r\n:{protocol}\r\n$2\r\nid\r\n:");
    let rest = r"$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n";
    let server = r"$6\r\nserver\r\n$5\r\nredis\r\n";
    text.starts_with(&format!("{header}{server}{version}{proto}")) && text.ends_with(rest)
}
