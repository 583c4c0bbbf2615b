//! The layer around what people build with: axum's own server, hyper by hand, tonic.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::ServiceExt;
use axum::body::Body;
use axum::extract::Request;
use backsoon::decide::Local;
use backsoon::rules::{Condition, Rule};
use backsoon::{Instance, MaintenanceLayer, Marks, Mode, State, Window, time::Timestamp};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tower::Layer;

/// An instance and a switch for it.
fn instance(local: Local) -> (Arc<Instance>, impl Fn(Option<Window>)) {
    let instance = Instance::new(local, Marks::new());
    let state = std::sync::Mutex::new(State::new());
    let switched = Arc::clone(&instance);
    let switch = move |window: Option<Window>| {
        let mut state = state.lock().unwrap();
        state.revision += 1;
        state.default.windows = window.into_iter().collect();
        let _ = switched.apply(&state, Timestamp::now());
    };
    (instance, switch)
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn get(address: SocketAddr) -> (u16, Bytes) {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("/").header("host", "a").body(Empty::<Bytes>::new()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    let status = response.status().as_u16();
    (status, response.into_body().collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn axum_serves_a_closable_router_and_tells_the_peer() {
    let loopback = Condition { network: vec!["127.0.0.0/8".parse().unwrap()], ..Condition::default() };
    let elsewhere = Condition { network: vec!["192.0.2.0/24".parse().unwrap()], ..Condition::default() };
    for (rule, status) in [(Rule::open("here", loopback), 200), (Rule::open("there", elsewhere), 503)] {
        let (instance, switch) = instance(Local { rules: vec![rule].into(), ..Local::default() });
        let router = axum::Router::new().fallback(|| async { "hello" });
        let app = MaintenanceLayer::new(instance).around(router);
        let app = ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(app);
        let (listener, address) = listen().await;
        tokio::spawn(async move { axum::serve(listener, app).await });
        assert_eq!(get(address).await, (200, "hello".into()));
        switch(Some(Window::new(Mode::On)));
        assert_eq!(get(address).await.0, status);
        switch(None);
        assert_eq!(get(address).await, (200, "hello".into()));
    }
}

#[tokio::test]
async fn hyper_serves_a_closable_service() {
    let (instance, switch) = instance(Local::default());
    let service = tower::service_fn(|_: http::Request<hyper::body::Incoming>| async {
        Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from("hello"))))
    });
    let app = MaintenanceLayer::new(instance).layer(service);
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let app = TowerToHyperService::new(app.clone());
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), app),
            );
        }
    });
    assert_eq!(get(address).await, (200, "hello".into()));
    switch(Some(Window::new(Mode::On).message("Back at noon.")));
    let (status, body) = get(address).await;
    assert_eq!(status, 503);
    assert!(String::from_utf8_lossy(&body).contains("Back at noon."));
}

/// A service as tonic's code generator writes one, reduced to its frame.
#[derive(Clone)]
struct Greeter;

impl tonic::server::NamedService for Greeter {
    const NAME: &'static str = "hello.Greeter";
}

impl tower::Service<http::Request<tonic::body::Body>> for Greeter {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<tonic::body::Body>) -> Self::Future {
        std::future::ready(Ok(tonic::Status::not_found("nobody of that name").into_http()))
    }
}

#[tokio::test]
async fn tonic_callers_of_a_closed_service_hear_that_it_is_unavailable_and_others_the_service() {
    let (instance, switch) = instance(Local::default());
    let app = MaintenanceLayer::new(instance).layer(tonic::service::Routes::new(Greeter));
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let app = TowerToHyperService::new(app.clone());
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(async move { server.serve_connection(TokioIo::new(stream), app).await });
        }
    });
    let call = || async {
        let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::post(format!("http://{address}/hello.Greeter/Greet"))
            .header("content-type", "application/grpc")
            .body(Body::empty())
            .unwrap();
        sender.send_request(request).await.unwrap()
    };
    let open = call().await;
    assert_eq!((open.status().as_u16(), open.headers()["grpc-status"].to_str().unwrap()), (200, "5"));
    switch(Some(Window::new(Mode::On)));
    let closed = call().await;
    let code = tonic::Status::from_header_map(closed.headers()).map(|status| status.code());
    assert_eq!((closed.status().as_u16(), code), (200, Some(tonic::Code::Unavailable)));
    // Trailers alone: the stream ends with the fields.
    assert!(axum::body::HttpBody::is_end_stream(closed.body()));
}
