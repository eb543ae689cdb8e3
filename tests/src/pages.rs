//! Pages of admin ports, asked for by hand, and the figures on a page of metrics.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::wait::PATIENCE;

/// The status and the body of a request without a body, with these lines of the head (each ends in CR LF); the first may name
/// the host, in place of 127.0.0.1.
///
/// # Panics
/// If nobody listens, or the answer is no HTTP.
#[must_use]
pub fn ask(address: SocketAddr, method: &str, page: &str, head: &str) -> (u16, String) {
    let (status, body) = exchange(address, method, page, head);
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// The status and the body of a page that is no text.
///
/// # Panics
/// As [`ask`].
#[must_use]
pub fn bytes(address: SocketAddr, page: &str) -> (u16, Vec<u8>) {
    exchange(address, "GET", page, "")
}

fn exchange(address: SocketAddr, method: &str, page: &str, head: &str) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    let host = if head.starts_with("host:") { "" } else { "host: 127.0.0.1\r\n" };
    let request = format!("{method} {page} HTTP/1.1\r\n{host}connection: close\r\n{head}\r\n");
    stream.write_all(request.as_bytes()).expect("the request is taken");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer comes");
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("the head ends");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer.split_off(end + 4))
}

/// The status and the body of a page.
///
/// # Panics
/// As [`ask`].
#[must_use]
pub fn get(address: SocketAddr, page: &str) -> (u16, String) {
    ask(address, "GET", page, "")
}

/// A figure of a page of metrics; `series` is its name and labels as they stand there.
#[must_use]
pub fn figure(page: &str, series: &str) -> Option<f64> {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    line.parse().ok()
}
