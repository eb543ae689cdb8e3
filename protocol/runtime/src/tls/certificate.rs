//! What a certificate says that rustls does not tell: until when it holds, and whose it is.
//!
//! Only for certificates that are our own or were verified: what is odd is left out, and nothing is believed for it.

use std::time::Duration;

/// Tags of DER.
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xA0;
const EXTENSIONS: u8 = 0xA3;
const DNS_NAME: u8 = 0x82;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1D, 0x11];

/// Longest name that is taken, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// The parts of a certificate that are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// It holds until then, since the Unix epoch.
    pub expires_at: Duration,
    /// Whose it is: its common name, or, where it has none, its first DNS name.
    pub name: Option<String>,
}

impl Certificate {
    /// Reads the DER form; `None` if it cannot be read.
    #[must_use]
    pub fn read(der: &[u8]) -> Option<Self> {
        let mut whole = Der(der);
        let mut body = Der(Der(whole.expect(SEQUENCE)?).expect(SEQUENCE)?);
        body.leave_out(VERSION);
        body.expect(INTEGER)?;
        body.expect(SEQUENCE)?;
        body.expect(SEQUENCE)?;
        let mut validity = Der(body.expect(SEQUENCE)?);
        validity.any()?;
        let (tag, time) = validity.any()?;
        let subject = body.expect(SEQUENCE)?;
        body.expect(SEQUENCE)?;
        let name = common_name(subject).or_else(|| alternative_name(body));
        Some(Self { expires_at: seconds(tag, time)?, name })
    }
}

/// A run of values, each with its tag and length.
#[derive(Clone, Copy)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next value.
    fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        let (len, rest) = match usize::from(first) {
            short @ 0..=0x7F => (short, rest),
            // More than four bytes of length are no certificate of this world.
            long @ 0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(long - 0x80)?;
                (digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some((tag, value))
    }

    /// The next value, if it has this tag.
    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, value) = self.any()?;
        (found == tag).then_some(value)
    }

    /// Leaves out the next value, if it has this tag.
    fn leave_out(&mut self, tag: u8) {
        if self.0.first() == Some(&tag) {
            self.any();
        }
    }
}

impl<'a> Iterator for Der<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.any()
    }
}

/// The one common name of a subject; `None` where there are several, too.
fn common_name(subject: &[u8]) -> Option<String> {
    let attributes = Der(subject).flat_map(|(_, set)| Der(set));
    let mut names = attributes.filter_map(|(_, attribute)| {
        let mut attribute = Der(attribute);
        (attribute.expect(OID)? == COMMON_NAME).then(|| attribute.any())?
    });
    let (_, name) = names.next()?;
    if names.next().is_none() { text(name) } else { None }
}

/// The first DNS name among the extensions of a certificate's body.
fn alternative_name(body: Der<'_>) -> Option<String> {
    let (_, extensions) = body.into_iter().find(|(tag, _)| *tag == EXTENSIONS)?;
    let extensions = Der(Der(extensions).expect(SEQUENCE)?);
    let names = extensions.into_iter().find_map(|(_, extension)| {
        let mut extension = Der(extension);
        let is_names = extension.expect(OID)? == ALTERNATIVE_NAMES;
        is_names.then(|| extension.into_iter().find(|(tag, _)| *tag == OCTET_STRING))?
    });
    let names = Der(Der(names?.1).expect(SEQUENCE)?);
    names.into_iter().find(|(tag, _)| *tag == DNS_NAME).and_then(|(_, name)| text(name))
}

/// A name that can be that of a user: printable, one word.
fn text(name: &[u8]) -> Option<String> {
    let is_word = !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.iter().all(u8::is_ascii_graphic);
    is_word.then(|| String::from_utf8_lossy(name).into_owned())
}

/// A time since the Unix epoch; those before it are the epoch.
fn seconds(tag: u8, text: &[u8]) -> Option<Duration> {
    let digits = text.strip_suffix(b"Z")?;
    let number =
        |from: usize, len: usize| std::str::from_utf8(digits.get(from..from + len)?).ok()?.parse().ok();
    let (year, at) = match (tag, digits.len()) {
        (GENERALIZED_TIME, 14) => (number(0, 4)?, 4),
        (UTC_TIME, 12) => {
            let year: i64 = number(0, 2)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, 2)
        }
        _ => return None,
    };
    let [month, day, hour, minute, second] =
        [number(at, 2)?, number(at + 2, 2)?, number(at + 4, 2)?, number(at + 6, 2)?, number(at + 8, 2)?];
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// Days from the Unix epoch to a day of the Gregorian calendar (Howard Hinnant, `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

    fn made(change: impl FnOnce(&mut CertificateParams)) -> Certificate {
        let mut params = CertificateParams::new(vec!["cache.example".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        change(&mut params);
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Certificate::read(made.der()).unwrap()
    }

    #[test]
    fn the_name_is_the_common_one_or_else_that_of_dns() {
        assert_eq!(made(|_| {}).name.as_deref(), Some("cache.example"));
        let app = made(|params| params.distinguished_name.push(DnType::CommonName, "app"));
        assert_eq!(app.name.as_deref(), Some("app"));
        let odd = made(|params| params.distinguished_name.push(DnType::CommonName, "two words"));
        assert_eq!(odd.name.as_deref(), Some("cache.example"));
    }

    #[test]
    fn the_end_is_told_in_either_form_of_time() {
        let until = |year, month, day| {
            made(|params| params.not_after = date_time_ymd(year, month, day)).expires_at.as_secs()
        };
        assert_eq!(until(2030, 3, 1), 1_898_553_600);
        assert_eq!(until(2000, 2, 29), 951_782_400);
        assert_eq!(until(2051, 1, 1), 2_556_144_000);
    }

    #[test]
    fn what_is_no_certificate_is_nothing() {
        let made = rcgen::generate_simple_self_signed(vec!["a".to_owned()]).unwrap();
        let der = made.cert.der();
        for len in 0..der.len() {
            assert_eq!(Certificate::read(&der[..len]), None, "{len}");
        }
        for wrong in [&b""[..], b"0", b"\x30\x80", b"\x30\x85\xff\xff\xff\xff\xff", &[0xff; 64]] {
            assert_eq!(Certificate::read(wrong), None);
        }
    }
}
