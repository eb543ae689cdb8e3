//! Commands as a test writes them, and as a client sends them.

use ringmaster_protocol::resp::{Args, inline};

/// The words of a command line, in Redis's quoting.
pub(crate) fn words(line: &str) -> Vec<Vec<u8>> {
    let (mut store, mut spans) = (Vec::new(), Vec::new());
    inline::split(line.as_bytes(), &mut store, &mut spans).expect("the quotes of a test's command close");
    Args::new(&store, &spans).iter().map(<[u8]>::to_vec).collect()
}

/// A command as clients send it: an array of bulk strings.
pub(crate) fn encoded(words: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
