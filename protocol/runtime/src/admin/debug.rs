//! What an operator looks at when a process is slow or large: `/debug/…`. Only for who may see all pages.

mod heap;
mod profile;
mod threads;

pub use heap::Heap;
pub(crate) use threads::Loops;

use std::fmt::Write as _;

use hyper::body::Incoming;
use hyper::header::ACCEPT;
use hyper::{Method, Request, Response};

use super::{Admin, AdminDoor, Body, Page, finished, readiness};
use crate::profile::Form;

/// The page at a path below `/debug` for who is trusted; `None` where there is none, or by another method.
pub(super) async fn respond(
    request: &Request<Incoming>,
    door: &AdminDoor,
    (admin, loops): (&dyn Admin, &Loops),
) -> Option<Response<Body>> {
    let path = request.uri().path();
    let form = match path {
        "/debug/pprof/profile" => Some(Form::Protobuf),
        "/debug/pprof/flamegraph" => Some(Form::Flamegraph),
        _ => None,
    };
    if let Some(form) = form {
        let is_get = *request.method() == Method::GET;
        return Some(if is_get {
            profile::respond(request, (door, admin), form).await
        } else {
            finished(Page::text(405, "only GET\n"))
        });
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let as_json = readiness::wants_json(request.uri().query(), accept);
    let page = match path {
        "/debug/heap" => heap::page(&admin.heap(), as_json),
        "/debug/threads" => threads::page(loops, as_json).await,
        _ => return None,
    };
    Some(finished(page))
}

/// A page of figures by name: one a line, or an object of JSON. A figure is a number, or else a word.
fn figures(figures: &[(&str, String)], as_json: bool) -> Page {
    let mut body = String::new();
    for (place, (name, value)) in figures.iter().enumerate() {
        let comma = if place > 0 { "," } else { "{" };
        let is_number = value.parse::<u64>().is_ok();
        // Writing to a String cannot fail.
        let _ = match (as_json, is_number) {
            (false, _) => writeln!(body, "{name} {value}"),
            (true, true) => write!(body, "{comma}\"{name}\":{value}"),
            (true, false) => write!(body, "{comma}\"{name}\":{}", readiness::quoted(value)),
        };
    }
    if as_json {
        body.push_str("}\n");
        return Page { status: 200, content_type: "application/json", body };
    }
    Page::text(200, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_lines_or_an_object() {
        let all = [("bytes", "12".to_owned()), ("why", "a \"b\"".to_owned())];
        assert_eq!(figures(&all, false).body, "bytes 12\nwhy a \"b\"\n");
        let page = figures(&all, true);
        assert_eq!(
            (&*page.body, page.content_type),
            ("{\"bytes\":12,\"why\":\"a \\\"b\\\"\"}\n", "application/json")
        );
    }
}
