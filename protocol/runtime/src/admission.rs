//! Who may connect: how many at once, how many from one address, how many anew in a second. All of it can be changed while the
//! service runs.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The bounds, and how often they were met.
#[derive(Debug)]
pub struct Admission {
    max: AtomicUsize,
    per_address: AtomicUsize,
    per_second: AtomicUsize,
    refused: [AtomicU64; 3],
    origins: Mutex<HashMap<IpAddr, usize>>,
    /// From when on the next connection may come if the rate is to be kept; `None` at the start.
    next: Mutex<Option<Instant>>,
}

/// Which bound was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Connections at once.
    Clients,
    /// Connections from one address.
    Address,
    /// New connections in a second.
    Rate,
}

impl Bound {
    /// What the client is told, whole; that of the clients is Redis's text.
    pub(crate) const fn reply(self) -> &'static [u8] {
        match self {
            Self::Clients => b"-ERR max number of clients reached\r\n",
            Self::Address => b"-ERR max number of clients of this address reached\r\n",
            Self::Rate => b"-ERR too many clients connect at once, try again later\r\n",
        }
    }
}

impl Admission {
    /// At most `max` connections at once, from wherever and however fast they come.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self {
            max: AtomicUsize::new(max),
            per_address: AtomicUsize::new(0),
            per_second: AtomicUsize::new(0),
            refused: Default::default(),
            origins: Mutex::default(),
            next: Mutex::default(),
        }
    }

    /// Most connections at once.
    #[must_use]
    pub fn max(&self) -> usize {
        self.max.load(Ordering::Relaxed)
    }

    /// Changes the bound. Who is connected stays.
    pub fn set_max(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
    }

    /// Bounds the connections of one address (of IPv6: of the network of its first 64 bits), and those that come anew in
    /// a second; 0 is no bound. Who came while there was none is not counted.
    pub fn set_bounds(&self, per_address: usize, per_second: usize) {
        self.per_address.store(per_address, Ordering::Relaxed);
        self.per_second.store(per_second, Ordering::Relaxed);
    }

    /// Connections that were refused since the start, whatever bound they met.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Lets in one more beside `connections` others; counts it if not.
    pub(crate) fn admit(
        self: &Arc<Self>,
        connections: usize,
        from: Option<IpAddr>,
        now: Instant,
    ) -> Result<Admitted, Bound> {
        let admitted = self.admit_one(connections, from, now);
        if let Err(bound) = &admitted {
            self.refused[*bound as usize].fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// Who meets the bound of its address has no share of the rate: it would keep others out.
    fn admit_one(
        self: &Arc<Self>,
        connections: usize,
        from: Option<IpAddr>,
        now: Instant,
    ) -> Result<Admitted, Bound> {
        if connections >= self.max() {
            return Err(Bound::Clients);
        }
        let admitted = self.enter(from)?;
        if self.keeps_rate(now) { Ok(admitted) } else { Err(Bound::Rate) }
    }

    /// Whether one more may come now: each takes its share of a second, and a second's worth may come at once.
    fn keeps_rate(&self, now: Instant) -> bool {
        let Some(share) = Duration::from_secs(1).checked_div(bounded(&self.per_second)) else { return true };
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let due = next.unwrap_or(now).max(now);
        let keeps = due.saturating_duration_since(now) + share <= Duration::from_secs(1);
        if keeps {
            *next = Some(due + share);
        }
        keeps
    }

    fn enter(self: &Arc<Self>, from: Option<IpAddr>) -> Result<Admitted, Bound> {
        let max = self.per_address.load(Ordering::Relaxed);
        let origin = from.filter(|_| max > 0).map(origin);
        if let Some(origin) = origin {
            let mut origins = self.origins();
            let count = origins.entry(origin).or_default();
            if *count >= max {
                return Err(Bound::Address);
            }
            *count += 1;
        }
        Ok(Admitted { admission: Arc::clone(self), origin })
    }

    fn leave(&self, origin: IpAddr) {
        let mut origins = self.origins();
        if let Some(count) = origins.get_mut(&origin) {
            *count -= 1;
            if *count == 0 {
                origins.remove(&origin);
            }
        }
    }

    fn origins(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.origins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bounded(bound: &AtomicUsize) -> u32 {
    u32::try_from(bound.load(Ordering::Relaxed)).unwrap_or(u32::MAX)
}

/// Who is counted as one: an IPv4 address, or the network that one customer of IPv6 is given.
pub(crate) fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            [a, b, c, d, 0, 0, 0, 0].into()
        }
    }
}

/// A connection that was let in; it is out when this is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    /// Where it is counted.
    origin: Option<IpAddr>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some(origin) = self.origin {
            self.admission.leave(origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_address_has_its_share_and_gets_it_back() {
        let (admission, now) = (Arc::new(Admission::new(10)), Instant::now());
        admission.set_bounds(2, 0);
        let admit = |from| admission.admit(0, at(from), now);
        let first = admit("10.0.0.1").unwrap();
        let _second = admit("::ffff:10.0.0.1").unwrap();
        assert_eq!(admit("10.0.0.1").unwrap_err(), Bound::Address);
        let _other = admit("10.0.0.2").unwrap();
        drop(first);
        let _third = admit("10.0.0.1").unwrap();
        let _network = [admit("2001:db8::1").unwrap(), admit("2001:db8::2").unwrap()];
        assert_eq!(admit("2001:db8::3").unwrap_err(), Bound::Address);
        assert!(admit("2001:db8:0:1::3").is_ok());
        assert_eq!(admission.refused(), 2);
        drop(_network);
        assert_eq!(admission.origins().len(), 2, "who has left is forgotten");
    }

    #[test]
    fn no_more_come_in_a_second_than_may() {
        let (admission, begun) = (Arc::new(Admission::new(10)), Instant::now());
        admission.set_bounds(0, 5);
        let admit = |millis| admission.admit(0, None, begun + Duration::from_millis(millis)).is_ok();
        assert_eq!((0..20).filter(|_| admit(0)).count(), 5);
        assert_eq!((0..20).filter(|_| admit(200)).count(), 1);
        assert_eq!((0..20).filter(|_| admit(5000)).count(), 5);
        admission.set_bounds(0, 0);
        assert!((0..20).all(|_| admit(5000)));
    }

    #[test]
    fn who_meets_its_own_bound_takes_nothing_of_the_rate_and_who_meets_the_rate_keeps_no_place() {
        let (admission, now) = (Arc::new(Admission::new(10)), Instant::now());
        admission.set_bounds(1, 2);
        let first = admission.admit(0, at("10.0.0.1"), now).unwrap();
        for _ in 0..100 {
            assert_eq!(admission.admit(1, at("10.0.0.1"), now).unwrap_err(), Bound::Address);
        }
        let _other = admission.admit(1, at("10.0.0.2"), now).unwrap();
        assert_eq!(admission.admit(2, at("10.0.0.3"), now).unwrap_err(), Bound::Rate);
        assert_eq!(admission.origins().len(), 2);
        drop(first);
        let later = now + Duration::from_secs(1);
        assert!(admission.admit(1, at("10.0.0.3"), later).is_ok());
    }

    #[test]
    fn clients_have_a_bound_in_all() {
        let (admission, now) = (Arc::new(Admission::new(1)), Instant::now());
        assert!(admission.admit(0, None, now).is_ok());
        assert_eq!(admission.admit(1, None, now).unwrap_err(), Bound::Clients);
    }
}
