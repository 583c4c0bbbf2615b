//! What axum adds to the tower layer: a service that `axum::serve` takes, and the peer's address from `ConnectInfo`.
//!
//! ```no_run
//! # async fn run(instance: std::sync::Arc<backsoon::Instance>, listener: tokio::net::TcpListener) -> std::io::Result<()> {
//! use std::net::SocketAddr;
//! use axum::{Router, ServiceExt, extract::Request, routing::get};
//! use backsoon::MaintenanceLayer;
//!
//! let router = Router::new().route("/", get(|| async { "hello" }));
//! let app = MaintenanceLayer::new(instance).around(router);
//! // With the peers' addresses, for rules about networks:
//! let app = ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(app);
//! axum::serve(listener, app).await
//! # }
//! ```

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use futures_util::future::{MapOk, TryFutureExt};
use tower_layer::Layer;
use tower_service::Service;

use crate::adapters::tower::{Maintenance, MaintenanceLayer, ResponseBody, ResponseFuture};

/// A whole router behind the door, ready for `axum::serve`.
#[derive(Debug, Clone)]
pub struct Closable(Maintenance<Router>);

type Boxed = fn(http::Response<ResponseBody<Body>>) -> Response;

impl MaintenanceLayer {
    /// Puts the door around the whole `router`, its fallback and its own layers included, so that no route can be
    /// forgotten. It costs a fraction of `Router::layer`, which wraps every route by itself.
    pub fn around(&self, router: Router) -> Closable {
        Closable(self.layer(router))
    }
}

impl Service<Request> for Closable {
    type Response = Response;
    type Error = Infallible;
    type Future = MapOk<ResponseFuture<Router, Body>, Boxed>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request>::poll_ready(&mut self.0, cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.0.call(request).map_ok((|response| response.map(Body::new)) as Boxed)
    }
}
