//! TLS 1.3 and 1.2: whom a process says to be, and whom it believes.
//!
//! ```text
//! files ──read, checked as a whole──► Material ──► TlsServer: for who comes      ── handshake ──► Stream, and the name in a
//!       ◄─looked at again and again─              TlsClient: for who is gone to                  client's certificate
//! ```
//! Files that changed for the bad change nothing. Connections that are open keep what they agreed upon.

mod certificate;
mod client;
mod files;
mod keeper;
mod listener;
mod server;

pub use certificate::Certificate;
pub use client::{BlockingTls, TlsClient};
pub use files::{ClientCertificates, TlsError, TlsFiles};
pub use listener::ListenerTls;
pub use server::TlsServer;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// Never the process's default: another crate may have chosen another.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// What is spoken.
const VERSIONS: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
