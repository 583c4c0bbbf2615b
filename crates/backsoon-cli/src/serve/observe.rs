//! The second listener, for those who run the gate: `/healthz`, `/readyz` and `/metrics`.
//!
//! `/healthz` answers while the process lives. `/readyz` answers 503 from the moment the gate stops accepting, so that
//! a balancer sends nobody more; a closed site is ready, for its visitors must get its page.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use backsoon::Instance;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tracing::{debug, warn};

use super::figures::Figures;
use super::lapsed::Lapsed;
use super::metrics;
use super::shutdown::Shutdown;

/// How long to wait when the system has no socket to give.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(50);
/// How long a reader may take to say what it wants.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// What the second listener tells about.
#[derive(Debug, Clone)]
pub(crate) struct Observer {
    pub(crate) figures: Arc<Figures>,
    pub(crate) instance: Arc<Instance>,
    /// Unless nobody looks.
    pub(crate) lapsed: Option<Lapsed>,
    pub(crate) shutdown: Shutdown,
}

// === impl Observer ===

impl Observer {
    /// Answers until it is dropped.
    pub(crate) async fn serve(self, socket: TcpListener) {
        loop {
            let stream = match socket.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!(%error, "no connection can be accepted for the moment");
                    tokio::time::sleep(OUT_OF_SOCKETS).await;
                    continue;
                }
            };
            let observer = self.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = observer.answer(request.method(), request.uri().path());
                async move { Ok::<_, Infallible>(answer) }
            });
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    debug!(%error, "an observer's connection ended");
                }
            });
        }
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if method != Method::GET && method != Method::HEAD {
            let mut answer =
                text(StatusCode::METHOD_NOT_ALLOWED, "this page is only read: GET or HEAD\n".into());
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match path {
            "/healthz" => text(StatusCode::OK, "ok\n".into()),
            "/readyz" if self.shutdown.is_stopping() => {
                text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n".into())
            }
            "/readyz" => text(StatusCode::OK, "ready\n".into()),
            "/metrics" => {
                let mut answer =
                    text(StatusCode::OK, metrics::text(&self.figures, &self.instance, self.lapsed.as_ref()));
                let kind = HeaderValue::from_static(metrics::CONTENT_TYPE);
                answer.headers_mut().insert(header::CONTENT_TYPE, kind);
                answer
            }
            _ => text(StatusCode::NOT_FOUND, "here are /healthz, /readyz and /metrics\n".into()),
        }
    }
}

fn text(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
