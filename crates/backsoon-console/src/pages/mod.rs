//! Pages for people. They work without JavaScript; what they do is what the API does.
//!
//! Everything is rendered here. The one script, `console.js`, loads a page again when the API's events say that something
//! has changed, and puts its live parts in the place of the old ones, so that what people write is escaped in one place.

mod change;
mod frame;
mod history;
mod overview;
mod passes;
mod people;
mod pictures;
mod receipt;
mod visit;
mod wish;
mod zones;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State as Desks};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use http::{HeaderValue, Method, StatusCode, header};
use minijinja::context;

pub(crate) use self::frame::{page, templates};
use self::wish::Verb;
use crate::console::Desk;
use crate::problem::Problem;
use crate::sign_in;

const SCRIPT: &str = include_str!("../../templates/console.js");
const STYLE: &str = include_str!("../../templates/console.css");

/// Everything that is not the API.
pub(crate) fn router() -> Router<Arc<Desk>> {
    let verbs = Verb::ALL.into_iter().fold(Router::new(), |router, verb| {
        let name = verb.as_str();
        router
            .route(&format!("/rehearse/{name}"), post(change::rehearse))
            .route(&format!("/{name}"), post(change::carry_out))
    });
    verbs
        .route("/", get(overview::show))
        .route("/change", get(change::form))
        .route("/window", get(change::window))
        .route("/preview", get(change::preview))
        .route("/receipt", get(receipt::show))
        .route("/history", get(history::show))
        .route("/passes", get(passes::show).post(passes::invite))
        .route("/people", get(people::show))
        .route("/people/add", post(people::add))
        .route("/people/change", post(people::change))
        .route("/people/remove", post(people::remove))
        .route("/tokens/new", post(people::issue))
        .route("/tokens/revoke", post(people::revoke))
        .route("/people/end", post(people::end))
        .route("/people/history", get(people::history))
        .route("/you", get(people::you))
        .route("/you/end", post(people::end_own))
        .route("/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/sign-out-everywhere", post(sign_in::sign_out_everywhere))
        .route("/welcome", get(sign_in::welcome).post(sign_in::first_admin))
        .route("/console.css", get(style))
        .route("/console.js", get(script))
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
    file(STYLE, "text/css; charset=utf-8")
}

async fn script() -> Response {
    file(SCRIPT, "text/javascript; charset=utf-8")
}

fn file(text: &'static str, kind: &'static str) -> Response {
    let mut answer = text.into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
