//! Replies out of a byte stream: the scanner measures a whole frame, only then is it decoded.
//!
//! So a frame in many pieces is walked once, nesting is bounded before a recursive decoder sees it, and a
//! frame that the decoder refuses spoils one reply and not the stream.

use std::io;

use bytes::{Bytes, BytesMut};
use ringmaster_protocol::resp::scan::Scanner;
use tokio_util::codec::Decoder;

use crate::value::{Value, decode};

/// A whole reply: its value, or why it was refused. Errors of the server are values here.
pub(crate) type Decoded = Result<Value, String>;

/// Decoder of replies, one for each connection.
pub(crate) struct ReplyCodec {
    scanner: Scanner,
    reply_max_bytes: usize,
}

impl ReplyCodec {
    /// A reply above `reply_max_bytes` breaks the stream.
    pub(crate) fn new(reply_max_bytes: usize) -> ReplyCodec {
        ReplyCodec { scanner: Scanner::default(), reply_max_bytes }
    }

    /// The next whole frame's bytes.
    fn frame(&mut self, input: &mut BytesMut) -> io::Result<Option<Bytes>> {
        let broken = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
        let measured = self.scanner.frame(input).map_err(|error| broken(error.to_string()))?;
        if measured.unwrap_or(input.len()) > self.reply_max_bytes {
            return Err(broken(format!("a reply above {} bytes", self.reply_max_bytes)));
        }
        Ok(measured.map(|len| input.split_to(len).freeze()))
    }
}

impl Decoder for ReplyCodec {
    type Item = Decoded;
    type Error = io::Error;

    /// `Ok(None)` asks for more bytes; an error of kind `InvalidData` means that the stream is broken.
    fn decode(&mut self, input: &mut BytesMut) -> io::Result<Option<Decoded>> {
        Ok(self.frame(input)?.map(|frame| decode(&frame)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codec() -> ReplyCodec {
        ReplyCodec::new(64)
    }

    #[test]
    fn a_null_of_resp2_does_not_swallow_what_follows() {
        let mut input = BytesMut::from("$-1\r\n+OK\r\n");
        let mut codec = codec();
        assert_eq!(codec.decode(&mut input).unwrap(), Some(Ok(Value::Null)));
        assert_eq!(codec.decode(&mut input).unwrap(), Some(Ok(Value::Simple("OK".into()))));
        assert_eq!(codec.decode(&mut input).unwrap(), None);
    }

    #[test]
    fn deep_nesting_is_refused_before_it_is_decoded() {
        let mut input = BytesMut::from("*1\r\n".repeat(10_000).as_str());
        let error = ReplyCodec::new(usize::MAX).decode(&mut input).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_reply_above_the_limit_breaks_the_stream_whole_or_not() {
        for tail in ["", "\r\n"] {
            let mut input = BytesMut::from(format!("$70\r\n{}{tail}", "x".repeat(70)).as_str());
            assert!(codec().decode(&mut input).is_err());
        }
    }

    #[test]
    fn many_small_replies_are_not_taken_for_a_large_one() {
        let mut input = BytesMut::from("+OK\r\n".repeat(100).as_str());
        assert!(codec().decode(&mut input).unwrap().is_some());
    }

    #[test]
    fn a_frame_that_the_decoder_refuses_spoils_only_its_own_reply() {
        let mut input = BytesMut::from("#maybe\r\n+OK\r\n");
        let mut codec = codec();
        assert!(codec.decode(&mut input).unwrap().unwrap().is_err());
        assert_eq!(codec.decode(&mut input).unwrap(), Some(Ok(Value::Simple("OK".into()))));
    }
}
