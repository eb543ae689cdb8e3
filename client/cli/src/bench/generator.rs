//! One thread of load: sends what is due, takes what has come, sleeps until the next of either.
//!
//! A place in flight is a token: a link has as many as the pipeline is deep. A request that is due and finds no
//! token waits, and the schedule with it; its intended time stays, so the wait is part of its latency. In a
//! closed loop a link has one token, which stands for a whole batch, and comes back with its last reply.

mod tally;

use std::{collections::VecDeque, io};

pub(super) use tally::Tally;

use super::{
    clock::{Clock, Nanos},
    cpu,
    link::Link,
    poll::Poll,
    schedule::Schedule,
    workload::Workload,
};

/// Nearer than this to the next request the thread does not sleep: waking takes about as long.
const SPIN: Nanos = 20_000;

/// Longest time after the end in which late requests are sent and late replies awaited.
const GRACE: Nanos = 10_000_000_000;

/// What decides when a request is sent.
pub(super) enum Loop {
    /// Its time.
    Open(Schedule),
    /// The replies of the batch before.
    Closed,
}

/// A thread's work in one window.
pub(super) struct Generator {
    pub(super) clock: Clock,
    pub(super) links: Vec<Link>,
    pub(super) loops: Loop,
    pub(super) pipeline: usize,
    pub(super) workload: Workload,
    /// Requests intended before this are not counted.
    pub(super) warm: Nanos,
    /// No request is intended after this.
    pub(super) end: Nanos,
}

/// A generator that runs.
struct Running {
    job: Generator,
    poll: Poll,
    /// Links with room for a request (or, closed, a batch), the longest idle first.
    free: VecDeque<usize>,
    /// Since when there has been a free link without a break.
    free_since: Nanos,
    /// Links that have a request to write.
    dirty: Vec<usize>,
    /// Links whose socket takes no more for now.
    blocked: Vec<bool>,
    in_flight: usize,
    tally: Tally,
}

impl Generator {
    /// Runs to the end of the window.
    ///
    /// # Errors
    /// A connection is lost, or answers what is not RESP.
    pub(super) fn run(self) -> io::Result<Tally> {
        let tokens = if matches!(self.loops, Loop::Open(_)) { self.pipeline } else { 1 };
        let links = self.links.len();
        let mut running = Running {
            poll: Poll::new(&self.links)?,
            free: (0..tokens).flat_map(|_| 0..links).collect(),
            free_since: 0,
            dirty: Vec::with_capacity(links),
            blocked: vec![false; links],
            in_flight: 0,
            tally: Tally::new(self.warm, self.end),
            job: self,
        };
        running.run()?;
        Ok(running.tally)
    }
}

impl Running {
    fn run(&mut self) -> io::Result<()> {
        let mut ready = Vec::new();
        let mut cpu_start = None;
        loop {
            let now = self.job.clock.now();
            if cpu_start.is_none() && now >= self.job.warm {
                cpu_start = Some(cpu::of_this_thread());
            }
            self.send_due(now)?;
            if self.is_over(now) {
                break;
            }
            self.poll.wait(self.idle_time(now), &mut ready)?;
            for link in ready.drain(..) {
                self.serve(link)?;
            }
        }
        self.give_up_rest();
        let cpu_now = cpu::of_this_thread();
        self.tally.cpu = cpu_now - cpu_start.unwrap_or(cpu_now);
        Ok(())
    }

    /// Queues every request that is due and has a link, then writes.
    fn send_due(&mut self, now: Nanos) -> io::Result<()> {
        let Running { job, free, dirty, tally, in_flight, free_since, .. } = self;
        while let Some(&link) = free.front() {
            match &mut job.loops {
                Loop::Open(schedule) if schedule.due() <= now && schedule.due() < job.end => {
                    let due = schedule.due();
                    job.workload.append(job.links[link].request(due));
                    tally.sent_late(due, now - due.max(*free_since).min(now));
                    schedule.advance();
                    *in_flight += 1;
                }
                Loop::Closed if now < job.end => {
                    for _ in 0..job.pipeline {
                        job.workload.append(job.links[link].request(now));
                    }
                    *in_flight += job.pipeline;
                }
                Loop::Open(_) | Loop::Closed => break,
            }
            free.pop_front();
            dirty.push(link);
        }
        for link in std::mem::take(&mut self.dirty) {
            self.flush(link)?;
        }
        Ok(())
    }

    /// Writes; asks to be told of room when the socket is full.
    fn flush(&mut self, link: usize) -> io::Result<()> {
        let blocked = self.job.links[link].flush()?;
        if blocked != self.blocked[link] {
            self.blocked[link] = blocked;
            self.poll.watch_room(&self.job.links[link], link, blocked)?;
        }
        Ok(())
    }

    /// A link has input, or room.
    fn serve(&mut self, link: usize) -> io::Result<()> {
        if self.blocked[link] {
            self.flush(link)?;
        }
        let mut more = true;
        while more {
            more = self.job.links[link].read()?;
            let now = self.job.clock.now();
            let mut count = 0;
            let tally = &mut self.tally;
            self.job.links[link].replies(|reply| {
                tally.reply(&reply, now);
                count += 1;
            })?;
            self.free_up(link, count, now);
        }
        Ok(())
    }

    /// `count` replies came in.
    fn free_up(&mut self, link: usize, count: usize, now: Nanos) {
        self.in_flight -= count;
        let tokens = match self.job.loops {
            Loop::Open(_) => count,
            Loop::Closed => usize::from(count > 0 && self.job.links[link].in_flight().is_empty()),
        };
        if self.free.is_empty() {
            self.free_since = now;
        }
        self.free.extend(std::iter::repeat_n(link, tokens));
    }

    /// Whether everything that was intended was sent and answered, or the time for that is up.
    fn is_over(&self, now: Nanos) -> bool {
        let all_sent = match &self.job.loops {
            Loop::Open(schedule) => schedule.due() >= self.job.end,
            Loop::Closed => now >= self.job.end,
        };
        (all_sent && self.in_flight == 0) || now >= self.job.end + GRACE
    }

    /// How long nothing is to be sent; 0: do not sleep.
    fn idle_time(&self, now: Nanos) -> Nanos {
        let until = match &self.job.loops {
            Loop::Open(schedule) if !self.free.is_empty() && schedule.due() < self.job.end => schedule.due(),
            Loop::Closed if now < self.job.end => self.job.end,
            Loop::Open(_) | Loop::Closed => self.job.end + GRACE,
        };
        let idle = until.saturating_sub(now);
        if idle < SPIN { 0 } else { idle }
    }

    /// What is not answered now counts with the time that it has waited: at least so long it would have taken.
    fn give_up_rest(&mut self) {
        let now = self.job.clock.now();
        for link in &self.job.links {
            for &intended in link.in_flight() {
                self.tally.unanswered(intended, now);
            }
        }
        if let Loop::Open(schedule) = &mut self.job.loops {
            while schedule.due() < self.job.end {
                self.tally.unanswered(schedule.due(), now);
                schedule.advance();
            }
        }
    }
}

#[cfg(test)]
mod tests;
