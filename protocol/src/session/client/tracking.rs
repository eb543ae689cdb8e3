//! `CLIENT TRACKING`, `CACHING`, `GETREDIR`, `TRACKINGINFO`: clients that keep values and want to hear of changes.

use std::collections::BTreeSet;

use crate::resp::number;
use crate::session::connection::NOT_AN_INTEGER;
use crate::session::{Call, Refusal};

/// What a client that keeps values is told of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracking {
    /// The client that is told in its place, if any.
    pub redirect: Option<u64>,
    /// Which keys it is told of.
    pub mode: TrackingMode,
    /// It is not told of what it changes itself.
    pub no_loop: bool,
    /// What `CLIENT CACHING` said about the next command.
    pub caching: bool,
}

/// Which keys a client is told of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TrackingMode {
    /// Those that its commands have read.
    #[default]
    All,
    /// Those read by commands that `CLIENT CACHING YES` stands before.
    OptIn,
    /// Those read by commands that `CLIENT CACHING NO` does not stand before.
    OptOut,
    /// Those with one of these prefixes, read or not; none of the prefixes is one of another.
    Broadcast(BTreeSet<Vec<u8>>),
}

impl Tracking {
    /// Whether the keys of the command at hand are remembered when it reads them.
    #[must_use]
    pub fn remembers(&self) -> bool {
        match self.mode {
            TrackingMode::All => true,
            TrackingMode::OptIn => self.caching,
            TrackingMode::OptOut => !self.caching,
            TrackingMode::Broadcast(_) => false,
        }
    }
}

/// Most prefixes of one client.
const PREFIXES_MAX: usize = 1024;

/// Most bytes of the prefixes of one client.
const PREFIX_BYTES_MAX: usize = 64 << 10;

const TOO_MANY_PREFIXES: &str = "ERR too many prefixes: a client may have 1024 of 65536 bytes in all";
const NO_MODE: &str = "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled";
const OTHER_BROADCAST: &str = "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and \
     then re-enabling it with a different mode.";
const OTHER_OPTION: &str = "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and \
     then re-enabling it with a different mode.";

/// The options as they were given.
#[derive(Default)]
struct Wishes<'a> {
    redirect: Option<u64>,
    broadcast: bool,
    opt_in: bool,
    opt_out: bool,
    no_loop: bool,
    prefixes: Vec<&'a [u8]>,
}

/// `CLIENT TRACKING ON|OFF [REDIRECT id] [PREFIX prefix ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]`.
pub(super) fn tracking(call: &mut Call<'_, '_>) {
    match wished(call) {
        Ok(tracking) => {
            call.session.tracking = tracking.map(Box::new);
            call.context.track(call.session);
            call.reply.ok();
        }
        Err(refusal) => refusal.answer(call.reply),
    }
}

fn wished(call: &Call<'_, '_>) -> Result<Option<Tracking>, Refusal> {
    let word = &call.args[2];
    if word.eq_ignore_ascii_case(b"on") && !call.context.tracks() {
        return Err("ERR CLIENT TRACKING is not supported".into());
    }
    let wishes = Wishes::parse(call)?;
    if word.eq_ignore_ascii_case(b"on") {
        wishes.tracking(call.session.tracking.as_deref()).map(Some)
    } else if word.eq_ignore_ascii_case(b"off") {
        Ok(None)
    } else {
        Err(super::SYNTAX.into())
    }
}

impl<'a> Wishes<'a> {
    fn parse(call: &Call<'a, '_>) -> Result<Self, Refusal> {
        let (mut wishes, mut at) = (Self::default(), 3);
        while let Some(option) = call.args.get(at) {
            let value = call.args.get(at + 1);
            match (&*option.to_ascii_lowercase(), value) {
                (b"redirect", Some(id)) => {
                    wishes.redirect(call, id)?;
                    at += 1;
                }
                (b"prefix", Some(prefix)) => {
                    wishes.prefixes.push(prefix);
                    at += 1;
                }
                (b"bcast", _) => wishes.broadcast = true,
                (b"optin", _) => wishes.opt_in = true,
                (b"optout", _) => wishes.opt_out = true,
                (b"noloop", _) => wishes.no_loop = true,
                _ => return Err(super::SYNTAX.into()),
            }
            at += 1;
        }
        Ok(wishes)
    }

    fn redirect(&mut self, call: &Call<'_, '_>, id: &[u8]) -> Result<(), Refusal> {
        if self.redirect.is_some() {
            return Err("ERR A client can only redirect to a single other client".into());
        }
        let id = number::parse_integer(id).ok_or(NOT_AN_INTEGER)?.cast_unsigned();
        if id != call.session.id && !call.context.has_client(id) {
            return Err("ERR The client ID you want redirect to does not exist".into());
        }
        self.redirect = Some(id);
        Ok(())
    }

    /// What the options make of the tracking so far.
    fn tracking(self, before: Option<&Tracking>) -> Result<Tracking, Refusal> {
        if !self.broadcast && !self.prefixes.is_empty() {
            return Err("ERR PREFIX option requires BCAST mode to be enabled".into());
        }
        let broadcasts = |before: &Tracking| matches!(before.mode, TrackingMode::Broadcast(_));
        let broadcast_before = before.map_or(self.broadcast, broadcasts);
        if broadcast_before != self.broadcast {
            return Err(OTHER_BROADCAST.into());
        }
        if self.broadcast && (self.opt_in || self.opt_out) {
            return Err("ERR OPTIN and OPTOUT are not compatible with BCAST".into());
        }
        if self.opt_in && self.opt_out {
            return Err("ERR You can't specify both OPTIN mode and OPTOUT mode".into());
        }
        let mode = match before.map(|before| &before.mode) {
            Some(TrackingMode::OptOut) if self.opt_in => return Err(OTHER_OPTION.into()),
            Some(TrackingMode::OptIn) if self.opt_out => return Err(OTHER_OPTION.into()),
            Some(TrackingMode::Broadcast(known)) => {
                TrackingMode::Broadcast(self.all_prefixes(known.clone())?)
            }
            _ if self.broadcast => TrackingMode::Broadcast(self.all_prefixes(BTreeSet::new())?),
            _ if self.opt_in => TrackingMode::OptIn,
            _ if self.opt_out => TrackingMode::OptOut,
            _ => TrackingMode::All,
        };
        let caching = before.is_some_and(|before| before.caching);
        Ok(Tracking { redirect: self.redirect, mode, no_loop: self.no_loop, caching })
    }

    fn all_prefixes(&self, mut known: BTreeSet<Vec<u8>>) -> Result<BTreeSet<Vec<u8>>, Refusal> {
        let count = known.len() + self.prefixes.len();
        let lens = known.iter().map(Vec::len).chain(self.prefixes.iter().map(|prefix| prefix.len()));
        if count > PREFIXES_MAX || lens.sum::<usize>() > PREFIX_BYTES_MAX {
            return Err(TOO_MANY_PREFIXES.into());
        }
        for (at, prefix) in self.prefixes.iter().enumerate() {
            let meets = |other: &[u8]| other.starts_with(prefix) || prefix.starts_with(other);
            if let Some(other) = known.iter().find(|other| meets(other)) {
                return Err(overlap(prefix, "an existing", other));
            }
            if let Some(other) = self.prefixes[at + 1..].iter().find(|other| meets(other)) {
                return Err(overlap(prefix, "another provided", other));
            }
        }
        known.extend(self.prefixes.iter().map(|prefix| prefix.to_vec()));
        if self.prefixes.is_empty() {
            known.insert(Vec::new());
        }
        Ok(known)
    }
}

fn overlap(prefix: &[u8], which: &str, other: &[u8]) -> Refusal {
    let (prefix, other) = (String::from_utf8_lossy(prefix), String::from_utf8_lossy(other));
    let text = format!(
        "ERR Prefix '{prefix}' overlaps with {which} prefix '{other}'. Prefixes for a single client must not overlap."
    );
    text.as_str().into()
}

/// `CLIENT CACHING YES|NO`.
pub(super) fn caching(call: &mut Call<'_, '_>) {
    let Some(tracking) = &mut call.session.tracking else { return call.reply.error(NO_MODE) };
    let word = &call.args[2];
    let refusal = if word.eq_ignore_ascii_case(b"yes") {
        (tracking.mode != TrackingMode::OptIn)
            .then_some("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
    } else if word.eq_ignore_ascii_case(b"no") {
        (tracking.mode != TrackingMode::OptOut)
            .then_some("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
    } else {
        Some(super::SYNTAX)
    };
    match refusal {
        Some(text) => call.reply.error(text),
        None => {
            tracking.caching = true;
            call.reply.ok();
        }
    }
}

/// `CLIENT GETREDIR`: -1 without tracking, 0 without redirection.
pub(super) fn redirection(call: &mut Call<'_, '_>) {
    call.reply.int(call.session.redirection());
}

/// `CLIENT TRACKINGINFO`.
pub(super) fn info(call: &mut Call<'_, '_>) {
    let flags = flags(call);
    let reply = &mut call.reply;
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"redirect");
    reply.int(call.session.redirection());
    reply.bulk(b"prefixes");
    match call.session.tracking.as_deref() {
        Some(Tracking { mode: TrackingMode::Broadcast(prefixes), .. }) => {
            reply.array(prefixes.len());
            prefixes.iter().for_each(|prefix| reply.bulk(prefix));
        }
        _ => reply.array(0),
    }
}

fn flags(call: &Call<'_, '_>) -> Vec<&'static str> {
    let Some(tracking) = &call.session.tracking else { return vec!["off"] };
    let mut flags = vec!["on"];
    let (mode, caching) = match tracking.mode {
        TrackingMode::All => (None, None),
        TrackingMode::OptIn => (Some("optin"), Some("caching-yes")),
        TrackingMode::OptOut => (Some("optout"), Some("caching-no")),
        TrackingMode::Broadcast(_) => (Some("bcast"), None),
    };
    flags.extend(mode);
    flags.extend(caching.filter(|_| tracking.caching));
    flags.extend(tracking.no_loop.then_some("noloop"));
    flags.extend(call.context.has_lost_redirection(call.session.id).then_some("broken_redirect"));
    flags
}
