//! HTTP/2 to an upstream by prior knowledge, over one connection that all requests share.
//!
//! hyper-util's client keeps one pool per authority of the URI; but the authority that an HTTP/2 server reads is the
//! visitor's host, which anyone can invent. So the connection is held here, and the URI says what the visitor said.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Uri};
use http::{Request, Response, Version, header};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tracing::debug;

use super::body::RequestBody;
use super::connect::{connect, uri};
use super::proxy::{NoAnswer, chain};
use super::upstream::UpstreamUrl;

/// How often a connection with open streams is asked whether it still lives.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// The connection to one upstream, made when it is first needed and again when it has ended.
#[derive(Debug)]
pub(crate) struct Client {
    url: UpstreamUrl,
    current: Mutex<Option<SendRequest<RequestBody>>>,
    /// Held while connecting, so that a crowd of requests makes one connection.
    connecting: tokio::sync::Mutex<()>,
}

// === impl Client ===

impl Client {
    pub(crate) fn new(url: &UpstreamUrl) -> Self {
        Client { url: url.clone(), current: Mutex::new(None), connecting: tokio::sync::Mutex::new(()) }
    }

    pub(crate) async fn send(
        &self,
        mut request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, NoAnswer> {
        *request.uri_mut() = target(&self.url, &request)?;
        *request.version_mut() = Version::HTTP_2;
        request.headers_mut().remove(header::HOST);
        let mut sender = self.sender().await?;
        match sender.try_send_request(request).await {
            Ok(response) => Ok(response),
            Err(mut error) => {
                // The connection ended before the request was sent: a new one may carry it.
                let Some(request) = error.take_message() else {
                    return Err(NoAnswer::broken(&error.into_error()));
                };
                *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
                self.sender().await?.send_request(request).await.map_err(|error| NoAnswer::broken(&error))
            }
        }
    }

    async fn sender(&self) -> Result<SendRequest<RequestBody>, NoAnswer> {
        if let Some(sender) = self.usable() {
            return Ok(sender);
        }
        let _connecting = self.connecting.lock().await;
        if let Some(sender) = self.usable() {
            return Ok(sender);
        }
        let sender = open(&self.url).await?;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender.clone());
        Ok(sender)
    }

    fn usable(&self) -> Option<SendRequest<RequestBody>> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|sender| !sender.is_closed()).cloned()
    }
}

async fn open(url: &UpstreamUrl) -> Result<SendRequest<RequestBody>, NoAnswer> {
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .handshake(connect(url).await?)
        .await
        .map_err(|error| NoAnswer::broken(&error))?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            debug!(error = chain(&error), "a connection to an upstream ended");
        }
    });
    Ok(sender)
}

/// The visitor's host is the request's authority; `Host` beside it could only contradict it (RFC 9113 §8.3.1).
fn target(url: &UpstreamUrl, request: &Request<RequestBody>) -> Result<Uri, NoAnswer> {
    let host = request.headers().get(header::HOST).map(|host| Authority::try_from(host.as_bytes()));
    let authority = host.and_then(Result::ok).unwrap_or_else(|| url.authority().clone());
    let path = request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    uri(authority, path)
}
