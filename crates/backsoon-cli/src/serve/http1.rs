//! HTTP/1.1 to an upstream: the request on a kept connection or a new one, the answer back, the connection kept.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Version, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use tracing::debug;

use super::body::RequestBody;
use super::connect::connect;
use super::pool::Pool;
use super::proxy::{NoAnswer, chain};
use super::upstream::UpstreamUrl;

/// The connections to one upstream.
#[derive(Debug)]
pub(crate) struct Client {
    url: UpstreamUrl,
    host: Option<HeaderValue>,
    pool: Arc<Pool>,
}

/// A body on its way from an upstream. At its end the connection goes back to the pool; dropped before, it is closed.
#[derive(Debug)]
pub(crate) struct Answer {
    body: Incoming,
    connection: Option<(SendRequest<RequestBody>, Arc<Pool>)>,
}

// === impl Client ===

impl Client {
    pub(crate) fn new(url: &UpstreamUrl) -> Self {
        let host = HeaderValue::from_str(url.authority().as_str()).ok();
        Client { url: url.clone(), host, pool: Arc::default() }
    }

    pub(crate) async fn send(&self, mut request: Request<RequestBody>) -> Result<Response<Answer>, NoAnswer> {
        self.prepare(&mut request);
        while let Some(mut sender) = self.pool.take() {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(self.answer(response, sender)),
                // The connection had ended before anything of the request was sent: another one may carry it.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(NoAnswer::broken(&error.into_error())),
                },
            }
        }
        // Boxed, as it is rare and large: the future of every request would have room for it.
        let mut sender = Box::pin(self.open()).await?;
        let response = sender.send_request(request).await.map_err(|error| NoAnswer::broken(&error))?;
        Ok(self.answer(response, sender))
    }

    fn prepare(&self, request: &mut Request<RequestBody>) {
        *request.version_mut() = Version::HTTP_11;
        if let (Some(host), false) = (&self.host, request.headers().contains_key(header::HOST)) {
            request.headers_mut().insert(header::HOST, host.clone());
        }
        // Left to itself, hyper would send a GET with a body of unknown length without that body.
        if !request.body().is_end_stream() && !request.headers().contains_key(header::CONTENT_LENGTH) {
            request.headers_mut().insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }

    async fn open(&self) -> Result<SendRequest<RequestBody>, NoAnswer> {
        let stream = connect(&self.url).await?;
        let (sender, connection) =
            http1::handshake(stream).await.map_err(|error| NoAnswer::broken(&error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(error = chain(&error), "a connection to an upstream ended");
            }
        });
        Ok(sender)
    }

    fn answer(&self, response: Response<Incoming>, sender: SendRequest<RequestBody>) -> Response<Answer> {
        response.map(|body| {
            let mut answer = Answer { body, connection: Some((sender, Arc::clone(&self.pool))) };
            answer.rest_at_end();
            answer
        })
    }
}

// === impl Answer ===

impl Answer {
    fn rest_at_end(&mut self) {
        if self.body.is_end_stream()
            && let Some((sender, pool)) = self.connection.take()
        {
            pool.put(sender);
        }
    }
}

impl From<Incoming> for Answer {
    /// A body whose connection looks after itself.
    fn from(body: Incoming) -> Self {
        Answer { body, connection: None }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Ready(Some(Ok(_))) => self.rest_at_end(),
            Poll::Ready(None) => {
                if let Some((sender, pool)) = self.connection.take() {
                    pool.put(sender);
                }
            }
            Poll::Ready(Some(Err(_))) => self.connection = None,
            Poll::Pending => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
