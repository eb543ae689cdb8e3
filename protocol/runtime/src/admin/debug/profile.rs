//! `/debug/pprof/profile` and `/debug/pprof/flamegraph`: who may have a profile taken, and of what length.

use hyper::body::Incoming;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, HeaderValue};
use hyper::{Request, Response};

use super::super::{Admin, AdminDoor, Body, Page, finished, harden, query};
use crate::audit;
use crate::profile::{self, Form, ProfileError, Wanted};

/// Seconds of a profile, unless told otherwise.
const SECONDS: u32 = 10;

/// Longest profile in seconds.
const SECONDS_MAX: u32 = 60;

/// Samples in a second of processor time, unless told otherwise: not in step with what happens each 10 ms.
const HERTZ: u32 = 99;

/// Most samples in a second of processor time.
const HERTZ_MAX: u32 = 999;

/// What a picture may do in a browser: nothing.
const PICTURE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// Takes a profile for who is trusted, and waits for it; a connection that is closed ends it.
pub(super) async fn respond(
    request: &Request<Incoming>,
    (door, admin): (&AdminDoor, &dyn Admin),
    form: Form,
) -> Response<Body> {
    let (path, query) = (request.uri().path(), request.uri().query());
    let site = request.headers().get("sec-fetch-site").map(HeaderValue::as_bytes);
    let wanted = permitted(door.may_change(), admin.is_profiled(), site).and_then(|()| wanted(query));
    let outcome = if wanted.is_ok() { audit::Outcome::Taken } else { audit::Outcome::Refused };
    audit::tell(admin.tier(), (b"", "admin port"), (path, query.unwrap_or_default()), outcome);
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(page) => return finished(page),
    };
    match profile::take(wanted, form).await {
        Ok(bytes) => whole(form, bytes),
        Err(ProfileError::Busy) => finished(Page::text(
            409,
            "a profile is being taken already, and there is one at a time: try again later\n",
        )),
        Err(ProfileError::Failed(why)) => finished(Page::text(503, format!("no profile: {why}\n"))),
    }
}

/// Whether a profile may be taken: not by everybody where the port is open, not while it is off, and not by a page of another
/// site in the operator's browser.
fn permitted(may_change: bool, is_profiled: bool, site: Option<&[u8]>) -> Result<(), Page> {
    if !is_profiled {
        let why =
            "profiling is off: start the process with `--profiling`, or `profiling: true` in its settings\n";
        return Err(Page::text(403, why));
    }
    if !may_change {
        let why = "no profile is taken over an admin port that is open to everybody, for it costs time: give \
                   `admin_access` a `token_file`\n";
        return Err(Page::text(403, why));
    }
    if site.is_some_and(|site| !matches!(site, b"none" | b"same-origin")) {
        return Err(Page::text(403, "no profile is taken for a page of another site\n"));
    }
    Ok(())
}

fn wanted(query: Option<&str>) -> Result<Wanted, Page> {
    let seconds = number(query, "seconds", SECONDS, SECONDS_MAX)?;
    Ok(Wanted { seconds, hertz: number(query, "hz", HERTZ, HERTZ_MAX)? })
}

fn number(query: Option<&str>, name: &str, usual: u32, most: u32) -> Result<u32, Page> {
    let is_told =
        query.is_some_and(|query| query.split('&').any(|pair| pair.split('=').next() == Some(name)));
    if !is_told {
        return Ok(usual);
    }
    let told = query::value(query, name).unwrap_or_default();
    let number = told.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| Page::text(400, format!("`{name}` is from 1 to {most}, as in {name}={usual}\n")))
}

fn whole(form: Form, bytes: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    match form {
        Form::Protobuf => {
            harden(headers, "application/octet-stream");
            headers.insert(
                CONTENT_DISPOSITION,
                HeaderValue::from_static("attachment; filename=\"profile.pb.gz\""),
            );
        }
        Form::Flamegraph => {
            harden(headers, "image/svg+xml");
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PICTURE_POLICY));
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_for_who_may_change_something_and_only_where_it_is_on() {
        assert!(permitted(true, true, None).is_ok());
        assert!(
            permitted(true, true, Some(b"none")).is_ok()
                && permitted(true, true, Some(b"same-origin")).is_ok()
        );
        let refused = |may_change, is_profiled, site| permitted(may_change, is_profiled, site).unwrap_err();
        assert!(refused(true, false, None).body.contains("--profiling"));
        assert!(refused(false, true, None).body.contains("token_file"));
        for site in ["cross-site", "same-site", ""] {
            assert_eq!(refused(true, true, Some(site.as_bytes())).status, 403, "{site}");
        }
    }

    #[test]
    fn its_length_and_rate_are_bounded() {
        let usual = Wanted { seconds: 10, hertz: 99 };
        assert_eq!(wanted(None).unwrap(), usual);
        assert_eq!(wanted(Some("debug=1")).unwrap(), usual);
        assert_eq!(wanted(Some("seconds=60&hz=999")).unwrap(), Wanted { seconds: 60, hertz: 999 });
        for wrong in
            ["seconds=0", "seconds=61", "seconds=-1", "seconds=1.5", "seconds=", "seconds", "seconds=%zz"]
        {
            let page = wanted(Some(wrong)).unwrap_err();
            assert_eq!(
                (page.status, &*page.body),
                (400, "`seconds` is from 1 to 60, as in seconds=10\n"),
                "{wrong}"
            );
        }
        for wrong in ["hz=0", "hz=1000", "hz=99999999999999999999", "hz=x", "hz"] {
            assert_eq!(wanted(Some(wrong)).unwrap_err().status, 400, "{wrong}");
        }
    }
}
