//! The service: the door is asked first, at once where that is possible.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Body;
use tower_service::Service;

use super::response::{Kind, Slow};
use super::shared::{Ending, Shared};
use super::view::view;
use super::{BoxError, ResponseBody, ResponseFuture};
use crate::instance::Admission;
use crate::request::User;

/// A service whose requests pass the door of an [`Instance`](crate::Instance) first.
#[derive(Debug, Clone)]
pub struct Maintenance<S> {
    pub(super) inner: S,
    pub(super) shared: Arc<Shared>,
}

// === impl Maintenance ===

impl<S, In, Out> Service<http::Request<In>> for Maintenance<S>
where
    S: Service<http::Request<In>, Response = http::Response<Out>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    In: Send + 'static,
    Out: Body<Data = Bytes> + Send,
    Out::Error: Into<BoxError>,
{
    type Response = http::Response<ResponseBody<Out>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, In>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<In>) -> Self::Future {
        let admission = {
            let (method, uri, headers) = (request.method(), request.uri(), request.headers());
            let view = view(method, uri, headers, request.extensions());
            self.shared.instance.try_admit(&view)
        };
        match admission {
            Some(Admission::Admitted(permit)) => {
                self.shared.share(&mut request, &permit);
                let (future, ender) = (self.inner.call(request), self.shared.ender());
                ResponseFuture { kind: Kind::Running { future, permit: Some(permit), ender } }
            }
            Some(Admission::Refused(reply, cause)) => {
                ResponseFuture { kind: Kind::Refused { answer: Some((reply, cause)) } }
            }
            None => {
                // The service that was polled ready is the one that must be called.
                let clone = self.inner.clone();
                let inner = std::mem::replace(&mut self.inner, clone);
                let slow = Box::pin(admit_late(Arc::clone(&self.shared), inner, request));
                ResponseFuture { kind: Kind::Waiting { slow } }
            }
        }
    }
}

async fn admit_late<S, In>(
    shared: Arc<Shared>,
    mut inner: S,
    request: http::Request<In>,
) -> Result<Slow<S::Response>, S::Error>
where
    S: Service<http::Request<In>> + Send,
    In: Send,
{
    let (parts, body) = request.into_parts();
    let admission = {
        let view = view(&parts.method, &parts.uri, &parts.headers, &parts.extensions);
        let ask = || async {
            match &shared.ask {
                Some(ask) => ask(&parts).await,
                None => User::ANONYMOUS,
            }
        };
        shared.instance.admit_as(&view, ask).await
    };
    match admission {
        Admission::Refused(reply, cause) => Ok(Slow::Refused(reply, cause)),
        Admission::Admitted(permit) => {
            let mut request = http::Request::from_parts(parts, body);
            shared.share(&mut request, &permit);
            let running = inner.call(request);
            let Some(ender) = shared.ender() else {
                return running.await.map(|response| Slow::Ran(response, permit, Ending::ByThemselves));
            };
            tokio::select! {
                biased;
                () = permit.cut() => {
                    let (reply, cause) = ender.0.cut_short(&permit);
                    Ok(Slow::Refused(reply, cause))
                }
                response = running => response.map(|response| Slow::Ran(response, permit, Ending::Here)),
            }
        }
    }
}
