//! The admin port: HTTP/1.1 by hyper, in the clear or over TLS: a few pages, profiles, and the level of the log and the share of
//! commands that are traced, which can be changed.
//!
//! Where there is a token ([`AdminAccess`]), who does not tell it is told whether the process is alive and ready, and no more.

mod access;
mod debug;
mod host;
mod query;
mod readiness;

pub use access::{AccessError, AdminAccess, AdminDoor};
pub use debug::Heap;
pub(crate) use debug::Loops;
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
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap,
    HeaderValue, REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tokio_util::sync::CancellationToken;

use crate::acceptor::ACCEPT_PAUSE;
use crate::traces::{Sample, Traces};
use crate::{audit, logging};

/// What is answered.
type Body = Full<Bytes>;

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

    /// What it knows of its memory.
    fn heap(&self) -> Heap;

    /// Whether profiles may be taken of it.
    fn is_profiled(&self) -> bool;

    /// Where its traces go, if anywhere.
    fn traces(&self) -> Option<&Arc<Traces>>;

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

/// The share of commands that are traced.
const TRACE_SAMPLE: &str = "/tracesample";

/// The answer to a page of a stranger that a browser on this machine shows.
const STRANGE_HOST: &str = "this admin port asks nobody who he is, so it answers only to an address or localhost as the name of \
                            the host: ask for http://127.0.0.1:PORT, or give `admin_access` a `token_file`\n";

/// What is served.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) door: Arc<AdminDoor>,
    pub(crate) admin: Arc<dyn Admin>,
    /// The loops of the data threads.
    pub(crate) loops: Arc<Loops>,
}

/// Serves pages to whom the door lets in, until `stop`. On a thread with a local set.
pub(crate) async fn serve(listener: std::net::TcpListener, served: Served, stop: CancellationToken) {
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
        let served = served.clone();
        spawn_local(async move {
            let _place = place;
            serve_one(stream, &served).await;
        });
    }
}

async fn serve_one(socket: TcpStream, served: &Served) {
    let Ok(stream) = served.door.let_in(socket).await else { return };
    let respond = service_fn(|request: Request<Incoming>| async move {
        Ok::<_, Infallible>(answer(&request, served).await)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), respond);
    // A broken admin connection concerns only who opened it.
    drop(connection.await);
}

async fn answer(request: &Request<Incoming>, served: &Served) -> Response<Body> {
    let (door, admin) = (&*served.door, &*served.admin);
    if door.is_open_to_browsers() && !hosts(request).all(host::is_ours) {
        return finished(Page::text(421, STRANGE_HOST));
    }
    if is_trusted(request, door) {
        if let Some(response) = debug::respond(request, door, (admin, &served.loops)).await {
            return response;
        }
        if let Some(before) = admin.before(request.uri().path()) {
            before.await;
        }
    }
    respond(request, door, admin)
}

/// What the request calls the host, wherever it does; a name that is no text is a strange one.
fn hosts(request: &Request<Incoming>) -> impl Iterator<Item = &str> {
    let told = request.headers().get_all(HOST).iter().map(|host| host.to_str().unwrap_or_default());
    told.chain(request.uri().authority().map(hyper::http::uri::Authority::as_str))
}

fn is_trusted(request: &Request<Incoming>, door: &AdminDoor) -> bool {
    door.trusts(request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes))
}

fn respond(request: &Request<Incoming>, door: &AdminDoor, admin: &dyn Admin) -> Response<Body> {
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
        Method::GET | Method::HEAD if is_trusted && path == TRACE_SAMPLE => Some(trace_sample(admin)),
        Method::PUT if is_trusted && path == LOG_LEVEL => Some(set_log_level(request, door, admin)),
        Method::PUT if is_trusted && path == TRACE_SAMPLE => Some(set_trace_sample(request, door, admin)),
        Method::GET | Method::HEAD if is_trusted => admin.page(path),
        Method::GET | Method::HEAD | Method::PUT if !is_trusted => {
            Some(Page::text(401, "tell the token of the admin port: `Authorization: Bearer TOKEN`\n"))
        }
        _ => Some(Page::text(405, "only GET, and PUT for /loglevel and /tracesample\n")),
    };
    finished(page.unwrap_or_else(|| Page::text(404, "no such page; try /healthz, /readyz or /metrics\n")))
}

fn finished(page: Page) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(page.body)));
    *response.status_mut() = StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    harden(response.headers_mut(), page.content_type);
    if page.status == 401 {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn run(program: Program) -> Response<Body> {
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
    let level = match told(request, door, ("level", "PUT /loglevel?level=debug")) {
        Ok(level) => level,
        Err(page) => return page,
    };
    let checked = logging::check_level(&level);
    // Before it is done: the new filter may be one that leaves the audit log out.
    audited(admin, ("PUT /loglevel", &level), checked.is_ok());
    match checked.and_then(|()| logging::set_level(&level)) {
        Ok(()) => log_level(),
        Err(why) => Page::text(400, format!("{why}\n")),
    }
}

fn trace_sample(admin: &dyn Admin) -> Page {
    admin.traces().map_or_else(
        || Page::text(409, "nothing is traced: give `tracing` an `endpoint` (`--tracing-endpoint`)\n"),
        |traces| Page::text(200, format!("{}\n", traces.sample())),
    )
}

/// `PUT /tracesample?sample=0.01`.
fn set_trace_sample(request: &Request<Incoming>, door: &AdminDoor, admin: &dyn Admin) -> Page {
    let share = match told(request, door, ("sample", "PUT /tracesample?sample=0.01")) {
        Ok(share) => share,
        Err(page) => return page,
    };
    let sample = share.parse().ok().and_then(Sample::of);
    let traces = admin.traces();
    audited(admin, ("PUT /tracesample", &share), sample.is_some() && traces.is_some());
    if let Some((traces, sample)) = traces.zip(sample) {
        traces.set_sample(sample);
    } else if traces.is_some() {
        return Page::text(400, format!("`{}` is no share, give 0 to 1\n", share.escape_debug()));
    }
    trace_sample(admin)
}

/// The value of a request that changes something, as in the example, from who may.
fn told(
    request: &Request<Incoming>,
    door: &AdminDoor,
    (name, example): (&str, &str),
) -> Result<String, Page> {
    if !door.may_change() {
        let why = "nothing is changed over an admin port that is open to everybody: give `admin_access` a `token_file`\n";
        return Err(Page::text(403, why));
    }
    query::value(request.uri().query(), name)
        .ok_or_else(|| Page::text(400, format!("say which: {example}\n")))
}

fn audited(admin: &dyn Admin, act: (&str, &str), is_done: bool) {
    let outcome = if is_done { audit::Outcome::Done } else { audit::Outcome::Refused };
    audit::tell(admin.tier(), (b"", "admin port"), act, outcome);
}
