//! What is searched: a circle, or a box that is as wide as it says along its middle's latitude.

use super::cell::{Cell, STEP_MAX};
use super::point::{EARTH_RADIUS, Point, degrees, radians};

/// Half of the equator, in meters on the map.
const MAP_HALF: f64 = 20_037_726.37;

/// Lengths in the unit of the command.
#[derive(Clone, Copy)]
pub(super) enum Extent {
    Circle { radius: f64 },
    Box { width: f64, height: f64 },
}

/// Where and how far.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) center: Point,
    pub(super) extent: Extent,
    /// Meters of the unit.
    pub(super) meters: f64,
}

/// The outermost longitudes and latitudes, not bounded by the map.
struct Bounds {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

impl Shape {
    /// How far `point` is from the center in meters, if it lies in the shape.
    pub(super) fn distance(&self, point: Point) -> Option<f64> {
        match self.extent {
            Extent::Circle { radius } => {
                let distance = self.center.distance(point);
                // Not `<=`: a distance that is not a number is near enough in Redis.
                let too_far = distance > radius * self.meters;
                (!too_far).then_some(distance)
            }
            Extent::Box { width, height } => {
                if point.latitude_distance(self.center) > height * self.meters / 2.0 {
                    return None;
                }
                let aside = Point { longitude: self.center.longitude, latitude: point.latitude };
                let too_far = point.distance(aside) > width * self.meters / 2.0;
                (!too_far).then(|| self.center.distance(point))
            }
        }
    }

    fn bounds(&self) -> Bounds {
        let (width, height) = match self.extent {
            Extent::Circle { radius } => (radius, radius),
            Extent::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let (width, height) = (self.meters * width, self.meters * height);
        let Point { longitude, latitude } = self.center;
        let up = degrees(height / EARTH_RADIUS);
        // Meridians are closer to each other on the side of the equator that is farther from it.
        let widest = if latitude < 0.0 { latitude - up } else { latitude + up };
        let aside = degrees(width / EARTH_RADIUS / radians(widest).cos());
        let (west, east) = (longitude - aside, longitude + aside);
        Bounds { west, east, south: latitude - up, north: latitude + up }
    }

    /// The size of cells of which the center's and the eight around it are most likely to cover the shape.
    fn step(&self) -> u32 {
        let mut range = self.meters
            * match self.extent {
                Extent::Circle { radius } => radius,
                Extent::Box { width, height } => {
                    (width / 2.0 * (width / 2.0) + height / 2.0 * (height / 2.0)).sqrt()
                }
            };
        if range == 0.0 {
            return STEP_MAX;
        }
        let mut step = -1_i32;
        while range < MAP_HALF {
            range *= 2.0;
            step += 1;
        }
        // Towards the poles cells become narrow.
        let latitude = self.center.latitude.abs();
        step -= i32::from(latitude > 66.0) + i32::from(latitude > 80.0);
        u32::try_from(step).unwrap_or(0).clamp(1, STEP_MAX)
    }

    /// The cells that are searched, in Redis's order: the center's, and those around it that the shape reaches.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let bounds = self.bounds();
        let mut cell = Cell::around(self.center, self.step());
        if cell.step > 1 && !covers(cell, &bounds) {
            cell = Cell::around(self.center, cell.step - 1);
        }
        let area = cell.area();
        let small = cell.step >= 2;
        let reaches = |east: i8, north: i8| {
            !(small
                && (north < 0 && area.latitude.min < bounds.south
                    || north > 0 && area.latitude.max > bounds.north
                    || east < 0 && area.longitude.min < bounds.west
                    || east > 0 && area.longitude.max > bounds.east))
        };
        const AROUND: [(i8, i8); 8] = [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let around = AROUND.iter().filter(|(east, north)| reaches(*east, *north));
        std::iter::once(cell).chain(around.map(|(east, north)| cell.neighbor(*east, *north))).collect()
    }
}

/// Whether the cell and those around it reach as far as the bounds.
fn covers(cell: Cell, bounds: &Bounds) -> bool {
    let area = |east, north| cell.neighbor(east, north).area();
    !(area(0, 1).latitude.max < bounds.north
        || area(0, -1).latitude.min > bounds.south
        || area(1, 0).longitude.max < bounds.east
        || area(-1, 0).longitude.min > bounds.west)
}
