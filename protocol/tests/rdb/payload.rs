//! What holds for any bytes as an object.

#[path = "value.rs"]
pub(crate) mod value;

use ringmaster_protocol::rdb::RdbError;
use ringmaster_protocol::rdb::object::Reader;
use ringmaster_protocol::rdb::wire::Input;
use value::{Builder, Value};

/// Bytes are a value or refused; a value that is written is the same value when it is read again, and reading does
/// not depend on how much there is at once.
pub(crate) fn any_bytes(object: &[u8]) {
    let Ok(value) = value::read(object) else { return };
    for packed in [false, true] {
        assert_eq!(value::read(&value::write(&value, packed)).as_ref(), Ok(&value));
    }
    assert_eq!(in_pieces(object), value);
}

/// Reads with one byte more each time that bytes are missing.
fn in_pieces(object: &[u8]) -> Value {
    let (mut taken, mut end, mut reader) = (0, 0, None);
    let mut builder = Builder::default();
    loop {
        let mut input = Input::new(&object[taken..end]);
        let step = match &mut reader {
            None => Reader::begin(&mut input).map(|begun| reader = Some(begun)).map(|()| true),
            Some(reader) => {
                Reader::next(reader, &mut input).map(|part| part.map(|part| builder.part(part)).is_some())
            }
        };
        taken = end - input.rest().len();
        match step {
            Ok(true) => {}
            Ok(false) => return builder.finish(reader.expect("it has begun").kind()),
            Err(RdbError::Short) if end < object.len() => end += 1,
            Err(error) => panic!("{error} after {end} bytes"),
        }
    }
}
