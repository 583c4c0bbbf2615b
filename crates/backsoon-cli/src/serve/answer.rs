//! The body of an answer from behind the door.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::Full;

use super::http1::Answer;

/// An upstream's body as it comes, a tunnel's (which is empty when the tunnel stands), or bytes of the gate's own.
#[derive(Debug)]
pub(crate) enum AnswerBody {
    Upstream(Answer),
    #[cfg_attr(not(feature = "tunnels"), allow(dead_code, reason = "there are none"))]
    Tunnel(Body),
    Own(Full<Bytes>),
}

// === impl AnswerBody ===

impl From<Bytes> for AnswerBody {
    fn from(bytes: Bytes) -> Self {
        AnswerBody::Own(Full::new(bytes))
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            AnswerBody::Upstream(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            AnswerBody::Tunnel(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            AnswerBody::Own(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            AnswerBody::Upstream(body) => body.is_end_stream(),
            AnswerBody::Tunnel(body) => body.is_end_stream(),
            AnswerBody::Own(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            AnswerBody::Upstream(body) => body.size_hint(),
            AnswerBody::Tunnel(body) => body.size_hint(),
            AnswerBody::Own(body) => body.size_hint(),
        }
    }
}
