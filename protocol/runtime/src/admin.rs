//! The admin port: HTTP/1.1 by hyper, in the clear or over TLS, a few read-only pages.
//!
//! Where there is a token ([`AdminAccess`]), who does not tell it is told whether the process is alive and ready, and no more.

mod access;

pub use access::{AccessError, AdminAccess, AdminDoor};

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tokio_util::sync::CancellationToken;

use crate::acceptor::ACCEPT_PAUSE;

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

    /// Without what stands below the first line: names and addresses.
    fn first_line(mut self) -> Self {
        let end = self.body.find('\n').map_or(self.body.len(), |end| end + 1);
        self.body.truncate(end);
        self
    }
}

/// The pages of a tier.
pub trait Admin: Send + Sync + 'static {
    /// The page at `path`, `None` when there is none (404).
    fn page(&self, path: &str) -> Option<Page>;
}

/// Pages whose first line everybody may see: what asks for them, an orchestrator, seldom has a token.
const FOR_ALL: [&str; 2] = ["/healthz", "/readyz"];

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
    let respond = service_fn(|request| {
        let response = respond(&request, door, admin);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), respond);
    // A broken admin connection concerns only who opened it.
    drop(connection.await);
}

fn respond(request: &Request<Incoming>, door: &AdminDoor, admin: &dyn Admin) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let is_trusted = door.trusts(request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes));
    let page = match *request.method() {
        Method::GET | Method::HEAD if is_trusted => admin.page(path),
        Method::GET | Method::HEAD if FOR_ALL.contains(&path) => admin.page(path).map(Page::first_line),
        Method::GET | Method::HEAD => {
            Some(Page::text(401, "tell the token of the admin port: `Authorization: Bearer TOKEN`\n"))
        }
        _ => Some(Page::text(405, "only GET\n")),
    };
    let page = page.unwrap_or_else(|| Page::text(404, "no such page; try /healthz, /readyz or /metrics\n"));
    let mut response = Response::new(Full::new(Bytes::from(page.body)));
    *response.status_mut() = StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    if page.status == 401 {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
