//! A proxy proves that it knows the secret of the cluster: `RM.NONCE`, then `RM.PROVE`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ringmaster_protocol::acl::Login;
use ringmaster_protocol::extension::put_blob;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::secret::NONCE_BYTES;

use super::Connection;
use crate::server::random_bytes;

const NO_SECRET: &str = "NOSECRET this node has no secret, and asks for no proof";

/// The answer to a proof that is none.
const WRONG_PROOF: &str = "NOAUTH the proof is wrong: proxies and nodes of a cluster must have the same secret \
    (`secret_file` in cluster.yaml, --secret-file of the node)";

impl Connection {
    /// `RM.NONCE`: what a proof has to be for; good for one.
    pub(super) fn nonce(&mut self) -> Option<()> {
        if !self.worker.shared.config.secret.is_some() {
            self.refuse(NO_SECRET);
            return Some(());
        }
        let mut nonce = Box::new([0; NONCE_BYTES]);
        random_bytes(&mut nonce[..]);
        put_blob(&mut self.output, &nonce[..]);
        self.nonce = Some(nonce);
        Some(())
    }

    /// `RM.PROVE proof [proof]`. Who is wrong is closed: it may try again on another connection.
    pub(super) fn prove(&mut self, args: Args<'_>) -> Option<()> {
        let (shared, nonce) = (Arc::clone(&self.worker.shared), self.nonce.take());
        let proofs = args.from(1);
        let proven = nonce.and_then(|nonce| shared.secrets.current().proven(&nonce, proofs.iter()));
        if let Some(proof) = proven {
            self.session.login.becomes_proxy(proof);
            self.note_modes();
            self.handle.publish(&self.session);
        }
        // Whoever changes the secrets closes the proxies by the old ones afterwards; this one it may not have known yet.
        if proven.is_some_and(|proof| shared.secrets.current().has(proof)) {
            Reply::new(&mut self.output, self.session.protocol).ok();
        } else {
            shared.wrong_proofs.fetch_add(1, Ordering::Relaxed);
            self.session.login = Login::first(&shared.accounts);
            self.refuse(WRONG_PROOF);
            self.closes = true;
        }
        Some(())
    }
}
