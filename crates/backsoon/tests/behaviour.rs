//! The behaviour table, run by the library and by axum in process.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use backsoon::adapters::{Peer, Scheme};
use backsoon::instance::UPCOMING_HEADER;
use backsoon::pass::PASS_HEADER;
use backsoon::testing::behaviour::{APPLICATION, Answer, Case, Sent, read};
use backsoon::{Admission, MaintenanceLayer, Permit, User};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt};

fn table() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/behaviour");
    let cases = read(&folder).unwrap();
    assert!(cases.len() >= 400, "the table has only {} rows", cases.len());
    cases
}

fn report(failures: Vec<String>, rows: usize) {
    assert!(failures.is_empty(), "{} of {rows} rows fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_row_has_a_name_of_its_own() {
    let cases = table();
    let names: std::collections::BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len());
}

#[tokio::test]
async fn the_library_behaves_as_the_table_says() {
    let cases = table();
    let mut failures = Vec::new();
    for case in &cases {
        let instance = case.instance().unwrap();
        let sent = &case.request;
        let mut request = backsoon::Request::new(&sent.method, &sent.host, &sent.path, &sent.headers);
        request.peer = sent.peer;
        let asked = AtomicUsize::new(0);
        let admission = instance
            .admit_as(&request, || {
                asked.fetch_add(1, Ordering::Relaxed);
                std::future::ready(sent.user())
            })
            .await;
        let asked = Some(asked.into_inner());
        let answer = match admission {
            Admission::Admitted(permit) => Answer {
                status: StatusCode::OK,
                headers: named(application_headers(), &permit),
                body: "".into(),
                cause: Some(permit.cause().clone()),
                asked,
            },
            Admission::Refused(reply, cause) => Answer {
                status: reply.status,
                headers: reply.header_map(),
                body: reply.body,
                cause: Some(cause),
                asked,
            },
        };
        failures.extend(case.check(&answer).err());
    }
    report(failures, cases.len());
}

#[test]
fn problem_details_are_what_their_schema_says() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/problem.schema.json");
    let schema: serde_json::Value = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let mut seen = 0;
    for case in table() {
        let headers = [("accept", "application/problem+json")];
        let sent = &case.request;
        let mut request = backsoon::Request::new(&sent.method, &sent.host, &sent.path, &headers);
        request.peer = sent.peer;
        let Some(Admission::Refused(reply, _)) = case.instance().unwrap().try_admit(&request) else {
            continue;
        };
        if reply.headers.get("content-type").is_none_or(|kind| kind != "application/problem+json")
            || reply.body.is_empty()
        {
            continue;
        }
        seen += 1;
        let problem: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        let flaws: Vec<String> = validator.iter_errors(&problem).map(|flaw| flaw.to_string()).collect();
        assert!(flaws.is_empty(), "{}: {flaws:?} in {problem}", case.name);
        // A member that the schema forgets would pass.
        for name in problem.as_object().unwrap().keys() {
            assert!(schema["properties"].get(name).is_some(), "the schema does not know `{name}`");
        }
    }
    assert!(seen > 100, "only {seen} replies were looked at");
    let wrong = serde_json::json!({"type": "about:blank", "title": "", "status": 200, "end": "tomorrow"});
    assert_eq!(validator.iter_errors(&wrong).count(), 4);
}

#[tokio::test]
async fn axum_behaves_as_the_table_says() {
    let cases = table();
    let mut failures = Vec::new();
    let mut rows = 0;
    for case in &cases {
        let Some(request) = request(&case.request) else { continue };
        rows += 1;
        let asked = Arc::new(AtomicUsize::new(0));
        let (counter, user) = (Arc::clone(&asked), case.request.user());
        let layer = MaintenanceLayer::new(case.instance().unwrap()).identify(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            async move { user }
        });
        let app = axum::Router::new().fallback(|| async { application_headers() });
        let response = layer.layer(app).oneshot(request).await.unwrap();
        failures.extend(case.check(&answer(response, Some(asked.load(Ordering::Relaxed))).await).err());
    }
    // The `http` crate has no URI for a target with raw backslashes, spaces and the like.
    assert!(cases.len() - rows <= 8, "{} rows could not be expressed", cases.len() - rows);
    report(failures, rows);
}

#[tokio::test]
async fn a_user_in_the_extensions_is_not_asked_for() {
    let case = table().into_iter().find(|case| case.name == "A rule for staff lets staff through").unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let layer = MaintenanceLayer::new(case.instance().unwrap()).identify(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        async { User::ANONYMOUS }
    });
    let app = layer.layer(axum::Router::new().fallback(|| async { application_headers() }));
    let mut request = request(&case.request).unwrap();
    request.extensions_mut().insert(User::STAFF);
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

fn application_headers() -> HeaderMap {
    HeaderMap::from_iter([(APPLICATION.parse().unwrap(), "here".parse().unwrap())])
}

/// What every face adds to the application's answer.
fn named(mut headers: HeaderMap, permit: &Permit) -> HeaderMap {
    if let Some(pass) = permit.pass() {
        headers.insert(PASS_HEADER, pass.parse().unwrap());
        headers.insert("cache-control", "private, no-store".parse().unwrap());
    }
    headers.extend(permit.upcoming().map(|upcoming| (UPCOMING_HEADER, upcoming.field().clone())));
    headers
}

fn request(sent: &Sent) -> Option<Request<Body>> {
    let mut request =
        Request::builder().method(sent.method.as_str()).uri(&sent.path).header("host", &sent.host);
    for (name, value) in &sent.headers {
        request = request.header(name, value);
    }
    let mut request = request.body(Body::empty()).ok()?;
    if let Some(peer) = sent.peer {
        request.extensions_mut().insert(Peer(peer));
    }
    Some(request)
}

async fn answer<B>(response: axum::http::Response<B>, asked: Option<usize>) -> Answer
where
    B: axum::body::HttpBody<Data = axum::body::Bytes>,
    B::Error: std::fmt::Debug,
{
    let cause = response.extensions().get().cloned();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body, cause, asked }
}

#[tokio::test]
async fn no_cache_keeps_what_a_pass_has_opened_whatever_the_application_says() {
    let case = table().into_iter().find(|case| case.name == "A valid pass goes through a closing").unwrap();
    let layer = MaintenanceLayer::new(case.instance().unwrap());
    let names = ["cache-control", "cdn-cache-control", "surrogate-control"];
    let app = layer.layer(
        axum::Router::new().fallback(move || async move { names.map(|name| (name, "public, max-age=600")) }),
    );
    let answer = app.oneshot(request(&case.request).unwrap()).await.unwrap();
    let said = names.map(|name| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()));
    assert_eq!(said, [Some("private, no-store".to_owned()), None, None]);
}

#[tokio::test]
async fn the_layer_knows_by_the_uri_or_the_extension_that_a_visitor_came_by_https() {
    let name = "The link of a pass sets a cookie and leads to the site";
    let case = table().into_iter().find(|case| case.name == name).unwrap();
    let cookie = async |request: Request<Body>| {
        let layer = MaintenanceLayer::new(case.instance().unwrap());
        let response = layer.layer(axum::Router::new()).oneshot(request).await.unwrap();
        response.headers()["set-cookie"].to_str().unwrap().to_owned()
    };
    assert!(cookie(request(&case.request).unwrap()).await.starts_with("backsoon=1."));
    let mut told = request(&case.request).unwrap();
    told.extensions_mut().insert(Scheme::Https);
    assert!(cookie(told).await.starts_with("__Host-backsoon=1."));
    let mut asked = request(&case.request).unwrap();
    *asked.uri_mut() = format!("https://{}{}", case.request.host, case.request.path).parse().unwrap();
    assert!(cookie(asked).await.starts_with("__Host-backsoon=1."));
}
