//! The response: the application's with the request's permit, or a reply in its place.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::ResponseBody;
use super::body::BodyKind;
use super::shared::{Ender, Ending};
use crate::decide::Cause;
use crate::instance::{Permit, UPCOMING_HEADER};
use crate::pass::{FOR_CACHES_ALONE, NOT_FOR_CACHES, PASS_HEADER};
use crate::reply::Reply;

pin_project! {
    /// The future of a [`Maintenance`](super::Maintenance) response.
    pub struct ResponseFuture<S, B>
    where
        S: Service<http::Request<B>>,
    {
        #[pin]
        pub(super) kind: Kind<S::Future, S::Response, S::Error>,
    }
}

pin_project! {
    #[project = KindProjected]
    pub(super) enum Kind<F, R, E> {
        Running { #[pin] future: F, permit: Option<Permit>, ender: Option<Ender> },
        Refused { answer: Option<(Reply, Cause)> },
        Waiting { slow: BoxFuture<'static, Result<Slow<R>, E>> },
    }
}

/// How a request ended whose decision had to wait.
pub(super) enum Slow<R> {
    Ran(R, Permit, Ending),
    Refused(Reply, Cause),
}

// === impl ResponseFuture ===

impl<S, In, Out> Future for ResponseFuture<S, In>
where
    S: Service<http::Request<In>, Response = http::Response<Out>>,
{
    type Output = Result<http::Response<ResponseBody<Out>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        Poll::Ready(match this.kind.as_mut().project() {
            KindProjected::Running { future, permit, ender } => {
                if let (Some(Ender(instance)), Some(running)) = (&*ender, &*permit)
                    && running.poll_cut(cx).is_ready()
                {
                    let (reply, cause) = instance.cut_short(running);
                    // Drops the request where it stands; its permit goes last.
                    let permit = permit.take();
                    this.kind.set(Kind::Refused { answer: None });
                    drop(permit);
                    return Poll::Ready(Ok(refused(reply, cause)));
                }
                let response = ready!(future.poll(cx));
                let ending = if ender.is_some() { Ending::Here } else { Ending::ByThemselves };
                // The permit goes into the body; a future is not polled again after it was ready.
                response.map(|response| match permit.take() {
                    Some(permit) => running(response, permit, ending),
                    None => unreachable!("a response future was polled after it was ready"),
                })
            }
            KindProjected::Refused { answer } => match answer.take() {
                Some((reply, cause)) => Ok(refused(reply, cause)),
                None => unreachable!("a response future was polled after it was ready"),
            },
            KindProjected::Waiting { slow } => ready!(slow.as_mut().poll(cx)).map(|slow| match slow {
                Slow::Ran(response, permit, ending) => running(response, permit, ending),
                Slow::Refused(reply, cause) => refused(reply, cause),
            }),
        })
    }
}

fn running<B>(
    mut response: http::Response<B>,
    permit: Permit,
    ending: Ending,
) -> http::Response<ResponseBody<B>> {
    if let Some(upcoming) = permit.upcoming() {
        response.headers_mut().insert(UPCOMING_HEADER, upcoming.field().clone());
    }
    if let Some(pass) = permit.pass().and_then(|pass| HeaderValue::from_str(pass).ok()) {
        let headers = response.headers_mut();
        headers.insert(PASS_HEADER, pass);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(NOT_FOR_CACHES));
        FOR_CACHES_ALONE.into_iter().for_each(|name| drop(headers.remove(name)));
    }
    response.map(|body| ResponseBody { kind: BodyKind::Running { body, permit, ending } })
}

/// The response leaves its [`Cause`] in the extensions, for logs and metrics further out.
fn refused<B>(reply: Reply, cause: Cause) -> http::Response<ResponseBody<B>> {
    let mut response = reply.into_response().map(|bytes| {
        let bytes = Some(bytes).filter(|bytes| !bytes.is_empty());
        ResponseBody { kind: BodyKind::Reply { bytes } }
    });
    response.extensions_mut().insert(cause);
    response
}
