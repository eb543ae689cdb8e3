//! Points on the earth, which is a ball.

use super::cell::{Cell, LATITUDES, LONGITUDES, STEP_MAX};
use crate::command::CommandError;
use crate::command::options::double;
use crate::store::value::SortedSet;
use ringmaster_protocol::resp::Args;

/// The earth's radius in meters (the quadratic mean of WGS-84).
pub(super) const EARTH_RADIUS: f64 = 6_372_797.560_856;

const RADIANS_A_DEGREE: f64 = std::f64::consts::PI / 180.0;

pub(super) fn radians(degrees: f64) -> f64 {
    degrees * RADIANS_A_DEGREE
}

pub(super) fn degrees(radians: f64) -> f64 {
    radians / RADIANS_A_DEGREE
}

/// Longitude and latitude in degrees.
#[derive(Clone, Copy, Default)]
pub(super) struct Point {
    pub(super) longitude: f64,
    pub(super) latitude: f64,
}

impl Point {
    /// The point that the arguments at `index` and after it name.
    ///
    /// # Errors
    /// That they are no numbers, or not on the map.
    pub(super) fn parse(args: Args<'_>, index: usize) -> Result<Self, CommandError> {
        let (longitude, latitude) = (double(args, index)?, double(args, index + 1)?);
        if LONGITUDES.contains(longitude) && LATITUDES.contains(latitude) {
            return Ok(Self { longitude, latitude });
        }
        let text = format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}");
        Err(CommandError::Other(text.into()))
    }

    /// The middle of a score's cell.
    pub(super) fn of_score(score: f64) -> Self {
        let area = Cell::of_score(score).area();
        let longitude = f64::midpoint(area.longitude.min, area.longitude.max);
        let latitude = f64::midpoint(area.latitude.min, area.latitude.max);
        Self {
            longitude: longitude.clamp(LONGITUDES.min, LONGITUDES.max),
            latitude: latitude.clamp(LATITUDES.min, LATITUDES.max),
        }
    }

    /// Where `member` is.
    pub(super) fn of_member(set: SortedSet<'_>, member: &[u8]) -> Option<Self> {
        set.score(member).map(Self::of_score)
    }

    /// The score of a member here.
    pub(super) fn score(self) -> f64 {
        Cell::around(self, STEP_MAX).bits as f64
    }

    /// Meters on the ball, by the haversine formula; NaN for points that are just opposite.
    pub(super) fn distance(self, other: Self) -> f64 {
        let v = ((radians(other.longitude) - radians(self.longitude)) / 2.0).sin();
        if v == 0.0 {
            return self.latitude_distance(other);
        }
        let (from, to) = (radians(self.latitude), radians(other.latitude));
        let u = ((to - from) / 2.0).sin();
        let a = u * u + from.cos() * to.cos() * v * v;
        2.0 * EARTH_RADIUS * a.sqrt().asin()
    }

    /// Meters between the circles of latitude.
    pub(super) fn latitude_distance(self, other: Self) -> f64 {
        EARTH_RADIUS * (radians(other.latitude) - radians(self.latitude)).abs()
    }
}
