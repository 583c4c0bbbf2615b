//! The document about the API says what there is, and is checked in as it is served.

use super::ground::Ground;

#[tokio::test]
async fn the_document_that_is_served_is_the_one_that_is_checked_in() {
    let ground = Ground::new().await;
    let served = ground.get("/api/v1/openapi.json", &[]).await;
    assert_eq!((served.status, served.headers["content-type"].as_str()), (200, "application/json"));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/openapi.json");
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        served.body == checked_in,
        "spec/openapi.json is old: cargo run -p backsoon-console --example openapi"
    );
}

#[test]
fn every_operation_is_named_described_and_may_fail_in_the_same_form() {
    let document: serde_json::Value = serde_json::from_str(&backsoon_console::openapi::document()).unwrap();
    let mut names = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(!names.contains(&name), "{method} {path}: two are called {name}");
            names.push(name);
            assert!(operation["summary"].is_string(), "{method} {path}");
            let problem = &operation["responses"]["401"]["$ref"];
            assert_eq!(problem, "#/components/responses/Problem401", "{method} {path}");
        }
    }
    let problem = &document["components"]["responses"]["Problem401"]["content"]["application/problem+json"];
    assert_eq!(problem["schema"]["$ref"], "#/components/schemas/Problem");
}
