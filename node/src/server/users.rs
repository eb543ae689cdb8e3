//! The file of users: read at the start and by `ACL LOAD`, written by `ACL SAVE`; or that of one password, read at the start.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use ringmaster_protocol::acl::{Accounts, DEFAULT_USER, FILE_BYTES_MAX, User, read_users, write_users};
use ringmaster_protocol::session::{Context, Session};
use ringmaster_runtime::exposure::{self, Exposed};

use super::shared::Shared;

/// Longest content of a password file.
const PASSWORD_BYTES_MAX: u64 = 512;

const NO_FILE: &str = "This node was started without a file of users (--users FILE)";

/// What a node needs to be listened on by others than its machine.
const REMEDY: &str = "give a node of a cluster its secret (`--secret-file`), a node by itself a password \
    (`--password-file`), users (`--users`) or TLS with certificates of clients";

/// Looks whether a node with these users may listen where it does.
///
/// # Errors
/// Others reach it, and everybody could do everything.
pub(super) fn check_exposure(shared: &Shared, accounts: &Accounts) -> Result<(), Exposed> {
    let is_open = accounts.is_open() && !shared.config.insecure;
    exposure::check(shared.doors.exposed(), is_open, REMEDY)
}

/// Reads the file anew: its users and no others, or none of them; a file that the node would not start with is refused.
/// Sessions whose user is gone are closed, and so are subscribers whose user may not use all channels any more that it might.
pub(super) fn load(shared: &Shared) -> Result<(), String> {
    let path = shared.config.users.as_ref().ok_or(NO_FILE)?;
    let users = read(path).map_err(|error| error.to_string())?;
    let wanted = Accounts::default();
    wanted.replace(users.clone());
    check_exposure(shared, &wanted).map_err(|exposed| exposed.to_string())?;
    let before = shared.accounts.all();
    shared.accounts.replace(users);
    shared.accounts_changed();
    let keeps =
        |before: &User| shared.accounts.user(before.name()).is_some_and(|now| now.keeps_channels_of(before));
    let narrowed: BTreeSet<&[u8]> =
        before.iter().filter(|before| !keeps(before)).map(|user| user.name()).collect();
    let is_doomed = |session: &Session| {
        let login = &session.login;
        let loses = || session.is_subscriber() && narrowed.contains(login.user().name());
        login.proof().is_none() && (login.is_gone(&shared.accounts) || loses())
    };
    shared.kill_clients(0, &is_doomed);
    Ok(())
}

/// Writes the users to the file: all of them, or nothing is changed.
pub(super) fn save(shared: &Shared) -> Result<(), String> {
    let path = shared.config.users.as_ref().ok_or(NO_FILE)?;
    let users = shared.accounts.all();
    let text = write_users(users.iter().map(AsRef::as_ref));
    write_whole(path, &text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Reads the file at the start, if there is to be one.
///
/// # Errors
/// It cannot be read, or says what cannot be; with its name and line.
pub(super) fn open(shared: &Shared) -> io::Result<()> {
    let users = match (&shared.config.users, &shared.config.password_file) {
        (Some(path), _) => read(path)?,
        (None, Some(path)) => vec![with_password(path)?],
        (None, None) => return Ok(()),
    };
    shared.accounts.replace(users);
    shared.accounts_changed();
    Ok(())
}

/// The user `default` with the password in a file: its first line, or all but the white space around it.
fn with_password(path: &Path) -> io::Result<User> {
    let named = |kind, what: &dyn std::fmt::Display| {
        io::Error::new(kind, format!("password file {}: {what}", path.display()))
    };
    let mut text = Vec::new();
    let file = fs::File::open(path).map_err(|error| named(error.kind(), &error))?;
    file.take(PASSWORD_BYTES_MAX + 1).read_to_end(&mut text).map_err(|error| named(error.kind(), &error))?;
    let password = text.trim_ascii();
    let wrong = |what: &dyn std::fmt::Display| Err(named(io::ErrorKind::InvalidData, what));
    match password {
        [] => wrong(&"is empty: write the password into it, one line"),
        _ if text.len() as u64 > PASSWORD_BYTES_MAX => wrong(&"is longer than 512 bytes"),
        _ if password.contains(&b'\n') => wrong(&"has several lines: give one password"),
        _ => {
            let rule = [b">", password].concat();
            let user = User::unrestricted(DEFAULT_USER).with_rules(&[&rule]);
            user.map_err(|_| named(io::ErrorKind::InvalidData, &"is no password"))
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<User>> {
    let named = |kind, what: &dyn std::fmt::Display| {
        io::Error::new(kind, format!("users {}: {what}", path.display()))
    };
    let len = fs::metadata(path).map_err(|error| named(error.kind(), &error))?.len();
    if len > FILE_BYTES_MAX as u64 {
        return Err(named(io::ErrorKind::InvalidData, &"the file is too large"));
    }
    let text = fs::read_to_string(path).map_err(|error| named(error.kind(), &error))?;
    read_users(&text).map_err(|fault| named(io::ErrorKind::InvalidData, &fault))
}

/// Beside the file first, durable, then in its place. Only the owner may read it.
fn write_whole(path: &Path, text: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&aside, path)
}
