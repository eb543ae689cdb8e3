//! Which arguments nobody but the server may see: passwords and what belongs to them.

use crate::command::Spec;
use crate::resp::Args;

/// What is shown in place of a secret.
pub const REDACTED: &[u8] = b"(redacted)";

/// Settings whose values are secret.
const SECRET_SETTINGS: [&[u8]; 5] =
    [b"requirepass", b"masterauth", b"masteruser", b"tls-key-file-pass", b"tls-client-key-file-pass"];

/// Whether argument `index` of the command is secret.
pub fn is_secret(spec: &Spec, args: Args<'_>, index: usize) -> bool {
    match spec.name {
        "auth" => index > 0,
        "acl|setuser" => index > 1,
        "hello" => follows(args, index, b"auth", 2),
        "migrate" => follows(args, index, b"auth", 1) || follows(args, index, b"auth2", 2),
        "config|set" => {
            let is_value = index > 2 && index % 2 == 1;
            is_value && SECRET_SETTINGS.iter().any(|name| args[index - 1].eq_ignore_ascii_case(name))
        }
        _ => false,
    }
}

/// Whether argument `index` is one of the `count` after the word `option`.
fn follows(args: Args<'_>, index: usize, option: &[u8], count: usize) -> bool {
    (1..=count).any(|back| index > back && args[index - back].eq_ignore_ascii_case(option))
}
