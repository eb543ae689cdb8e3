//! The arguments of `GEOSEARCH` and `GEORADIUS`, which share most of them.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::parse_double;

use super::point::Point;
use super::shape::{Extent, Shape};
use super::unit;
use crate::command::options::{integer, is};
use crate::command::{CommandError, CommandResult};
use crate::store::value::SortedSet;

const NO_MEMBER: CommandError = CommandError::text("ERR could not decode requested zset member");

/// What a command's name says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `GEORADIUS key longitude latitude radius unit …`.
    Radius,
    /// `GEORADIUSBYMEMBER key member radius unit …`.
    RadiusByMember,
    /// `GEOSEARCH key …`.
    Search,
    /// `GEOSEARCHSTORE destination key …`.
    SearchStore,
}

/// How the found members are ordered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Nearest,
    Farthest,
}

/// What is asked for.
pub(super) struct Request {
    form: Form,
    /// Whether the form may be told to store.
    may_store: bool,
    center: Option<Point>,
    extent: Option<Extent>,
    meters: f64,
    by_member: bool,
    pub(super) with_distance: bool,
    pub(super) with_hash: bool,
    pub(super) with_position: bool,
    /// Whether any members will do, not the nearest.
    pub(super) any: bool,
    order: Option<Order>,
    /// Most members of the result; 0 is no limit.
    pub(super) count: usize,
    /// The argument that names the key of the result.
    pub(super) store: Option<usize>,
    /// Whether distances are stored in place of places.
    pub(super) store_distance: bool,
}

impl Request {
    /// Reads the arguments. `set` is the source, which may be absent: members are nowhere then, and nothing is found.
    ///
    /// # Errors
    /// The first one that Redis finds.
    pub(super) fn parse(
        form: Form,
        may_store: bool,
        args: Args<'_>,
        set: Option<SortedSet<'_>>,
    ) -> Result<Self, CommandError> {
        let mut request = Self::new(form, may_store);
        let mut index = match form {
            Form::Radius => {
                request.center = Some(Point::parse(args, 2)?);
                request.circle(args, 4)?;
                6
            }
            Form::RadiusByMember => {
                request.at_member(args, 2, set)?;
                if set.is_some() {
                    request.circle(args, 3)?;
                }
                5
            }
            Form::Search => 2,
            Form::SearchStore => 3,
        };
        while let Some(word) = args.get(index) {
            index += 1 + request.option(word, args, index, set)?;
        }
        request.check(&args[0])?;
        Ok(request)
    }

    fn new(form: Form, may_store: bool) -> Self {
        Self {
            form,
            may_store,
            center: None,
            extent: None,
            meters: 1.0,
            by_member: false,
            with_distance: false,
            with_hash: false,
            with_position: false,
            any: false,
            order: None,
            count: 0,
            store: (form == Form::SearchStore).then_some(1),
            store_distance: false,
        }
    }

    /// Takes the option at `index`; returns how many arguments it has.
    fn option(
        &mut self,
        word: &[u8],
        args: Args<'_>,
        index: usize,
        set: Option<SortedSet<'_>>,
    ) -> Result<usize, CommandError> {
        let following = args.len() - index - 1;
        match word {
            _ if is(word, "WITHDIST") => self.with_distance = true,
            _ if is(word, "WITHHASH") => self.with_hash = true,
            _ if is(word, "WITHCOORD") => self.with_position = true,
            _ if is(word, "ANY") => self.any = true,
            _ if is(word, "ASC") => self.order = Some(Order::Nearest),
            _ if is(word, "DESC") => self.order = Some(Order::Farthest),
            _ if is(word, "COUNT") && following >= 1 => {
                let count = integer(args, index + 1)?;
                let count = usize::try_from(count).ok().filter(|count| *count > 0);
                self.count = count.ok_or(CommandError::text("ERR COUNT must be > 0"))?;
                return Ok(1);
            }
            _ if matches!(self.form, Form::Search | Form::SearchStore) => {
                return self.search_option(word, args, index, set);
            }
            _ if self.may_store && following >= 1 && (is(word, "STORE") || is(word, "STOREDIST")) => {
                self.store = Some(index + 1);
                self.store_distance = is(word, "STOREDIST");
                return Ok(1);
            }
            _ => return Err(CommandError::Syntax),
        }
        Ok(0)
    }

    /// As [`Request::option`], those of `GEOSEARCH` alone.
    fn search_option(
        &mut self,
        word: &[u8],
        args: Args<'_>,
        index: usize,
        set: Option<SortedSet<'_>>,
    ) -> Result<usize, CommandError> {
        let following = args.len() - index - 1;
        let by_position = self.center.is_some() && !self.by_member;
        match word {
            _ if is(word, "STOREDIST") && self.form == Form::SearchStore => {
                self.store_distance = true;
                Ok(0)
            }
            _ if is(word, "FROMMEMBER") && following >= 1 && !by_position => {
                self.at_member(args, index + 1, set)?;
                Ok(1)
            }
            _ if is(word, "FROMLONLAT") && following >= 2 && !self.by_member => {
                self.center = Some(Point::parse(args, index + 1)?);
                Ok(2)
            }
            _ if is(word, "BYRADIUS")
                && following >= 2
                && !matches!(self.extent, Some(Extent::Box { .. })) =>
            {
                self.circle(args, index + 1)?;
                Ok(2)
            }
            _ if is(word, "BYBOX")
                && following >= 3
                && !matches!(self.extent, Some(Extent::Circle { .. })) =>
            {
                self.rectangle(args, index + 1)?;
                Ok(3)
            }
            _ => Err(CommandError::Syntax),
        }
    }

    /// The center is where a member is.
    fn at_member(&mut self, args: Args<'_>, index: usize, set: Option<SortedSet<'_>>) -> CommandResult {
        self.by_member = true;
        if let Some(set) = set {
            self.center = Some(Point::of_member(set, &args[index]).ok_or(NO_MEMBER)?);
        }
        Ok(())
    }

    /// Radius and unit.
    fn circle(&mut self, args: Args<'_>, index: usize) -> CommandResult {
        let radius = parse_double(&args[index]).ok_or(CommandError::text("ERR need numeric radius"))?;
        if radius < 0.0 {
            return Err(CommandError::text("ERR radius cannot be negative"));
        }
        self.meters = unit(&args[index + 1])?;
        self.extent = Some(Extent::Circle { radius });
        Ok(())
    }

    /// Width, height and unit.
    fn rectangle(&mut self, args: Args<'_>, index: usize) -> CommandResult {
        let width = parse_double(&args[index]).ok_or(CommandError::text("ERR need numeric width"))?;
        let height = parse_double(&args[index + 1]).ok_or(CommandError::text("ERR need numeric height"))?;
        if width < 0.0 || height < 0.0 {
            return Err(CommandError::text("ERR height or width cannot be negative"));
        }
        self.meters = unit(&args[index + 2])?;
        self.extent = Some(Extent::Box { width, height });
        Ok(())
    }

    /// Whether the options go together. `name` is the command's, as the client wrote it.
    fn check(&self, name: &[u8]) -> CommandResult {
        let searches = matches!(self.form, Form::Search | Form::SearchStore);
        if self.store.is_some() && (self.with_distance || self.with_hash || self.with_position) {
            return Err(CommandError::text(if searches {
                "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            } else {
                "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            }));
        }
        let missing = match self {
            _ if !searches => None,
            Self { center: None, by_member: false, .. } => Some("FROMMEMBER or FROMLONLAT"),
            Self { extent: None, .. } => Some("BYRADIUS and BYBOX"),
            _ => None,
        };
        if let Some(missing) = missing {
            let name = String::from_utf8_lossy(name);
            let text = format!("ERR exactly one of {missing} can be specified for {name}");
            return Err(CommandError::Other(text.into()));
        }
        if self.any && self.count == 0 {
            return Err(CommandError::text("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }

    /// Where and how far; `None` where the source is absent.
    pub(super) fn shape(&self) -> Option<Shape> {
        Some(Shape { center: self.center?, extent: self.extent?, meters: self.meters })
    }

    /// How the members are ordered; `None` as they are found. The nearest come first if not all are wanted.
    pub(super) fn order(&self) -> Option<Order> {
        self.order.or_else(|| (self.count > 0 && !self.any).then_some(Order::Nearest))
    }
}
