//! The admin port: HTTP/1.1 by hyper, in the clear or over TLS: a few pages, and the level of the log, which can be changed.
//!
//! Where there is a token ([`AdminAccess`]), who does not tell it is told whether the process is alive and ready, and no more.

mod access;
mod query;
mod readiness;

pub use access::{AccessError, AdminAccess, AdminDoor};
pub use readiness::{Outcome, Readiness};

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue,
    REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tokio_util::sync::CancellationToken;

use crate::acceptor::ACCEPT_PAUSE;
use crate::{audit, logging};

/// Admin connections served at once; further ones wait.
const CONNECTIONS_MAX: usize = 64;

/// How long a connection may take to send a request's head.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// What a page answers.
#[derive(Clone, Debug)]
pub struct Page {
    /// HTTP status, e.g. 200 or 503.
    pub status: u16,
    /// Media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Page {
    /// A plain text with `status`.
    #[must_use]
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }
}

/// The pages of a tier.
pub trait Admin: Send + Sync + 'static {
    /// The page at `path`, `None` when there is none (404).
    fn page(&self, path: &str) -> Option<Page>;

    /// Whether the process can serve, and why not: `/readyz`.
    fn readiness(&self) -> Readiness;

    /// What the tier is called in the audit log.
    fn tier(&self) -> &'static str;

    /// What has to happen before the page at `path` is made, `None` where nothing has: it runs on the thread of the admin port,
    /// within its local set. It has to end by itself.
    fn before(&self, path: &str) -> Option<Pin<Box<dyn Future<Output = ()> + '_>>> {
        let _ = path;
        None
    }

    /// The page that everybody may see, for it holds nothing of this process: the program of a dashboard, which asks for the
    /// other pages and tells the token.
    fn program(&self) -> Option<Program> {
        None
    }
}

/// A page that is a program of the browser.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Where it is.
    pub path: &'static str,
    /// The HTML, with all that it needs.
    pub html: &'static str,
    /// Its `Content-Security-Policy`.
    pub policy: &'static str,
}

/// The page that says that the process lives. Everybody may see it, and of `/readyz` the verdict: what asks for them, an
/// orchestrator, seldom has a token.
const HEALTH: &str = "/healthz";

/// Whether the process can serve.
const READY: &str = "/readyz";

/// The level of the log.
const LOG_LEVEL: &str = "/loglevel";

/// Serves `admin` to whom `door` lets in, until `stop`. On a thread with a local set.
pub(crate) async fn serve(
    listener: std::net::TcpListener,
    door: Arc<AdminDoor>,
    admin: Arc<dyn Admin>,
    stop: CancellationToken,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "cannot serve the admin port"),
    };
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            biased; // stopping first: nothing new is served
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, mostly: trying again at once would only burn the processor.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (door, admin) = (Arc::clone(&door), Arc::clone(&admin));
        spawn_local(async move {
            let _place = place;
            serve_one(stream, &door, &*admin).await;
        });
    }
}

async fn serve_one(socket: TcpStream, door: &AdminDoor, admin: &dyn Admin) {
    let Ok(stream) = door.let_in(socket).await else { return };
    let respond = service_fn(|request: Request<Incoming>| async move {
        if is_trusted(&request, door)
            && let Some(before) = admin.before(request.uri().path())
        {
            before.await;
        }
        Ok::<_, Infallible>(respond(&request, door, admin))
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), respond);
    // A broken admin connection concerns only who opened it.
    drop(connection.await);
}

fn is_trusted(request: &Request<Incoming>, door: &AdminDoor) -> bool {
    door.trusts(request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes))
}

fn respond(request: &Request<Incoming>, door: &AdminDoor, admin: &dyn Admin) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
    if let Some(program) = admin.program().filter(|program| is_get && program.path == path) {
        return run(program);
    }
    let is_trusted = is_trusted(request, door);
    let page = match *request.method() {
        Method::GET | Method::HEAD if path == HEALTH => Some(Page::text(200, "alive\n")),
        Method::GET | Method::HEAD if path == READY => Some(ready(request, is_trusted, admin)),
        Method::GET | Method::HEAD if is_trusted && path == LOG_LEVEL => Some(log_level()),
        Method::PUT if is_trusted && path == LOG_LEVEL => Some(set_log_level(request, door, admin)),
        Method::GET | Method::HEAD if is_trusted => admin.page(path),
        Method::GET | Method::HEAD | Method::PUT if !is_trusted => {
            Some(Page::text(401, "tell the token of the admin port: `Authorization: Bearer TOKEN`\n"))
        }
        _ => Some(Page::text(405, "only GET, and PUT for /loglevel\n")),
    };
    let page = page.unwrap_or_else(|| Page::text(404, "no such page; try /healthz, /readyz or /metrics\n"));
    let mut response = Response::new(Full::new(Bytes::from(page.body)));
    *response.status_mut() = StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    harden(response.headers_mut(), page.content_type);
    if page.status == 401 {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn run(program: Program) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(program.html.as_bytes())));
    harden(response.headers_mut(), "text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(program.policy));
    response
}

/// What keeps browsers from taking a page for something else, from keeping it, and from showing it within another.
fn harden(headers: &mut HeaderMap, content_type: &'static str) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

fn ready(request: &Request<Incoming>, is_trusted: bool, admin: &dyn Admin) -> Page {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let as_json = readiness::wants_json(request.uri().query(), accept);
    admin.readiness().page(as_json, !is_trusted)
}

fn log_level() -> Page {
    logging::level().map_or_else(
        || Page::text(503, "logging was not started by this process\n"),
        |level| Page::text(200, format!("{level}\n")),
    )
}

/// `PUT /loglevel?level=debug`.
fn set_log_level(request: &Request<Incoming>, door: &AdminDoor, admin: &dyn Admin) -> Page {
    if !door.may_change() {
        let why = "nothing is changed over an admin port that is open to everybody: give `admin_access` a `token_file`\n";
        return Page::text(403, why);
    }
    let Some(level) = query::value(request.uri().query(), "level") else {
        return Page::text(400, "say which: PUT /loglevel?level=debug\n");
    };
    let checked = logging::check_level(&level);
    let outcome = if checked.is_ok() { audit::Outcome::Done } else { audit::Outcome::Refused };
    // Before it is done: the new filter may be one that leaves the audit log out.
    audit::tell(admin.tier(), (b"", "admin port"), ("PUT /loglevel", &level), outcome);
    match checked.and_then(|()| logging::set_level(&level)) {
        Ok(()) => log_level(),
        Err(why) => Page::text(400, format!("{why}\n")),
    }
}
