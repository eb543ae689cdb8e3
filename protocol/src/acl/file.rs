//! Users as a file: a line a user, as `ACL LIST` shows them. Redis reads and writes the same.

use std::collections::HashSet;

use super::user::User;

/// Longest file in bytes.
pub const FILE_BYTES_MAX: usize = 16 << 20;

/// A file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct FileFault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: String,
}

/// The users of a file; empty lines and those that begin with `#` are passed over.
///
/// # Errors
/// [`FileFault`], the first.
pub fn read_users(text: &str) -> Result<Vec<User>, FileFault> {
    let (mut users, mut names) = (Vec::new(), HashSet::new());
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !is_comment(line)) {
        let fault = |fault: &str| FileFault { line: number + 1, fault: fault.to_owned() };
        if text.len() > FILE_BYTES_MAX {
            return Err(fault("the file is too large"));
        }
        let mut words = line.split_ascii_whitespace();
        let (Some("user"), Some(name)) = (words.next(), words.next()) else {
            return Err(fault("it must begin with `user` and a name"));
        };
        if !names.insert(name) {
            return Err(fault(&format!("the user {name} stands here a second time")));
        }
        let rules: Vec<&[u8]> = words.map(str::as_bytes).collect();
        let user =
            User::new(name.as_bytes()).with_rules(&rules).map_err(|error| fault(&error.to_string()))?;
        users.push(user);
    }
    Ok(users)
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

/// The users as a file.
#[must_use]
pub fn write_users<'u>(users: impl IntoIterator<Item = &'u User>) -> Vec<u8> {
    let mut text = Vec::new();
    for user in users {
        text.extend_from_slice(&user.line());
        text.push(b'\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let text = "# who may what\nuser default off\n\nuser app on >secret ~app:* %R~all:* &news (+get ~x) -@all +@read -keys\n";
        let users = read_users(text).unwrap();
        let written = String::from_utf8(write_users(&users)).unwrap();
        assert!(!written.contains("secret"), "{written}");
        let again = read_users(&written).unwrap();
        assert_eq!(String::from_utf8(write_users(&again)).unwrap(), written);
        assert!(again[1].accepts(b"secret") && !again[1].accepts(b"Secret"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_without_a_password() {
        for (text, said) in [
            ("user a on\nusr b\n", "line 2: it must begin"),
            ("user a\nuser a\n", "line 2: the user a stands here a second time"),
            ("user a +nosuch\n", "line 1: Error in ACL SETUSER modifier '+nosuch'"),
            ("\nuser a (+get\n", "line 2: Unmatched parenthesis"),
            ("user a #5e88\n", "line 1: Error in ACL SETUSER modifier '#(the password)': The password hash"),
        ] {
            let fault = read_users(text).unwrap_err().to_string();
            assert!(fault.starts_with(said), "{fault}");
        }
    }
}
