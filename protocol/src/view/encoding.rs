//! A view as bytes: what acceptors keep, and what proxies and nodes hand each other.
//!
//! ```text
//! form, 1 byte | cluster, 16 bytes | epoch | lease, ms | longest lease, ms | hash seed, 8 bytes
//! | digest of the file's topology, 32 bytes | count and digests that are superseded
//! | count and members: name, address, zone as texts; weight; incarnation and boot, 16 bytes each; 1 if durable
//! | count and acceptors, as places of members
//! | count and chains: changed; born; unsealed or 0; count and entries: member, boot (16 bytes), since; in-sync
//! | runs that cover all slots in order: how many slots, which chain
//! text: length, bytes      counts, lengths, epochs and places: varints      fixed numbers: little-endian
//! ```
//! A view has one form only: equal views have equal bytes.

use super::Word;
use super::{
    Boot, Chain, ClusterId, ConfigDigest, ENTRIES_MAX, Entry, Epoch, Incarnation, Member, MemberIndex,
    SlotChains, View, ViewError, ViewParts,
};
use crate::config::Millis;
use crate::slot::{HashSlot, SLOT_COUNT};
use crate::varint;

/// The form that is written.
const FORM: u8 = 1;

/// Longest view in bytes: a thousand members, and a chain of its own for each slot.
pub const VIEW_BYTES_MAX: usize = 8 << 20;

/// Why bytes are no view.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ViewDecodeError {
    /// A later release wrote it.
    #[error("the view has form {0}, which this release does not know")]
    Form(u8),
    /// The bytes are cut off or break a rule of the form.
    #[error("the bytes are no view: {0}")]
    Malformed(&'static str),
    /// They are a view that cannot be.
    #[error("the view cannot be: {0}")]
    Impossible(#[from] ViewError),
}

use ViewDecodeError::Malformed;

impl View {
    /// The view's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORM];
        out.extend_from_slice(&self.cluster.0.to_le_bytes());
        varint::put(&mut out, self.epoch.0);
        varint::put(&mut out, self.lease.as_millis());
        varint::put(&mut out, self.longest_lease.as_millis());
        out.extend_from_slice(&self.hash_seed.to_le_bytes());
        out.extend_from_slice(&self.config.0);
        put_all(&mut out, &self.superseded, |out, digest| out.extend_from_slice(&digest.0));
        put_all(&mut out, &self.members, put_member);
        put_all(&mut out, &self.acceptors, |out, index| varint::put(out, index.index() as u64));
        put_all(&mut out, &self.chains, put_chain);
        let chain_of = |slot: HashSlot| self.chain_of[slot.index()];
        let slots: Vec<u16> = HashSlot::all().map(chain_of).collect();
        for run in slots.chunk_by(|one, next| one == next) {
            varint::put(&mut out, run.len() as u64);
            varint::put(&mut out, u64::from(run[0]));
        }
        out
    }

    /// The view of `bytes`.
    ///
    /// # Errors
    /// [`ViewDecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ViewDecodeError> {
        if bytes.len() > VIEW_BYTES_MAX {
            return Err(Malformed("too long"));
        }
        let mut input = Input { rest: bytes };
        let form = input.byte()?;
        if form != FORM {
            return Err(ViewDecodeError::Form(form));
        }
        let parts = input.view()?;
        if !input.rest.is_empty() {
            return Err(Malformed("bytes follow it"));
        }
        let view = Self::new(parts)?;
        if view.encode() == bytes { Ok(view) } else { Err(Malformed("not in its one form")) }
    }
}

fn put_all<T>(out: &mut Vec<u8>, all: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    varint::put(out, all.len() as u64);
    all.iter().for_each(|one| put(out, one));
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    varint::put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn put_member(out: &mut Vec<u8>, member: &Member) {
    put_text(out, member.name.as_str());
    put_text(out, &member.address.to_string());
    put_text(out, &member.zone);
    varint::put(out, u64::from(member.weight));
    out.extend_from_slice(&member.incarnation.0.to_le_bytes());
    out.extend_from_slice(&member.boot.0.to_le_bytes());
    out.push(u8::from(member.is_durable) | member.word.number() << 1);
}

fn put_chain(out: &mut Vec<u8>, chain: &Chain) {
    varint::put(out, chain.changed.0);
    varint::put(out, chain.born.0);
    varint::put(out, chain.unsealed.map_or(0, |epoch| epoch.0));
    put_all(out, &chain.entries, |out, entry| {
        varint::put(out, entry.member.index() as u64);
        out.extend_from_slice(&entry.boot.0.to_le_bytes());
        varint::put(out, entry.since.0);
    });
    varint::put(out, chain.in_sync as u64);
}

/// What is left to read.
struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn view(&mut self) -> Result<ViewParts, ViewDecodeError> {
        Ok(ViewParts {
            cluster: ClusterId(self.number_128()?),
            epoch: self.epoch()?,
            lease: Millis::new(self.number()?),
            longest_lease: Millis::new(self.number()?),
            hash_seed: u64::from_le_bytes(self.array()?),
            config: ConfigDigest(self.array()?),
            superseded: self.all(|input| input.array().map(ConfigDigest))?,
            members: self.all(Self::member)?,
            acceptors: self.all(Self::index)?,
            chains: self.chains()?,
        })
    }

    fn chains(&mut self) -> Result<SlotChains, ViewDecodeError> {
        let distinct = self.all(Self::chain)?;
        let mut place_of = Vec::with_capacity(SLOT_COUNT);
        while place_of.len() < SLOT_COUNT {
            let count = usize::try_from(self.number()?).unwrap_or(usize::MAX);
            let place = u32::try_from(self.number()?).ok().filter(|place| (*place as usize) < distinct.len());
            let place = place.ok_or(Malformed("a slot names no chain"))?;
            if !(1..=SLOT_COUNT - place_of.len()).contains(&count) {
                return Err(Malformed("a run of slots is too long"));
            }
            place_of.extend(std::iter::repeat_n(place, count));
        }
        Ok(SlotChains::table(distinct, place_of))
    }

    fn chain(&mut self) -> Result<Chain, ViewDecodeError> {
        Ok(Chain {
            changed: self.epoch()?,
            born: self.epoch()?,
            unsealed: Some(self.epoch()?).filter(|epoch| epoch.0 > 0),
            entries: self.entries()?,
            in_sync: usize::try_from(self.number()?).map_err(|_| Malformed("a number is too large"))?,
        })
    }

    /// Few, as nodes copy a slot.
    fn entries(&mut self) -> Result<Vec<Entry>, ViewDecodeError> {
        let entries = self.all(|input| {
            let (member, boot) = (input.index()?, Boot(input.number_128()?));
            Ok(Entry { member, boot, since: input.epoch()? })
        })?;
        if entries.len() > ENTRIES_MAX { Err(Malformed("a chain is too long")) } else { Ok(entries) }
    }

    fn member(&mut self) -> Result<Member, ViewDecodeError> {
        let mut member = Member {
            name: self.text()?.parse().map_err(|_| Malformed("a name of a member"))?,
            address: self.text()?.parse().map_err(|_| Malformed("an address of a member"))?,
            zone: self.text()?.to_owned(),
            weight: u32::try_from(self.number()?).map_err(|_| Malformed("a number is too large"))?,
            incarnation: Incarnation(self.number_128()?),
            boot: Boot(self.number_128()?),
            is_durable: false,
            word: Word::None,
        };
        let flags = self.byte()?;
        member.is_durable = flags & 1 != 0;
        member.word = Word::of(flags >> 1).ok_or(Malformed("a word about a member"))?;
        Ok(member)
    }

    /// A count and so many things. Memory is reserved for those that are there.
    fn all<T>(
        &mut self,
        one: impl Fn(&mut Self) -> Result<T, ViewDecodeError>,
    ) -> Result<Vec<T>, ViewDecodeError> {
        let count = self.number()?;
        (0..count).map(|_| one(self)).collect()
    }

    fn index(&mut self) -> Result<MemberIndex, ViewDecodeError> {
        u16::try_from(self.number()?).map(MemberIndex::new).map_err(|_| Malformed("a number is too large"))
    }

    fn text(&mut self) -> Result<&'a str, ViewDecodeError> {
        let len = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        std::str::from_utf8(self.bytes(len)?).map_err(|_| Malformed("a text is not UTF-8"))
    }

    fn epoch(&mut self) -> Result<Epoch, ViewDecodeError> {
        self.number().map(Epoch)
    }

    fn number(&mut self) -> Result<u64, ViewDecodeError> {
        varint::take(&mut self.rest).ok_or(Malformed("a number"))
    }

    fn number_128(&mut self) -> Result<u128, ViewDecodeError> {
        self.array().map(u128::from_le_bytes)
    }

    fn byte(&mut self) -> Result<u8, ViewDecodeError> {
        self.array().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ViewDecodeError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed("cut off"))?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn bytes(&mut self, len: usize) -> Result<&'a [u8], ViewDecodeError> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(Malformed("cut off"))?;
        self.rest = rest;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{parts, view};
    use super::*;

    #[test]
    fn a_view_comes_back() {
        let view = view();
        let bytes = view.encode();
        let back = View::decode(&bytes).unwrap();
        assert_eq!(back.encode(), bytes);
        assert_eq!(back.members(), view.members());
        HashSlot::all().for_each(|slot| assert_eq!(back.chain(slot), view.chain(slot)));
    }

    #[test]
    fn views_that_are_cut_off_or_go_on_are_refused() {
        let mut bytes = view().encode();
        for cut in (0..bytes.len()).step_by(101).chain([0, 1, bytes.len() - 1]) {
            assert!(View::decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        bytes.push(0);
        assert!(View::decode(&bytes).is_err());
    }

    #[test]
    fn any_byte_may_be_wrong_and_nothing_breaks() {
        let bytes = View::new(parts()).unwrap().encode();
        for at in (0..bytes.len().min(300)).step_by(3) {
            for wrong in [0, 0x7f, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = wrong;
                if let Ok(view) = View::decode(&damaged) {
                    assert_eq!(view.encode(), damaged);
                }
            }
        }
    }

    #[test]
    fn a_form_of_a_later_release_says_so() {
        assert_eq!(View::decode(&[9, 1, 2]).unwrap_err(), ViewDecodeError::Form(9));
    }
}
