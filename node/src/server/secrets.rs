//! The secret of the node's cluster: who proves to know it is a proxy and may do everything, and who does not is a user or
//! nobody.

use std::io;
use std::sync::Arc;

use ringmaster_protocol::acl::{DEFAULT_USER, User};
use ringmaster_protocol::session::{Context, Session};
use ringmaster_runtime::admin::AdminDoor;
use ringmaster_runtime::lookout::Lookout;
use ringmaster_runtime::secret::{SecretKeeper, SecretSource};

use super::shared::Shared;

/// Reads the secret, if there is to be one. Where no file says who the users are, there are none then.
///
/// # Errors
/// It cannot be read, or is none.
pub(super) fn open(shared: &mut Shared) -> io::Result<()> {
    let wrong = |why| io::Error::new(io::ErrorKind::InvalidInput, why);
    shared.secrets = SecretKeeper::new(&shared.config.secret).map_err(wrong)?;
    if !shared.config.secret.is_some() {
        return Ok(());
    }
    if shared.config.users.is_none() && shared.config.password_file.is_none() {
        shared.accounts.replace(vec![User::new(DEFAULT_USER)]);
    }
    shared.accounts_changed();
    shared.attention.restrict();
    Ok(())
}

/// Follows the files of the secret, of certificates and of the admin port, if there are some. A proxy that has proved to know
/// what is no secret any more is closed.
///
/// # Errors
/// The thread cannot be made.
pub(super) fn follow(shared: &Arc<Shared>, admin: Arc<AdminDoor>) -> io::Result<Option<Lookout>> {
    let has_secret = matches!(shared.config.secret, SecretSource::File(_));
    if !has_secret && !shared.doors.speak_tls() && !admin.has_files() {
        return Ok(None);
    }
    let shared = Arc::clone(shared);
    let look = move || {
        shared.doors.refresh();
        admin.refresh();
        if shared.secrets.refresh(&shared.config.secret) {
            let secrets = shared.secrets.current();
            let is_stale = |session: &Session| session.login.proof().is_some_and(|proof| !secrets.has(proof));
            shared.kill_clients(0, &is_stale);
        }
    };
    Lookout::spawn("node-lookout", look).map(Some)
}
