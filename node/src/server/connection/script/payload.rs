//! Libraries as `FUNCTION DUMP` gives them and `FUNCTION RESTORE` takes them.

use std::sync::Arc;

use ringmaster_protocol::rdb::dump::{open, seal};
use ringmaster_protocol::rdb::wire::{Input, Output};

use crate::script::library::Library;

/// What comes before the text of each library.
const LIBRARY: u8 = 245;

/// The payload of these libraries.
pub(super) fn dump(libraries: &[Arc<Library>]) -> Vec<u8> {
    let mut payload = Vec::new();
    for library in libraries {
        payload.push(LIBRARY);
        Output::new(&mut payload).text(&library.text);
    }
    seal(&mut payload);
    payload
}

/// The texts of the libraries in a payload.
///
/// # Errors
/// What is wrong with it, in Redis's words.
pub(super) fn texts(payload: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    let object = open(payload).ok_or("ERR DUMP payload version or checksum are wrong")?;
    let (mut input, mut texts) = (Input::new(object), Vec::new());
    while !input.is_empty() {
        let [kind] = input.array().map_err(|_| "ERR can not read data type")?;
        if kind != LIBRARY {
            return Err("ERR given type is not a function");
        }
        let text = input.text().map_err(|_| "ERR Failed loading library code")?;
        texts.push(text.to_vec());
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_and_broken_payloads_are_refused() {
        let text = b"#!lua name=a\nredis.register_function('f', function() end)".to_vec();
        let library = Arc::new(Library { text: text.clone(), ..Library::default() });
        let payload = dump(&[Arc::clone(&library), library]);
        assert_eq!(texts(&payload), Ok(vec![text.clone(), text]));
        for cut in 0..payload.len() {
            assert!(texts(&payload[..cut]).is_err());
        }
        let mut other = vec![1, 1, b'x'];
        seal(&mut other);
        assert_eq!(texts(&other), Err("ERR given type is not a function"));
    }
}
