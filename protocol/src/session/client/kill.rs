//! `CLIENT KILL`: which clients are meant, and their end.

use crate::resp::number;
use crate::session::{Call, Outcome, Refusal, Session};

/// What a client is, for `TYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An ordinary client.
    Normal,
    /// A client with subscriptions.
    Pubsub,
    /// A replica; there is none here.
    Replica,
    /// The master; there is none here.
    Master,
}

impl Kind {
    /// The kind that `name` names.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn named(name: &[u8]) -> Result<Self, Refusal> {
        match &*name.to_ascii_lowercase() {
            b"normal" => Ok(Self::Normal),
            b"pubsub" => Ok(Self::Pubsub),
            b"replica" | b"slave" => Ok(Self::Replica),
            b"master" => Ok(Self::Master),
            _ => Err(Refusal::about("ERR Unknown client type '", name, "'")),
        }
    }
}

/// The clients that `CLIENT KILL` means: those that fit all that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KillFilter {
    id: Option<u64>,
    kind: Option<Kind>,
    peer_address: Option<Vec<u8>>,
    local_address: Option<Vec<u8>>,
    user: Option<Vec<u8>>,
    spares_caller: bool,
}

impl KillFilter {
    /// Whether `session` is meant, the caller's own or another.
    #[must_use]
    pub fn fits(&self, session: &Session) -> bool {
        let is = |wanted: &Option<Vec<u8>>, address: &String| {
            wanted.as_ref().is_none_or(|wanted| wanted == address.as_bytes())
        };
        self.id.is_none_or(|id| id == session.id)
            && self.kind.is_none_or(|kind| kind == session.kind())
            && is(&self.peer_address, &session.peer_address)
            && is(&self.local_address, &session.local_address)
            && self.user.as_ref().is_none_or(|user| user == session.login.user().name())
    }

    /// The filter that pairs of option and value make.
    fn parse(call: &Call<'_, '_>) -> Result<Self, Refusal> {
        let mut filter = Self { spares_caller: true, ..Self::default() };
        let mut at = 2;
        while let Some(option) = call.args.get(at) {
            let value = call.args.get(at + 1).ok_or(super::SYNTAX)?;
            filter.take(option, value)?;
            at += 2;
        }
        if let Some(user) = filter.user.as_ref().filter(|user| call.context.accounts().user(user).is_none()) {
            return Err(Refusal::about("ERR No such user '", user, "'"));
        }
        Ok(filter)
    }

    fn take(&mut self, option: &[u8], value: &[u8]) -> Result<(), Refusal> {
        match &*option.to_ascii_lowercase() {
            b"id" => {
                let id = number::parse_integer(value).filter(|&id| id > 0);
                self.id = Some(id.ok_or("ERR client-id should be greater than 0")?.cast_unsigned());
            }
            b"type" => self.kind = Some(Kind::named(value)?),
            b"addr" => self.peer_address = Some(value.to_vec()),
            b"laddr" => self.local_address = Some(value.to_vec()),
            b"user" => self.user = Some(value.to_vec()),
            b"skipme" if value.eq_ignore_ascii_case(b"yes") => self.spares_caller = true,
            b"skipme" if value.eq_ignore_ascii_case(b"no") => self.spares_caller = false,
            _ => return Err(super::SYNTAX.into()),
        }
        Ok(())
    }
}

/// `CLIENT KILL address`, `CLIENT KILL option value [option value ...]`.
pub(super) fn kill(call: &mut Call<'_, '_>) -> Outcome {
    let by_address = call.args.len() == 3;
    let filter = if by_address {
        Ok(KillFilter { peer_address: Some(call.args[2].to_vec()), ..KillFilter::default() })
    } else {
        KillFilter::parse(call)
    };
    let filter = match filter {
        Ok(filter) => filter,
        Err(refusal) => {
            refusal.answer(call.reply);
            return Outcome::Done;
        }
    };
    let caller_too = !filter.spares_caller && filter.fits(call.session);
    let others = call.context.kill_clients(call.session.id, &|session| filter.fits(session));
    let killed = others + usize::from(caller_too);
    match (by_address, killed) {
        (false, _) => call.reply.count(killed),
        (true, 0) => call.reply.error("ERR No such client"),
        (true, _) => call.reply.ok(),
    }
    if caller_too { Outcome::Close } else { Outcome::Done }
}
