//! The access log: one `tracing` event per answer, under the target `backsoon::access`.

use std::sync::Arc;
use std::time::Instant;

use backsoon::pass::redacted;
use http::{Method, Request, Response, Uri, Version, header};
use tracing::info;

use super::forwarded::Peer;
use super::options::AccessLog;

/// Whether requests are told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access(AccessLog);

/// A request that will be told when its answer begins.
#[derive(Debug)]
pub(crate) struct Line {
    began: Instant,
    peer: Arc<Peer>,
    method: Method,
    target: Uri,
    version: Version,
    host: String,
}

// === impl Access ===

impl Access {
    pub(crate) fn new(log: AccessLog) -> Self {
        Access(log)
    }

    pub(crate) fn begin<B>(self, request: &Request<B>, peer: &Arc<Peer>) -> Option<Line> {
        if self.0 == AccessLog::Off {
            return None;
        }
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.or(request.uri().authority().map(|authority| authority.as_str())).unwrap_or_default();
        Some(Line {
            began: Instant::now(),
            peer: Arc::clone(peer),
            method: request.method().clone(),
            target: request.uri().clone(),
            version: request.version(),
            host: host.to_owned(),
        })
    }
}

// === impl Line ===

impl Line {
    /// Tells the request and the head of its answer. The query stays out, since it may carry
    /// secrets, and of a pass's link what makes it one.
    pub(crate) fn end<B>(self, answer: &Response<B>) {
        info!(
            target: "backsoon::access",
            peer = %self.peer.address().ip(),
            method = %self.method,
            host = self.host,
            path = &*redacted(self.target.path()),
            version = ?self.version,
            status = answer.status().as_u16(),
            millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "answered",
        );
    }
}
