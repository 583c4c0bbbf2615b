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
use http_body_util::BodyExt;
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

fn serve(runtime: &Runtime, router: &str, address: &str) -> Result<(), Box<dyn Error>> {
    let layer = MaintenanceLayer::new(Instance::new(Local::default(), Marks::new()));
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await?;
        match router {
            "without" => axum::serve(listener, routes()).await?,
            _ => {
                axum::serve(listener, ServiceExt::<Request>::into_make_service(layer.around(routes())))
                    .await?
            }
        }
        Ok(())
    })
}

fn routes() -> Router {
    Router::new().route("/", get(hello))
}

async fn hello() -> Response {
    Response::new(Body::from("hello"))
}
