//! Heartbeats as bytes.
//!
//! ```text
//! beat:  form, 1 byte | cluster | epoch | proxy | post (length, bytes) | count and full members
//! pulse: form, 1 byte | 1 and cluster, or 0 | epoch | incarnation | boot | 1 if durable | state | share, thousandths
//!        | lease answer (length, bytes) | count and posts: proxy, age in ms, bytes | used memory | keys | pressure
//!        | excess | count and due slots | clock in ms
//! cluster, proxy, incarnation, boot: 16 bytes, little-endian; numbers: varints
//! ```

use bytes::Bytes;

use super::{
    Beat, DUE_SLOTS_MAX, FULL_MAX, HEARTBEAT_BYTES_MAX, NodeState, POST_BYTES_MAX, POSTS_MAX, Post, Pulse,
};
use crate::extension::MessageDecodeError;
use crate::input::{Decoded, Input, put_all, put_bytes};
use crate::register::Answer;
use crate::varint;
use crate::view::{Boot, ClusterId, Incarnation};

/// The form that is written.
const FORM: u8 = 1;

impl Beat {
    /// Appends the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(FORM);
        put_128(out, self.cluster.0);
        varint::put(out, self.epoch.0);
        put_128(out, self.proxy);
        put_bytes(out, &self.post);
        put_all(out, &self.full, |out, member| put_128(out, member.0));
    }

    /// The message of `bytes`, which it shares.
    ///
    /// # Errors
    /// [`MessageDecodeError`].
    pub fn decode(bytes: &Bytes) -> Decoded<Self> {
        let mut input = begin(bytes)?;
        let beat = Self {
            cluster: ClusterId(input.number_128()?),
            epoch: input.epoch()?,
            proxy: input.number_128()?,
            post: input.bytes(POST_BYTES_MAX)?,
            full: input.all(FULL_MAX, |input| input.number_128().map(Incarnation))?,
        };
        input.end(beat)
    }
}

impl Pulse {
    /// Appends the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(FORM);
        out.push(u8::from(self.cluster.is_some()));
        self.cluster.iter().for_each(|cluster| put_128(out, cluster.0));
        varint::put(out, self.epoch.0);
        put_128(out, self.incarnation.0);
        put_128(out, self.boot.0);
        out.push(u8::from(self.is_durable));
        put_state(out, self.state);
        let mut lease = Vec::new();
        self.lease.encode(&mut lease);
        put_bytes(out, &lease);
        put_all(out, &self.posts, |out, post| {
            put_128(out, post.proxy);
            varint::put(out, u64::from(post.age_ms));
            put_bytes(out, &post.bytes);
        });
        varint::put(out, self.used_memory);
        varint::put(out, self.keys);
        varint::put(out, u64::from(self.pressure));
        varint::put(out, self.excess);
        put_all(out, &self.due, |out, slot| varint::put(out, u64::from(slot.number())));
        varint::put(out, self.clock_ms);
    }

    /// The message of `bytes`, which it shares.
    ///
    /// # Errors
    /// [`MessageDecodeError`].
    pub fn decode(bytes: &Bytes) -> Decoded<Self> {
        let mut input = begin(bytes)?;
        let pulse = Self {
            cluster: if input.flag()? { Some(ClusterId(input.number_128()?)) } else { None },
            epoch: input.epoch()?,
            incarnation: Incarnation(input.number_128()?),
            boot: Boot(input.number_128()?),
            is_durable: input.flag()?,
            state: state(&mut input)?,
            lease: Answer::decode(&input.bytes(HEARTBEAT_BYTES_MAX)?)?,
            posts: input.all(POSTS_MAX, post)?,
            used_memory: input.number()?,
            keys: input.number()?,
            pressure: small(&mut input)?,
            excess: input.number()?,
            due: input.all(DUE_SLOTS_MAX, Input::slot)?,
            clock_ms: input.number()?,
        };
        input.end(pulse)
    }
}

fn begin(bytes: &Bytes) -> Decoded<Input<'_>> {
    let mut input = Input::new(bytes);
    if input.byte()? == FORM { Ok(input) } else { Err(MessageDecodeError) }
}

fn put_128(out: &mut Vec<u8>, number: u128) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn small(input: &mut Input<'_>) -> Decoded<u16> {
    u16::try_from(input.number()?).map_err(|_| MessageDecodeError)
}

fn put_state(out: &mut Vec<u8>, state: NodeState) {
    let (kind, share) = match state {
        NodeState::Blank => (0, 0),
        NodeState::Recovering { share } => (1, share),
        NodeState::Ready => (2, 0),
        NodeState::Leaving => (3, 0),
    };
    out.push(kind);
    varint::put(out, u64::from(share));
}

fn state(input: &mut Input<'_>) -> Decoded<NodeState> {
    match (input.byte()?, small(input)?) {
        (0, 0) => Ok(NodeState::Blank),
        (1, share) => Ok(NodeState::Recovering { share }),
        (2, 0) => Ok(NodeState::Ready),
        (3, 0) => Ok(NodeState::Leaving),
        _ => Err(MessageDecodeError),
    }
}

fn post(input: &mut Input<'_>) -> Decoded<Post> {
    let (proxy, age) = (input.number_128()?, input.number()?);
    let age_ms = u32::try_from(age).map_err(|_| MessageDecodeError)?;
    Ok(Post { proxy, age_ms, bytes: input.bytes(POST_BYTES_MAX)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::Refusal;
    use crate::slot::HashSlot;
    use crate::view::{Epoch, sample_view};
    use std::sync::Arc;

    fn beat() -> Beat {
        let post = Bytes::from_static(b"a post");
        Beat {
            cluster: ClusterId(1 << 100),
            epoch: Epoch(300),
            proxy: 1 << 99,
            post,
            full: vec![Incarnation(5)],
        }
    }

    fn pulse(state: NodeState) -> Pulse {
        Pulse {
            cluster: Some(ClusterId(9)),
            epoch: Epoch(300),
            incarnation: Incarnation(1 << 80),
            boot: Boot(2),
            is_durable: true,
            state,
            lease: Answer::Refused(Refusal::Later(Arc::new(sample_view()))),
            posts: vec![Post { proxy: 3, age_ms: 299, bytes: Bytes::from_static(b"b") }],
            used_memory: 1 << 40,
            keys: 1 << 33,
            pressure: 999,
            excess: 1 << 20,
            due: vec![HashSlot::new(16_383).unwrap()],
            clock_ms: 1 << 41,
        }
    }

    fn refuses_what_is_cut(bytes: &Bytes, is_message: impl Fn(&Bytes) -> bool) {
        assert!(is_message(bytes));
        (0..bytes.len()).for_each(|cut| assert!(!is_message(&bytes.slice(..cut)), "cut at {cut}"));
        assert!(!is_message(&Bytes::from([&bytes[..], &[0]].concat())), "a byte more");
    }

    #[test]
    fn beats_come_back_from_their_bytes() {
        let mut bytes = Vec::new();
        beat().encode(&mut bytes);
        let bytes = Bytes::from(bytes);
        assert_eq!(Beat::decode(&bytes), Ok(beat()));
        refuses_what_is_cut(&bytes, |bytes| Beat::decode(bytes).is_ok());
    }

    #[test]
    fn pulses_come_back_from_their_bytes() {
        let states =
            [NodeState::Blank, NodeState::Recovering { share: 500 }, NodeState::Ready, NodeState::Leaving];
        for state in states {
            let (mut bytes, mut again) = (Vec::new(), Vec::new());
            pulse(state).encode(&mut bytes);
            let bytes = Bytes::from(bytes);
            let back = Pulse::decode(&bytes).unwrap();
            back.encode(&mut again);
            assert_eq!((&again[..], back.state), (&bytes[..], state));
            refuses_what_is_cut(&bytes, |bytes| Pulse::decode(bytes).is_ok());
        }
    }

    #[test]
    fn a_post_that_is_too_long_is_refused() {
        let post = Bytes::from(vec![0; POST_BYTES_MAX + 1]);
        let mut bytes = Vec::new();
        Beat { post, ..beat() }.encode(&mut bytes);
        assert!(Beat::decode(&Bytes::from(bytes)).is_err());
    }

    #[test]
    fn counts_that_cannot_be_allocate_nothing() {
        let mut bytes = Vec::new();
        Pulse { posts: Vec::new(), ..pulse(NodeState::Ready) }.encode(&mut bytes);
        let whole = Bytes::from(bytes);
        for at in 0..whole.len().min(200) {
            let mut damaged = whole.to_vec();
            damaged[at] = 0xff;
            let _ = Pulse::decode(&Bytes::from(damaged));
        }
    }
}
