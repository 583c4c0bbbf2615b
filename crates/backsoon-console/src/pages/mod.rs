//! Pages for people. They work without JavaScript; what they do is what the API does.

mod frame;
mod site;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State as Desks};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use http::{HeaderValue, Method, StatusCode, header};
use minijinja::context;

pub(crate) use self::frame::{page, templates};
use crate::console::Desk;
use crate::problem::Problem;
use crate::sign_in;

const STYLE: &str = include_str!("../../templates/console.css");

/// Everything that is not the API.
pub(crate) fn router() -> Router<Arc<Desk>> {
    Router::new()
        .route("/", get(site::show))
        .route("/close", post(site::close))
        .route("/reopen", post(site::reopen))
        .route("/end", post(site::end))
        .route("/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/sign-out-everywhere", post(sign_in::sign_out_everywhere))
        .route("/welcome", get(sign_in::welcome).post(sign_in::first_admin))
        .route("/console.css", get(style))
}

/// Says problems as pages, and sends whoever has not signed in to where they can.
pub(crate) async fn for_people(Desks(desk): Desks<Arc<Desk>>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>().cloned() else { return response };
    if problem.status == StatusCode::UNAUTHORIZED && method == Method::GET {
        return Redirect::to("/sign-in").into_response();
    }
    let (title, detail) = (&problem.title, &problem.detail);
    let mut shown = page(&desk, problem.status, "problem.html", context! { title, detail });
    for name in [header::RETRY_AFTER, header::ALLOW, header::WWW_AUTHENTICATE] {
        if let Some(value) = response.headers().get(&name) {
            shown.headers_mut().insert(name, value.clone());
        }
    }
    shown
}

async fn style() -> Response {
    let mut answer = STYLE.into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    answer
}
