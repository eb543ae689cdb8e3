//! Waiting for sockets and for the time of the next request, to some microseconds: the runtime's timers tick in
//! milliseconds, which would be charged to the server.

use std::{io, os::fd::OwnedFd};

use rustix::{
    event::epoll::{self, CreateFlags, EventData, EventFlags},
    time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    },
};

use super::{clock::Nanos, link::Link};

/// The timer's number among the events; links are numbered from 0.
const TIMER: u64 = u64::MAX;

/// Events taken at once.
const EVENTS: usize = 256;

/// A set of links and a timer.
pub(super) struct Poll {
    epoll: OwnedFd,
    timer: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poll {
    /// Watches `links` for input.
    ///
    /// # Errors
    /// The kernel has no descriptors left.
    pub(super) fn new(links: &[Link]) -> io::Result<Poll> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        // Edge-triggered: the timer need not be read.
        epoll::add(&epoll, &timer, EventData::new_u64(TIMER), EventFlags::IN | EventFlags::ET)?;
        for (number, link) in (0u64..).zip(links) {
            epoll::add(&epoll, link, EventData::new_u64(number), EventFlags::IN)?;
        }
        Ok(Poll { epoll, timer, events: Vec::with_capacity(EVENTS) })
    }

    /// Watches link `number` for room to write as well, or no more.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(super) fn watch_room(&self, link: &Link, number: usize, room: bool) -> io::Result<()> {
        let interest = if room { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
        Ok(epoll::modify(&self.epoll, link, EventData::new_u64(number as u64), interest)?)
    }

    /// Appends the numbers of the links that have something to do to `ready`. Waits for them at most `wait`.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(super) fn wait(&mut self, wait: Nanos, ready: &mut Vec<usize>) -> io::Result<()> {
        let at_once = Timespec::default();
        let timeout = if wait == 0 { Some(&at_once) } else { None };
        if wait > 0 {
            self.set_timer(wait)?;
        }
        self.events.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut self.events), timeout) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let numbers = self.events.iter().map(|event| event.data.u64()).filter(|&number| number != TIMER);
        ready.extend(numbers.filter_map(|number| usize::try_from(number).ok()));
        Ok(())
    }

    fn set_timer(&self, wait: Nanos) -> io::Result<()> {
        let value = Timespec {
            tv_sec: i64::try_from(wait / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: (wait % 1_000_000_000).try_into().unwrap_or(0),
        };
        let once = Itimerspec { it_interval: Timespec::default(), it_value: value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }
}
