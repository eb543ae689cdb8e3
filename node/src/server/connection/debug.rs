//! `DEBUG`, as far as it concerns connections and the process; what looks into keys is a command on keys.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::resp::{Args, number};

use super::{Connection, Fate};

impl Connection {
    /// `DEBUG subcommand …`.
    pub(super) async fn debug(&mut self, args: Args<'_>) -> io::Result<Fate> {
        match (&*args[1].to_ascii_lowercase(), args.len()) {
            (b"sleep", 3) => {
                let seconds = leading_double(&args[2]);
                let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
                let fate = self.sleep(time).await?;
                self.stale = true;
                Reply::new(&mut self.output, self.session.protocol).ok();
                return Ok(fate);
            }
            (b"set-active-expire", 3) => {
                let on = number::parse_integer(&args[2]).is_some_and(|number| number != 0);
                self.worker.shared.expires_actively.store(on, Ordering::Relaxed);
                Reply::new(&mut self.output, self.session.protocol).ok();
            }
            _ => {
                let name = String::from_utf8_lossy(&args[1]);
                self.refuse(&format!(
                    "ERR unknown subcommand or wrong number of arguments for '{name}'. Try DEBUG HELP."
                ));
            }
        }
        Ok(Fate::Open)
    }
}

/// The number that a text begins with, as `strtod` reads it; 0 if there is none.
fn leading_double(text: &[u8]) -> f64 {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    std::str::from_utf8(&text[..len]).ok().and_then(|number| number.parse().ok()).unwrap_or(0.0)
}
