//! axum with the layer against axum without it.
//!
//! Without arguments it prints nanoseconds of a request in process, to a handler that does nothing. `count ROUTER
//! TIMES` does that for a counter of instructions, which looks at the function `measured` alone. `serve ROUTER
//! ADDRESS` serves the same over HTTP until it is killed.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod measure;

use std::convert::Infallible;
use std::error::Error;
use std::hint::black_box;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use axum::{Router, ServiceExt};
use backsoon::decide::Local;
use backsoon::{Instance, MaintenanceLayer, Marks};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;
use tower_layer::Layer;
use tower_service::Service;

/// What stands around the routes.
const ROUTERS: [&str; 3] = ["without", "layer", "around"];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["count", router, times] => requests(&runtime, router, times.parse()?),
        ["serve", router, address] => serve(&runtime, router, address),
        [] => {
            let took = measure::rounds(ROUTERS.len(), |which, times| {
                if let Err(error) = requests(&runtime, ROUTERS[which], times) {
                    println!("{error}");
                }
            });
            println!("{:<10} {:>8} {:>8} {:>8}  ns", "", "median", "least", "most");
            for (router, took) in ROUTERS.iter().zip(took) {
                println!("{router:<10} {:>8.0} {:>8.0} {:>8.0}", took.median, took.least, took.most);
            }
            Ok(())
        }
        _ => Err("usage: layer [count ROUTER TIMES | serve ROUTER ADDRESS]; routers: without, layer, around"
            .into()),
    }
}

fn requests(runtime: &Runtime, router: &str, times: usize) -> Result<(), Box<dyn Error>> {
    let layer = MaintenanceLayer::new(Instance::new(Local::default(), Marks::new()));
    match router {
        "without" => measured(runtime, routes(), times),
        "layer" => measured(runtime, layer.layer(routes()), times),
        "around" => measured(runtime, layer.around(routes()), times),
        _ => Err(format!("no such router: {router}").into()),
    }
}

#[inline(never)]
fn measured<S, B>(runtime: &Runtime, service: S, times: usize) -> Result<(), Box<dyn Error>>
where
    S: Service<Request, Response = http::Response<B>, Error = Infallible> + Clone,
    B: http_body::Body,
{
    runtime.block_on(async {
        for _ in 0..times {
            let request =
                Request::builder().uri("/").header("host", "shop.example.com").body(Body::empty())?;
            let Ok(response) = service.clone().oneshot(black_box(request)).await;
            black_box(response.into_body().collect().await.is_ok());
        }
        Ok(())
    })
}

/// `without` and `layer` are served by hyper, which takes any body; `axum` and `around` by `axum::serve`, which takes
/// axum's own and so costs a box around the layer's.
fn serve(runtime: &Runtime, router: &str, address: &str) -> Result<(), Box<dyn Error>> {
    let layer = MaintenanceLayer::new(Instance::new(Local::default(), Marks::new()));
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        match router {
            "without" => serve_by_hyper(listener, routes()).await,
            "layer" => serve_by_hyper(listener, layer.layer(routes())).await,
            "axum" => Ok(axum::serve(listener, routes()).await?),
            _ => {
                let service = ServiceExt::<Request>::into_make_service(layer.around(routes()));
                Ok(axum::serve(listener, service).await?)
            }
        }
    })
}

async fn serve_by_hyper<S, B>(listener: TcpListener, service: S) -> Result<(), Box<dyn Error>>
where
    S: Service<http::Request<Incoming>, Response = http::Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
        );
    }
}

fn routes() -> Router {
    Router::new().route("/", get(hello))
}

async fn hello() -> Response {
    Response::new(Body::from("hello"))
}
