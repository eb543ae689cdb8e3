//! Several commands in one piece.

use bytes::BytesMut;

use crate::{
    client::{Batch, Client},
    command::Command,
    effect::Effect,
    error::Error,
    request::Outcome,
};

/// Most commands of one pipeline.
pub const PIPELINE_MAX: usize = 1 << 16;

/// Commands that are written one behind the other, with nothing of another task between them, and answered
/// together. Not a transaction: that is [`Client::transaction`]. Sent again by itself only if that may be done with all
/// of its commands.
#[must_use = "a pipeline does nothing until it is executed"]
pub struct Pipeline<'a> {
    client: &'a Client,
    bytes: BytesMut,
    count: usize,
    idempotent: bool,
    in_transaction: bool,
    refused: Option<String>,
}

impl<'a> Pipeline<'a> {
    pub(crate) fn new(client: &'a Client) -> Pipeline<'a> {
        let bytes = BytesMut::new();
        Pipeline { client, bytes, count: 0, idempotent: true, in_transaction: false, refused: None }
    }

    /// Adds a command, name first.
    pub fn command<W: AsRef<[u8]>>(self, words: &[W]) -> Pipeline<'a> {
        self.push(&Command::from_words(words))
    }

    /// Adds a [`Command`].
    pub fn push(mut self, command: &Command) -> Pipeline<'a> {
        self.count += 1;
        self.idempotent &= command.is_idempotent();
        if self.count > PIPELINE_MAX {
            self.refused = Some(format!("more than {PIPELINE_MAX} commands in a pipeline"));
        } else if let Err(error) = self.admit(command.effect()).and_then(|()| command.encode(&mut self.bytes))
        {
            self.refused = Some(error.to_string());
        }
        self
    }

    /// `MULTI` … `EXEC` may stand here, since nothing of another task comes between.
    fn admit(&mut self, effect: Effect) -> Result<(), Error> {
        match (effect, self.in_transaction) {
            (Effect::Opens, false) => self.in_transaction = true,
            (Effect::Closes, true) => self.in_transaction = false,
            (effect, _) => return self.client.may_send(effect),
        }
        Ok(())
    }

    /// Sends all commands and waits for all replies. One outcome for each command, in order: some can fail while
    /// others succeed, and when the connection is lost the replies that came before are kept. When one command is
    /// refused (too long, `SUBSCRIBE`, `SELECT`, a `MULTI` without an `EXEC` …) none is sent.
    ///
    /// Cancel safety: as [`Client::command`], for all commands together: all are taken out of the queue, or all
    /// are or will be applied.
    pub async fn execute(mut self) -> Vec<Outcome> {
        if self.in_transaction && self.refused.is_none() {
            self.refused = self.client.may_send(Effect::Opens).err().map(|error| error.to_string());
        }
        match self.refused {
            Some(why) => (0..self.count).map(|_| Err(Error::refused(why.clone()))).collect(),
            None if self.count == 0 => Vec::new(),
            None => {
                let Pipeline { client, count, idempotent, .. } = self;
                client.submit(Batch { bytes: self.bytes.freeze(), count, idempotent }).await
            }
        }
    }
}
