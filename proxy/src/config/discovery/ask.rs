//! The question to the name server.

use std::io;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use ringmaster_protocol::cluster_file::Discovery;
use tokio::runtime::{Builder, Runtime};

use super::names::Record;

/// Longest that one try takes; there are two, over UDP and, where the answer does not fit, TCP.
const TRY: Duration = Duration::from_secs(2);

/// Asks one name server, or those of the machine.
pub(super) struct Asker {
    runtime: Runtime,
    resolver: TokioResolver,
}

impl Asker {
    /// One that is ready to ask.
    ///
    /// # Errors
    /// The machine's settings cannot be read, or there is no runtime.
    pub(super) fn new(discovery: &Discovery) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let mut builder = match discovery.server {
            None => TokioResolver::builder_tokio().map_err(io::Error::other)?,
            Some(address) => {
                let mut server = NameServerConfig::udp_and_tcp(address.ip());
                server.connections.iter_mut().for_each(|connection| connection.port = address.port());
                let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        let options = builder.options_mut();
        (options.timeout, options.attempts) = (TRY, 2);
        // Each question is to be answered anew.
        options.cache_size = 0;
        let resolver = builder.build().map_err(io::Error::other)?;
        Ok(Self { runtime, resolver })
    }

    /// The SRV records of a name.
    ///
    /// # Errors
    /// No server answers, or it has none.
    pub(super) fn ask(&mut self, name: &str) -> Result<Vec<Record>, String> {
        let lookup =
            self.runtime.block_on(self.resolver.srv_lookup(name)).map_err(|error| error.to_string())?;
        let record = |data: &RData| match data {
            RData::SRV(srv) => Some(Record { target: srv.target.to_string(), port: srv.port }),
            _ => None,
        };
        Ok(lookup.answers().iter().filter_map(|answer| record(&answer.data)).collect())
    }
}
