//! What proposers and acceptors say, as bytes.
//!
//! ```text
//! question: kind, 1 byte | its fields      ballot: round | proposer, 16 bytes
//! answer:   kind, 1 byte | its fields      view: length | its bytes; length 0 is none, where there may be none
//! ```
//! A message has one form only; what is cut off or has bytes left is refused.

use std::sync::Arc;

use bytes::Bytes;

use super::{Answer, Ballot, Refusal, Request};
use crate::extension::MessageDecodeError;
use crate::input::{Decoded, Input, put_bytes};
use crate::varint;
use crate::view::{ClusterId, Incarnation, VIEW_BYTES_MAX, View};

/// Longest text of a refusal, in bytes; what is longer is cut.
const TEXT_BYTES_MAX: usize = 1024;

impl Request {
    /// Appends the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Confirm { epoch } => {
                out.push(0);
                varint::put(out, epoch.0);
            }
            Self::Prepare { epoch, ballot } => {
                out.push(1);
                varint::put(out, epoch.0);
                put_ballot(out, *ballot);
            }
            Self::Accept { ballot, view } => {
                out.push(2);
                put_ballot(out, *ballot);
                put_view(out, view);
            }
            Self::Commit { view } => {
                out.push(3);
                put_view(out, view);
            }
            Self::Recover { lost, view } => {
                out.push(4);
                out.extend_from_slice(&lost.0.to_le_bytes());
                put_view(out, view);
            }
        }
    }

    /// The message of `bytes`.
    ///
    /// # Errors
    /// [`MessageDecodeError`].
    pub fn decode(bytes: &Bytes) -> Decoded<Self> {
        let mut input = Input::new(bytes);
        let request = match input.byte()? {
            0 => Self::Confirm { epoch: input.epoch()? },
            1 => Self::Prepare { epoch: input.epoch()?, ballot: ballot(&mut input)? },
            2 => Self::Accept { ballot: ballot(&mut input)?, view: view(&mut input)? },
            3 => Self::Commit { view: view(&mut input)? },
            4 => Self::Recover { lost: ClusterId(input.number_128()?), view: view(&mut input)? },
            _ => return Err(MessageDecodeError),
        };
        input.end(request)
    }
}

impl Answer {
    /// Appends the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Confirmed => out.push(0),
            Self::Promised(None) => out.push(1),
            Self::Promised(Some((ballot, view))) => {
                out.push(2);
                put_ballot(out, *ballot);
                put_view(out, view);
            }
            Self::Accepted => out.push(3),
            Self::Committed => out.push(4),
            Self::Refused(refusal) => put_refusal(out, refusal),
        }
    }

    /// The message of `bytes`.
    ///
    /// # Errors
    /// [`MessageDecodeError`].
    pub fn decode(bytes: &Bytes) -> Decoded<Self> {
        let mut input = Input::new(bytes);
        let answer = answer(&mut input)?;
        input.end(answer)
    }
}

fn answer(input: &mut Input<'_>) -> Decoded<Answer> {
    Ok(match input.byte()? {
        0 => Answer::Confirmed,
        1 => Answer::Promised(None),
        2 => Answer::Promised(Some((ballot(input)?, view(input)?))),
        3 => Answer::Accepted,
        4 => Answer::Committed,
        5 => Answer::Refused(Refusal::Behind(input.epoch()?)),
        6 => Answer::Refused(Refusal::Undecided(input.epoch()?)),
        7 => Answer::Refused(Refusal::Later(view(input)?)),
        8 => Answer::Refused(Refusal::Outbid(ballot(input)?)),
        9 => Answer::Refused(Refusal::Foreign(ClusterId(input.number_128()?))),
        10 => Answer::Refused(Refusal::Impossible(text(input)?)),
        11 => Answer::Refused(Refusal::Reborn(Incarnation(input.number_128()?))),
        _ => return Err(MessageDecodeError),
    })
}

fn put_refusal(out: &mut Vec<u8>, refusal: &Refusal) {
    match refusal {
        Refusal::Behind(epoch) => {
            out.push(5);
            varint::put(out, epoch.0);
        }
        Refusal::Undecided(epoch) => {
            out.push(6);
            varint::put(out, epoch.0);
        }
        Refusal::Later(view) => {
            out.push(7);
            put_view(out, view);
        }
        Refusal::Outbid(ballot) => {
            out.push(8);
            put_ballot(out, *ballot);
        }
        Refusal::Foreign(cluster) => {
            out.push(9);
            out.extend_from_slice(&cluster.0.to_le_bytes());
        }
        Refusal::Impossible(text) => {
            out.push(10);
            put_bytes(out, &text.as_bytes()[..text.floor_char_boundary(TEXT_BYTES_MAX)]);
        }
        Refusal::Reborn(incarnation) => {
            out.push(11);
            out.extend_from_slice(&incarnation.0.to_le_bytes());
        }
    }
}

fn put_ballot(out: &mut Vec<u8>, ballot: Ballot) {
    varint::put(out, ballot.round);
    out.extend_from_slice(&ballot.proposer.to_le_bytes());
}

fn ballot(input: &mut Input<'_>) -> Decoded<Ballot> {
    Ok(Ballot { round: input.number()?, proposer: input.number_128()? })
}

fn put_view(out: &mut Vec<u8>, view: &View) {
    put_bytes(out, &view.encode());
}

fn view(input: &mut Input<'_>) -> Decoded<Arc<View>> {
    let bytes = input.bytes(VIEW_BYTES_MAX)?;
    View::decode(&bytes).map(Arc::new).map_err(|_| MessageDecodeError)
}

fn text(input: &mut Input<'_>) -> Decoded<String> {
    let bytes = input.bytes(TEXT_BYTES_MAX)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| MessageDecodeError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{Epoch, sample_view};

    fn ballot() -> Ballot {
        Ballot { round: 300, proposer: 1 << 100 }
    }

    fn requests() -> Vec<Request> {
        let view = Arc::new(sample_view());
        vec![
            Request::Confirm { epoch: Epoch(300) },
            Request::Prepare { epoch: Epoch(2), ballot: ballot() },
            Request::Accept { ballot: ballot(), view: Arc::clone(&view) },
            Request::Commit { view },
        ]
    }

    fn answers() -> Vec<Answer> {
        let view = Arc::new(sample_view());
        let refusals = [
            Refusal::Behind(Epoch(300)),
            Refusal::Undecided(Epoch(2)),
            Refusal::Later(Arc::clone(&view)),
            Refusal::Outbid(ballot()),
            Refusal::Foreign(ClusterId(1 << 90)),
            Refusal::Impossible("it may not".to_owned()),
            Refusal::Reborn(Incarnation(5)),
        ];
        let other = [
            Answer::Confirmed,
            Answer::Promised(None),
            Answer::Promised(Some((ballot(), view))),
            Answer::Accepted,
        ];
        other.into_iter().chain([Answer::Committed]).chain(refusals.map(Answer::Refused)).collect()
    }

    /// It comes back from its bytes, and from none of their beginnings.
    fn comes_back<T>(bytes: Vec<u8>, decode: fn(&Bytes) -> Decoded<T>, encode: fn(&T, &mut Vec<u8>)) {
        let bytes = Bytes::from(bytes);
        let mut again = Vec::new();
        let Ok(message) = decode(&bytes) else { panic!("it is a message") };
        encode(&message, &mut again);
        assert_eq!(again, bytes);
        (0..bytes.len()).for_each(|cut| assert!(decode(&bytes.slice(..cut)).is_err(), "cut at {cut}"));
        assert!(decode(&Bytes::from([&bytes[..], &[0]].concat())).is_err(), "a byte more");
    }

    #[test]
    fn questions_and_answers_come_back_from_their_bytes() {
        for request in requests() {
            let mut bytes = Vec::new();
            request.encode(&mut bytes);
            comes_back(bytes, Request::decode, Request::encode);
        }
        for answer in answers() {
            let mut bytes = Vec::new();
            answer.encode(&mut bytes);
            comes_back(bytes, Answer::decode, Answer::encode);
        }
    }

    #[test]
    fn a_text_that_is_too_long_is_cut() {
        let mut bytes = Vec::new();
        Answer::Refused(Refusal::Impossible("é".repeat(TEXT_BYTES_MAX))).encode(&mut bytes);
        let Ok(Answer::Refused(Refusal::Impossible(text))) = Answer::decode(&Bytes::from(bytes)) else {
            panic!("it is a refusal")
        };
        assert_eq!(text.len(), TEXT_BYTES_MAX);
    }
}
