//! What is said over a subscribed connection, without the connection: what to ask, what an answer means, when the
//! other side is silent for too long.
//!
//! A server answers in order, so each answer belongs to the oldest thing that was asked:
//! ```text
//! wanted ──ask()──► asked, oldest first ──┬─ all its names confirmed: done
//!    ▲                                    ├─ refused for the moment:   asked again, after the backoff
//!    └────────────────────────────────────┴─ refused with others:      each name is asked for by itself
//!                                            refused alone:            told, wanted no longer
//! ```
//! When all is confirmed for the first time over a connection, that is told.

use std::{collections::VecDeque, io};

use bytes::BytesMut;
use tokio::time::Instant;

use super::{Event, change::Change, message::Heard, wanted::Wanted};
use crate::{
    backoff::Backoff,
    command::Command,
    error::{Error, ServerError},
};

/// A server is looked at this often within the longest silence.
pub(super) const LOOKS: u32 = 4;

/// Looks at a silent server before it is asked whether it is there.
const LOOKS_BEFORE_PING: u32 = 2;

/// Most commands that wait for their answers. The rest waits as a difference, which does not grow.
const ASKED_MAX: usize = 64;

/// See the module.
pub(super) struct Talk {
    asked: VecDeque<Ask>,
    /// What is to be written, at most [`ASKED_MAX`] commands.
    pub(super) out: BytesMut,
    /// What is to be told. Its owner hears nothing more until it is taken, or bounds it.
    pub(super) told: VecDeque<Event>,
    /// When this connection, or what was refused for the moment, may be tried again.
    pub(super) backoff: Backoff,
    /// Who makes the subscription waits for an answer: a refusal is one.
    is_first: bool,
    /// Something was refused for the moment.
    retries: bool,
    /// Something was confirmed over this connection.
    confirmed: bool,
    /// All was, and that was told.
    settled: bool,
    /// Looks since anything was heard.
    silent_looks: u32,
    /// Looks since the oldest question got on.
    stalled_looks: u32,
}

/// One command that waits for its answer.
enum Ask {
    Change {
        change: Change,
        /// Names whose confirmation is owed.
        owed: usize,
    },
    Ping,
}

impl Talk {
    pub(super) fn new(backoff: Backoff) -> Talk {
        Talk {
            asked: VecDeque::new(),
            out: BytesMut::new(),
            told: VecDeque::new(),
            backoff,
            is_first: true,
            retries: false,
            confirmed: false,
            settled: false,
            silent_looks: 0,
            stalled_looks: 0,
        }
    }

    /// Whether all was confirmed over this connection.
    pub(super) fn is_settled(&self) -> bool {
        self.settled
    }

    /// Goes on over another connection.
    pub(super) fn begin(self, wanted: &mut Wanted) -> Talk {
        wanted.begin();
        Talk { is_first: self.is_first && !self.settled, told: self.told, ..Talk::new(self.backoff) }
    }

    /// When [`Talk::ask`] has something to do though nothing was changed.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retries.then(|| self.backoff.next_attempt())
    }

    /// Asks for what is wanted and was not asked for.
    pub(super) fn ask(&mut self, wanted: &mut Wanted, now: Instant) -> Result<(), Error> {
        if self.retry_at().is_some_and(|at| now < at) {
            return Ok(());
        }
        self.retries = false;
        while self.asked.len() < ASKED_MAX
            && let Some(change) = wanted.next()
        {
            change.encode(&mut self.out)?;
            self.asked.push_back(Ask::Change { owed: change.names.len(), change });
        }
        Ok(())
    }

    /// Some of `out` was written.
    pub(super) fn wrote(&mut self) {
        self.stalled_looks = 0;
    }

    /// Part of an answer has come.
    pub(super) fn heard_something(&mut self) {
        self.silent_looks = 0;
    }

    /// Takes what the server says.
    pub(super) fn hear(&mut self, heard: Heard, wanted: &mut Wanted, now: Instant) {
        self.silent_looks = 0;
        match heard {
            Heard::Message(message) => self.told.push_back(Event::Message(message)),
            Heard::Pong => {
                self.stalled_looks = 0;
                self.asked.retain(|ask| !matches!(ask, Ask::Ping));
            }
            Heard::Refused(error) => self.refused(error, wanted, now),
            Heard::Confirmed { kind, adds, name } => match self.asked.front_mut() {
                Some(Ask::Change { change, owed })
                    if change.kind == kind && change.adds == adds && change.names.contains(&name) =>
                {
                    *owed -= 1;
                    if *owed == 0 {
                        self.asked.pop_front();
                    }
                    self.confirmed(adds);
                }
                // Not asked for: not to be asked for again at once, or the two of us would go on for ever.
                _ if !adds && wanted.lost(kind, &name) => self.try_later(now),
                _ => {}
            },
            Heard::Other => {}
        }
        self.settle(wanted);
    }

    fn confirmed(&mut self, adds: bool) {
        self.stalled_looks = 0;
        self.confirmed |= adds;
        if adds && !self.retries {
            self.backoff.reset();
        }
    }

    /// The oldest question was answered with an error.
    fn refused(&mut self, error: ServerError, wanted: &mut Wanted, now: Instant) {
        self.stalled_looks = 0;
        let change = match self.asked.pop_front() {
            // It is there, and that was the question.
            Some(Ask::Ping) => return,
            Some(Ask::Change { change, .. }) if !self.is_first => change,
            // Of who makes the subscription; or it answers nothing at all.
            _ => return self.told.push_back(Event::Refused(error)),
        };
        if is_for_the_moment(&error) {
            wanted.again(&change);
            self.try_later(now);
        } else if !wanted.refused(&change) {
            self.told.push_back(Event::Refused(error));
        }
    }

    fn try_later(&mut self, now: Instant) {
        if !self.retries {
            self.backoff.failed_with_others(now);
            self.retries = true;
        }
    }

    /// Tells when all is confirmed.
    fn settle(&mut self, wanted: &Wanted) {
        let is_asked = self.asked.iter().any(|ask| matches!(ask, Ask::Change { .. }));
        if self.confirmed && !self.settled && !is_asked && wanted.is_told() {
            (self.settled, self.is_first) = (true, false);
            self.told.push_back(Event::Resubscribed);
        }
    }

    /// One look at the server, [`LOOKS`] of them in the longest silence.
    ///
    /// # Errors
    /// It was silent for too long, or does not answer what was asked, or does not read it.
    pub(super) fn look(&mut self) -> io::Result<()> {
        self.silent_looks += 1;
        self.stalled_looks = if self.asked.is_empty() { 0 } else { self.stalled_looks + 1 };
        if self.silent_looks > LOOKS || self.stalled_looks > LOOKS {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the server does not answer"));
        }
        if self.silent_looks >= LOOKS_BEFORE_PING && self.asked.is_empty() {
            // Also who is subscribed gets an answer.
            Command::new("PING").encode(&mut self.out).map_err(io::Error::other)?;
            self.asked.push_back(Ask::Ping);
        }
        Ok(())
    }
}

/// Whether it may be granted later without anybody's doing. A server that is full says so in place of its first
/// answer, without a code.
fn is_for_the_moment(error: &ServerError) -> bool {
    Error::Server(error.clone()).is_retry_safe() || error.message().starts_with("max number of clients")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        super::{change::Kind, message::Message},
        *,
    };

    const WAIT: Duration = Duration::from_millis(100);

    struct Scene {
        talk: Talk,
        wanted: Wanted,
        now: Instant,
    }

    impl Scene {
        fn new() -> Scene {
            let talk = Talk::new(Backoff::new(WAIT, WAIT));
            Scene { talk, wanted: Wanted::default(), now: Instant::now() }
        }

        /// Listens to these over its first connection.
        fn of(names: &[&str]) -> Scene {
            let mut scene = Scene::new();
            scene.want(names);
            names.iter().for_each(|name| scene.confirm(name));
            assert_eq!(scene.told(), [Event::Resubscribed]);
            scene
        }

        /// Listens to these over its second connection; what is asked there.
        fn again(names: &[&str]) -> (Scene, String) {
            let mut scene = Scene::of(names);
            scene.talk = scene.talk.begin(&mut scene.wanted);
            let asked = scene.asked();
            (scene, asked)
        }

        fn want(&mut self, names: &[&str]) -> String {
            self.wanted.note(&Change::add(Kind::Channel, names)).unwrap();
            self.asked()
        }

        /// What is written now.
        fn asked(&mut self) -> String {
            self.talk.ask(&mut self.wanted, self.now).unwrap();
            let words = String::from_utf8_lossy(&self.talk.out.split()).into_owned();
            let words = words.split("\r\n").filter(|word| !word.starts_with(['*', '$']) && !word.is_empty());
            words.collect::<Vec<_>>().join(" ")
        }

        fn hear(&mut self, heard: Heard) {
            self.talk.hear(heard, &mut self.wanted, self.now);
        }

        fn confirm(&mut self, name: &str) {
            let name = name.to_owned().into();
            self.hear(Heard::Confirmed { kind: Kind::Channel, adds: true, name });
        }

        fn refuse(&mut self, text: &str) {
            self.hear(Heard::Refused(ServerError::from_reply(text.as_bytes())));
        }

        fn told(&mut self) -> Vec<Event> {
            self.talk.told.drain(..).collect()
        }
    }

    fn refused(text: &str) -> Event {
        Event::Refused(ServerError::from_reply(text.as_bytes()))
    }

    #[test]
    fn all_is_subscribed_again_with_the_last_confirmation() {
        let (mut scene, asked) = Scene::again(&["a", "b"]);
        assert_eq!(asked, "SUBSCRIBE a b");
        scene.hear(Heard::Pong);
        scene.confirm("a");
        assert_eq!(scene.told(), []);
        scene.confirm("b");
        assert_eq!(scene.told(), [Event::Resubscribed]);
    }

    #[test]
    fn a_name_that_is_refused_does_not_take_the_others_with_it() {
        let (mut scene, _) = Scene::again(&["mine", "other"]);
        scene.refuse("NOPERM no");
        assert_eq!(scene.asked(), "SUBSCRIBE mine SUBSCRIBE other");
        scene.confirm("mine");
        assert_eq!(scene.told(), []);
        scene.refuse("NOPERM no");
        assert_eq!(scene.told(), [refused("NOPERM no"), Event::Resubscribed]);
        scene.talk = scene.talk.begin(&mut scene.wanted);
        assert_eq!(scene.asked(), "SUBSCRIBE mine");
    }

    #[test]
    fn what_is_refused_for_the_moment_is_asked_again_after_a_while() {
        let (mut scene, _) = Scene::again(&["a"]);
        for text in ["CLUSTERDOWN no view yet", "OVERLOADED wait", "ERR max number of clients reached"] {
            scene.refuse(text);
            assert_eq!((scene.asked(), scene.told()), (String::new(), vec![]), "{text}");
            assert!(scene.talk.retry_at().is_some_and(|at| at >= scene.now + WAIT / 2));
            scene.now += WAIT;
            assert_eq!(scene.asked(), "SUBSCRIBE a");
        }
        scene.confirm("a");
        assert_eq!(scene.told(), [Event::Resubscribed]);
    }

    #[test]
    fn who_makes_a_subscription_is_told_of_every_refusal() {
        let mut scene = Scene::new();
        scene.want(&["a", "b"]);
        scene.refuse("CLUSTERDOWN no view yet");
        assert_eq!(scene.told(), [refused("CLUSTERDOWN no view yet")]);
    }

    #[test]
    fn an_answer_belongs_to_the_oldest_question() {
        let mut scene = Scene::of(&["a"]);
        assert_eq!(scene.want(&["b"]) + " " + &scene.want(&["c"]), "SUBSCRIBE b SUBSCRIBE c");
        scene.confirm("b");
        scene.refuse("NOPERM no");
        assert_eq!(scene.told(), [refused("NOPERM no")]);
        scene.talk = scene.talk.begin(&mut scene.wanted);
        assert_eq!(scene.asked(), "SUBSCRIBE a b");
    }

    #[test]
    fn a_shard_channel_whose_slot_has_moved_is_asked_for_again() {
        let mut scene = Scene::of(&["a"]);
        scene.wanted.note(&Change::add(Kind::Shard, ["s"])).unwrap();
        assert_eq!(scene.asked(), "SSUBSCRIBE s");
        let name = bytes::Bytes::from_static(b"s");
        scene.hear(Heard::Confirmed { kind: Kind::Shard, adds: true, name: name.clone() });
        scene.hear(Heard::Confirmed { kind: Kind::Shard, adds: false, name });
        assert_eq!(scene.asked(), "");
        scene.now += WAIT;
        assert_eq!(scene.asked(), "SSUBSCRIBE s");
    }

    #[test]
    fn a_silent_server_is_asked_and_a_refusal_is_a_sign_of_life() {
        let mut scene = Scene::of(&["a"]);
        for answer in [Heard::Pong, Heard::Refused(ServerError::from_reply(b"OVERLOADED quota"))] {
            (0..LOOKS_BEFORE_PING).for_each(|_| scene.talk.look().unwrap());
            assert_eq!(scene.asked(), "PING");
            scene.hear(answer);
            assert_eq!(scene.told(), []);
        }
        assert!((0..LOOKS).all(|_| scene.talk.look().is_ok()));
        assert!(scene.talk.look().is_err());
    }

    #[test]
    fn a_server_that_publishes_and_does_not_answer_is_given_up() {
        let mut scene = Scene::of(&["a"]);
        scene.want(&["b"]);
        let message = Message { channel: "a".into(), pattern: None, payload: "x".into() };
        for _ in 0..LOOKS {
            scene.talk.look().unwrap();
            scene.hear(Heard::Message(message.clone()));
        }
        assert!(scene.talk.look().is_err());
    }

    #[test]
    fn what_is_not_written_yet_has_a_limit() {
        let mut scene = Scene::of(&["a"]);
        for round in 0..3 * ASKED_MAX {
            let change = if round % 2 == 0 { Change::add } else { Change::remove };
            scene.wanted.note(&change(Kind::Channel, ["b"])).unwrap();
            scene.talk.ask(&mut scene.wanted, scene.now).unwrap();
        }
        assert_eq!(scene.talk.asked.len(), ASKED_MAX);
    }
}
