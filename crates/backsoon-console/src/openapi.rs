//! The document about the API, made of the handlers themselves; `spec/openapi.json` is a copy that people can read.

use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use crate::api::{
    events, fleet, history, me, passes, people, people_history, receipt, rehearse, sessions, state, store,
    tokens, windows,
};
use crate::problem::Problem;

/// Why a request is not done: each operation may say so.
const PROBLEMS: [(&str, &str); 14] = [
    ("400", "It cannot be read"),
    ("401", "Nobody has signed in"),
    ("403", "The role does not suffice, or another site's page asks"),
    ("404", "It is not there"),
    ("405", "Not for this method"),
    ("408", "It took too long"),
    ("409", "It contradicts what is there"),
    ("412", "The state has changed meanwhile; the problem has its ETag"),
    ("413", "The body is too large"),
    ("415", "The body is not JSON"),
    ("421", "The console does not answer to this host"),
    ("422", "It cannot be meant"),
    ("429", "Too often; Retry-After says when"),
    ("503", "The store is away; Retry-After says when"),
];

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Backsoon",
        description = "The maintenance switch for every server that a site runs on. Every verb of the command line is one call.",
        version = "1"
    ),
    paths(
        state::read, state::sites, windows::close, windows::amend, windows::end, windows::reopen,
        rehearse::rehearse, fleet::read, receipt::read, history::read, history::rollback, events::follow,
        me::read, passes::list, passes::invite, passes::revoke, people::list, people::add, people::change, people::remove,
        people_history::read, sessions::mine, sessions::end_mine, sessions::of, sessions::end, tokens::list, tokens::issue, tokens::revoke,
        store::read, store::write, store::delete, store::listing::list, store::hints::follow
    ),
    components(schemas(Problem, state::ModeName)),
    modifiers(&Everywhere),
    security(("token" = []), ("session" = []))
)]
struct Document;

/// What is true of every operation.
struct Everywhere;

/// The document in JSON.
pub fn document() -> String {
    // A document of maps and strings always serialises.
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// `GET /openapi.json`: for everybody, since it says nothing about this console.
pub(crate) async fn read() -> Response {
    let mut answer = document().into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

// === impl Everywhere ===

impl Modify for Everywhere {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        let cookie = ApiKeyValue::with_description(
            "backsoon-console",
            "A session of the console (`__Host-backsoon-console` with https); changes also need the field x-csrf-token",
        );
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        for (status, description) in PROBLEMS {
            let content =
                Content::new(Some(RefOr::<utoipa::openapi::Schema>::Ref(Ref::from_schema_name("Problem"))));
            let problem =
                ResponseBuilder::new().description(description).content("application/problem+json", content);
            components.responses.insert(format!("Problem{status}"), RefOr::T(problem.build()));
        }
        for path in document.paths.paths.values_mut() {
            let operations =
                [&mut path.get, &mut path.post, &mut path.put, &mut path.patch, &mut path.delete];
            for operation in operations.into_iter().flatten() {
                for (status, _) in PROBLEMS {
                    let problem = RefOr::Ref(Ref::from_response_name(format!("Problem{status}")));
                    operation.responses.responses.entry(status.to_owned()).or_insert(problem);
                }
            }
        }
    }
}
