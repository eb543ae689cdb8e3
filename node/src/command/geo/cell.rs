//! Cells: rectangles of the map, halved once in each direction a step, their bits interleaved.

use super::point::Point;
use super::truncated;

/// Steps of the smallest cells: 26 bits in each direction make a score.
pub(super) const STEP_MAX: u32 = 26;

/// Bits of a score.
const SCORE_BITS: u32 = 2 * STEP_MAX;

/// Bits of longitude; the others are of latitude.
const LONGITUDE_BITS: u64 = 0xaaaa_aaaa_aaaa_aaaa;
const LATITUDE_BITS: u64 = 0x5555_5555_5555_5555;

/// From and to, in degrees.
#[derive(Clone, Copy)]
pub(super) struct Range {
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Range {
    pub(super) fn contains(self, degrees: f64) -> bool {
        (self.min..=self.max).contains(&degrees)
    }

    /// Where `degrees` lie in the range, in 2^`step` parts.
    fn part(self, degrees: f64, step: u32) -> u32 {
        let offset = (degrees - self.min) / (self.max - self.min);
        (offset * (1u64 << step) as f64) as u32
    }

    /// The degrees where part `index` of 2^`step` begins.
    fn degrees(self, index: u32, step: u32) -> f64 {
        self.min + f64::from(index) / (1u64 << step) as f64 * (self.max - self.min)
    }
}

pub(super) const LONGITUDES: Range = Range { min: -180.0, max: 180.0 };
/// As far as the map reaches (EPSG:3857).
pub(super) const LATITUDES: Range = Range { min: -85.051_128_78, max: 85.051_128_78 };

/// Where a cell lies.
#[derive(Clone, Copy)]
pub(super) struct Area {
    pub(super) longitude: Range,
    pub(super) latitude: Range,
}

/// A cell. Two steps less are a cell four times as wide and as high.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) bits: u64,
    /// 1..=26.
    pub(super) step: u32,
}

impl Cell {
    /// The cell of `point`, which is on the map.
    pub(super) fn around(point: Point, step: u32) -> Self {
        Self::within(point, step, LATITUDES)
    }

    /// The cell of `point` on a map of these latitudes.
    pub(super) fn within(point: Point, step: u32, latitudes: Range) -> Self {
        let latitude = spread(latitudes.part(point.latitude, step));
        let longitude = spread(LONGITUDES.part(point.longitude, step));
        Self { bits: latitude | longitude << 1, step }
    }

    /// The smallest cell that a score names; any score names one.
    pub(super) fn of_score(score: f64) -> Self {
        const HALF: f64 = 9_223_372_036_854_775_808.0;
        let bits = if score < HALF {
            truncated(score).cast_unsigned()
        } else {
            truncated(score - HALF).cast_unsigned() ^ 1 << 63
        };
        Self { bits, step: STEP_MAX }
    }

    /// Where it lies.
    pub(super) fn area(self) -> Area {
        let range = |range: Range, bits| {
            let index = squeezed(bits);
            let (min, max) =
                (range.degrees(index, self.step), range.degrees(index.wrapping_add(1), self.step));
            Range { min, max }
        };
        Area { longitude: range(LONGITUDES, self.bits >> 1), latitude: range(LATITUDES, self.bits) }
    }

    /// The least score in the cell, and the least one behind it.
    pub(super) fn scores(self) -> (f64, f64) {
        let shift = SCORE_BITS - 2 * self.step;
        ((self.bits << shift) as f64, ((self.bits + 1) << shift) as f64)
    }

    /// The cell next to it: to the east if `east` is positive, to the west if negative, and so on. The map is round
    /// in both directions.
    pub(super) fn neighbor(self, east: i8, north: i8) -> Self {
        let unused = 64 - 2 * self.step;
        let longitude = moved(self.bits & LONGITUDE_BITS, LATITUDE_BITS >> unused, east);
        let latitude = moved(self.bits & LATITUDE_BITS, LONGITUDE_BITS >> unused, north);
        let longitude = if east == 0 { longitude } else { longitude & LONGITUDE_BITS >> unused };
        let latitude = if north == 0 { latitude } else { latitude & LATITUDE_BITS >> unused };
        Self { bits: longitude | latitude, ..self }
    }
}

/// One more or less in every second bit; `between` are the bits that the carry passes over.
fn moved(bits: u64, between: u64, by: i8) -> u64 {
    match by {
        0 => bits,
        1.. => bits.wrapping_add(between + 1),
        _ => (bits | between).wrapping_sub(between + 1),
    }
}

/// The bits with a zero above each.
fn spread(bits: u32) -> u64 {
    let mut bits = u64::from(bits);
    bits = (bits | bits << 16) & 0x0000_ffff_0000_ffff;
    bits = (bits | bits << 8) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits << 2) & 0x3333_3333_3333_3333;
    (bits | bits << 1) & LATITUDE_BITS
}

/// Every second bit, from the lowest on: [`spread`] undone.
fn squeezed(bits: u64) -> u32 {
    let mut bits = bits & LATITUDE_BITS;
    bits = (bits | bits >> 1) & 0x3333_3333_3333_3333;
    bits = (bits | bits >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits >> 4) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits >> 8) & 0x0000_ffff_0000_ffff;
    (bits | bits >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_point_lies_in_its_cell_and_between_its_neighbors(
            longitude in -180.0..179.9, latitude in -85.0..85.0, step in 2u32..=26,
        ) {
            let cell = Cell::around(Point { longitude, latitude }, step);
            let area = cell.area();
            prop_assert!(area.longitude.contains(longitude) && area.latitude.contains(latitude));
            prop_assert_eq!(cell.neighbor(1, -1).neighbor(-1, 1).bits, cell.bits);
            let east = cell.neighbor(1, 0).area();
            prop_assert!(east.longitude.min == area.longitude.max || east.longitude.min == -180.0);
        }

        #[test]
        fn any_score_is_a_place_on_the_map(score: f64) {
            let point = Point::of_score(score);
            prop_assert!(LONGITUDES.contains(point.longitude) && LATITUDES.contains(point.latitude));
        }
    }
}
