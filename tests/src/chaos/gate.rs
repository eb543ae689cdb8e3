//! A gate in front of a node: it carries every connection on, and can be shut for those of one process, in one direction
//! or both.
//!
//! What comes to a shut gate is not lost but waits, as the packets of a partition do that are sent again; when the gate is
//! opened, it comes late. New connections are taken, and nothing is heard on them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// Which way nothing passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Neither way.
    Both,
    /// Nothing reaches the node.
    ToNode,
    /// Nothing comes back from the node.
    FromNode,
}

/// The cuts in force, each of the connections of one process.
#[derive(Debug, Default)]
struct Cuts {
    of: Mutex<Vec<(u32, Cut)>>,
    changed: Condvar,
}

impl Cuts {
    /// Returns when bytes of this process may pass in this direction.
    fn wait(&self, process: u32, way: Cut) {
        let cuts = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let is_cut = |cuts: &mut Vec<(u32, Cut)>| {
            cuts.iter().any(|(of, cut)| *of == process && (*cut == way || *cut == Cut::Both))
        };
        // Released at once: the bytes pass outside the lock.
        drop(self.changed.wait_while(cuts, is_cut));
    }
}

/// A gate in front of one node.
#[derive(Debug)]
pub struct Gate {
    address: SocketAddr,
    cuts: Arc<Cuts>,
    is_closed: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Gate {
    /// A gate in front of the node at `port` of 127.0.0.1.
    ///
    /// # Panics
    /// If no port is free.
    #[must_use]
    pub fn open(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (cuts, is_closed) = (Arc::<Cuts>::default(), Arc::new(AtomicBool::new(false)));
        let (of_thread, closed) = (Arc::clone(&cuts), Arc::clone(&is_closed));
        let thread = thread::spawn(move || accept(&listener, port, &of_thread, &closed));
        Self { address, cuts, is_closed, thread: Some(thread) }
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Shuts it for the connections of a process, or opens it again.
    pub fn cut(&self, process: u32, cut: Option<Cut>) {
        let mut cuts = self.cuts.of.lock().unwrap_or_else(PoisonError::into_inner);
        cuts.retain(|(of, _)| *of != process);
        cuts.extend(cut.map(|cut| (process, cut)));
        self.cuts.changed.notify_all();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.is_closed.store(true, Ordering::Release);
        self.cuts.of.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.cuts.changed.notify_all();
        // It waits for a connection.
        drop(TcpStream::connect(self.address));
        self.thread.take().map(JoinHandle::join);
    }
}

fn accept(listener: &TcpListener, port: u16, cuts: &Arc<Cuts>, is_closed: &AtomicBool) {
    while let Ok((client, from)) = listener.accept() {
        if is_closed.load(Ordering::Acquire) {
            return;
        }
        let process = owner(from.port());
        let Ok(node) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { continue };
        let both = client.try_clone().and_then(|other| Ok((other, node.try_clone()?)));
        let Ok((client_again, node_again)) = both else { continue };
        for (from, to, way) in [(client, node, Cut::ToNode), (node_again, client_again, Cut::FromNode)] {
            let cuts = Arc::clone(cuts);
            let wait = move || process.into_iter().for_each(|process| cuts.wait(process, way));
            thread::spawn(move || carry(from, to, wait));
        }
    }
}

/// Carries bytes until one side ends; then both do.
fn carry(mut from: TcpStream, mut to: TcpStream, wait: impl Fn()) {
    // Without it small messages would wait for each other.
    drop(to.set_nodelay(true));
    let mut chunk = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut chunk) {
        wait();
        if to.write_all(&chunk[..count]).is_err() {
            break;
        }
    }
    wait();
    // One that is gone already is what is wanted.
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}

/// The process that has connected from this port of 127.0.0.1.
fn owner(port: u16) -> Option<u32> {
    let inode = inode(port)?;
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.into_iter().find(|id| {
        let files = std::fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().flatten();
        files.into_iter().any(|file| std::fs::metadata(file.path()).is_ok_and(|it| it.ino() == inode))
    })
}

/// The socket at the other end of a connection from this port.
fn inode(port: u16) -> Option<u64> {
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let local = format!("0100007F:{port:04X}");
    let line = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut sockets = line.filter(|words| words.get(1) == Some(&local.as_str()));
    sockets.find_map(|words| words.get(9)?.parse().ok().filter(|inode| *inode != 0))
}
