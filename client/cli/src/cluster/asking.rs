//! Asks every node of a cluster.yaml how it is, all at once.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::cluster_file::{ClusterFile, Node};
use ringmaster_protocol::extension::put_blob;
use ringmaster_protocol::heartbeat::{Beat, HEARTBEAT_BYTES_MAX, Pulse};
use ringmaster_protocol::register::{Answer, Refusal};
use ringmaster_protocol::resp::scan::Scanner;
use ringmaster_protocol::view::{ClusterId, Epoch, View};

/// Longest wait for a node.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the nodes said.
pub(super) struct Answers {
    /// Each node of the file, and what it said or why it did not.
    pub(super) nodes: Vec<(Node, io::Result<Pulse>)>,
}

impl Answers {
    /// Asks.
    pub(super) fn of(file: &ClusterFile) -> Self {
        let nodes = std::thread::scope(|scope| {
            let asked: Vec<_> = file.nodes.iter().map(|node| (node, scope.spawn(|| ask(node)))).collect();
            let panicked = |_| Err(io::Error::other("the thread that asked it panicked"));
            asked
                .into_iter()
                .map(|(node, thread)| (node.clone(), thread.join().unwrap_or_else(panicked)))
                .collect()
        });
        Self { nodes }
    }

    /// Whether no node answered.
    pub(super) fn nobody(&self) -> bool {
        self.nodes.iter().all(|(_, answer)| answer.is_err())
    }

    /// The latest view that a node holds.
    pub(super) fn view(&self) -> Option<Arc<View>> {
        let pulses = self.nodes.iter().filter_map(|(_, answer)| answer.as_ref().ok());
        pulses.filter_map(view_of).max_by_key(|view| view.epoch())
    }
}

/// A node tells its view to who asks under none.
pub(super) fn view_of(pulse: &Pulse) -> Option<Arc<View>> {
    match &pulse.lease {
        Answer::Refused(Refusal::Later(view)) => Some(Arc::clone(view)),
        _ => None,
    }
}

fn ask(node: &Node) -> io::Result<Pulse> {
    let address = node.address.to_string().to_socket_addrs()?.next();
    let address =
        address.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "its name has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut message = Vec::new();
    let beat = Beat {
        cluster: ClusterId(0),
        epoch: Epoch(0),
        proxy: 0,
        post: bytes::Bytes::new(),
        full: Vec::new(),
    };
    beat.encode(&mut message);
    let mut request = b"*2\r\n".to_vec();
    put_blob(&mut request, b"RM.BEAT");
    put_blob(&mut request, &message);
    stream.write_all(&request)?;
    let frame = read_frame(&mut stream)?;
    let strange = || io::Error::new(io::ErrorKind::InvalidData, "it is no Ringmaster node of this release");
    let line = frame.iter().position(|byte| *byte == b'\n').filter(|_| frame.first() == Some(&b'$'));
    let message = line.and_then(|line| frame.get(line + 1..frame.len() - 2)).ok_or_else(strange)?;
    Pulse::decode(&bytes::Bytes::copy_from_slice(message)).map_err(|_| strange())
}

fn read_frame(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut scanner, mut input) = (Scanner::default(), Vec::new());
    loop {
        match scanner.frame(&input).map_err(io::Error::other)? {
            Some(len) => {
                input.truncate(len);
                return Ok(input);
            }
            None if input.len() > HEARTBEAT_BYTES_MAX => {
                return Err(io::Error::other("its answer does not end"));
            }
            None => {}
        }
        let mut chunk = [0; 64 << 10];
        match stream.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => input.extend_from_slice(&chunk[..count]),
        }
    }
}
