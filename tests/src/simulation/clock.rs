//! The clocks of simulated proxies: none shows the time of the world.

use std::time::Duration;

/// A clock that runs a little fast or slow, and began at another time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// What it showed at the beginning.
    pub offset: Duration,
    /// How much it runs fast, in millionths.
    pub fast_ppm: i64,
}

impl Clock {
    /// What it shows at a time of the world.
    #[must_use]
    pub fn shows(&self, world: Duration) -> Duration {
        let nanos = world.as_nanos() as i64;
        self.offset + Duration::from_nanos((nanos + nanos / 1_000_000 * self.fast_ppm) as u64)
    }

    /// When in the world it shows this, or a moment later.
    #[must_use]
    pub fn when(&self, shown: Duration) -> Duration {
        let nanos = shown.saturating_sub(self.offset).as_nanos() as i128;
        let world = nanos * 1_000_000 / i128::from(1_000_000 + self.fast_ppm);
        Duration::from_nanos(world as u64) + Duration::from_micros(2)
    }
}
