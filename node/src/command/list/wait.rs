//! `BLPOP`, `BRPOP`, `BLMPOP`, `BLMOVE`, `BRPOPLPUSH`: they take an item, or wait for one.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::end;
use super::pop::{many_options, pop_named};
use super::transfer::transfer;
use crate::command::CommandError;
use crate::command::options::timeout_millis;
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::Kind;
use crate::store::value::list::End;
use crate::waiting::{Attempt, Stage, Wish};

type Parsed = Result<Box<dyn Wish>, CommandError>;

/// What becomes of the item.
enum Form {
    /// One item with the name of its list.
    Pop(End),
    /// Several with the name of their list.
    PopMany(End, usize),
    /// From one list to the other.
    Move(End, End),
}

struct FromList {
    form: Form,
    timeout_millis: u64,
}

fn wish(form: Form, args: Args<'_>, timeout: usize) -> Parsed {
    Ok(Box::new(FromList { form, timeout_millis: timeout_millis(args, timeout)? }))
}

/// `BLPOP key… timeout`.
pub(super) fn blpop(args: Args<'_>) -> Parsed {
    wish(Form::Pop(End::Front), args, args.len() - 1)
}

/// `BRPOP key… timeout`.
pub(super) fn brpop(args: Args<'_>) -> Parsed {
    wish(Form::Pop(End::Back), args, args.len() - 1)
}

/// `BLMPOP timeout numkeys key… LEFT|RIGHT [COUNT count]`.
pub(super) fn blmpop(args: Args<'_>) -> Parsed {
    let (end, count) = many_options(args, 2)?;
    wish(Form::PopMany(end, count), args, 1)
}

/// `BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout`.
pub(super) fn blmove(args: Args<'_>) -> Parsed {
    wish(Form::Move(end(&args[3])?, end(&args[4])?), args, 5)
}

/// `BRPOPLPUSH source destination timeout`.
pub(super) fn brpoplpush(args: Args<'_>) -> Parsed {
    wish(Form::Move(End::Back, End::Front), args, 3)
}

impl FromList {
    fn take(&self, keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, reply: &mut Reply<'_>) -> Taken {
        match self.form {
            Form::Pop(end) => {
                let Ok(Some(list)) = keyspace.list(key) else { return Ok(()) };
                reply.array(2);
                reply.bulk(key.bytes);
                reply.bulk_or_null(list.at_end(end));
                keyspace.apply(key.slot, &Effect::PopList { key, end, count: 1 });
                keyspace.notify_loss(Class::List, super::popped(end), key);
                Ok(())
            }
            Form::PopMany(end, count) => {
                pop_named(keyspace, reply, key, (end, count));
                Ok(())
            }
            Form::Move(from, to) => transfer(keyspace, reply, from, to),
        }
    }
}

type Taken = Result<(), CommandError>;

impl Wish for FromList {
    fn attempt(
        &self,
        keyspace: &mut Keyspace<'_, '_>,
        stage: Stage,
        reply: &mut Reply<'_>,
    ) -> Result<Attempt, CommandError> {
        let sources = &keyspace.keys()[..keyspace.keys().len() - self.companions()];
        for &key in sources {
            match keyspace.list(key) {
                Ok(None) => {}
                Ok(Some(_)) => return self.take(keyspace, key, reply).map(|()| Attempt::Served),
                Err(error) if stage == Stage::First => return Err(error),
                Err(_) => {}
            }
        }
        Ok(Attempt::Nothing)
    }

    fn timeout_millis(&self) -> Option<u64> {
        Some(self.timeout_millis)
    }

    fn give_up(&self, reply: &mut Reply<'_>) {
        match self.form {
            Form::Move(..) => reply.null(),
            Form::Pop(_) | Form::PopMany(..) => reply.null_array(),
        }
    }

    fn kind(&self) -> Kind {
        Kind::List
    }

    fn companions(&self) -> usize {
        usize::from(matches!(self.form, Form::Move(..)))
    }
}
