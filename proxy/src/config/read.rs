//! The text of a file, or a sentence about why there is none.

use ringmaster_protocol::config::{ConfigErrors, FILE_BYTES_MAX};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Reads at most one byte more than a file of ours may have; what is larger is refused by its length.
pub(super) fn text(path: &Path) -> Result<String, ConfigErrors> {
    let refused = |message: String| ConfigErrors::whole_file(&path.display().to_string(), message);
    let bytes = bytes(path).map_err(|error| refused(format!("cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|error| refused(format!("is no UTF-8 text: {}", error.utf8_error())))
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
