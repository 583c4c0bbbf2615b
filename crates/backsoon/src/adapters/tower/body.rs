//! The body that keeps its request's permit until the last byte.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::BoxError;
use super::shared::Ending;
use crate::instance::Permit;

/// The body was ended before its last byte, because the site has closed and the time for earlier requests is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the response was cut short, because the site has closed")]
pub struct CutShort;

pin_project! {
    /// The application's body with the request's permit, or a reply's bytes.
    pub struct ResponseBody<B> {
        #[pin]
        pub(super) kind: BodyKind<B>,
    }
}

pin_project! {
    #[project = BodyProjected]
    pub(super) enum BodyKind<B> {
        Running { #[pin] body: B, permit: Permit, ending: Ending },
        Reply { bytes: Option<Bytes> },
    }
}

// === impl ResponseBody ===

impl<B> Body for ResponseBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut this = self.project();
        match this.kind.as_mut().project() {
            BodyProjected::Running { permit, ending: Ending::Here, .. } if permit.poll_cut(cx).is_ready() => {
                // An error, since a body that merely ended could be taken for a whole one.
                this.kind.set(BodyKind::Reply { bytes: None });
                Poll::Ready(Some(Err(CutShort.into())))
            }
            BodyProjected::Running { body, .. } => body.poll_frame(cx).map_err(Into::into),
            BodyProjected::Reply { bytes } => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            BodyKind::Running { body, .. } => body.is_end_stream(),
            BodyKind::Reply { bytes } => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            BodyKind::Running { body, .. } => body.size_hint(),
            BodyKind::Reply { bytes } => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
        }
    }
}

impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        Self { kind: BodyKind::Reply { bytes: None } }
    }
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}
