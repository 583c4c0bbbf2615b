//! What the service refused, as a sentence with the way out.

use std::io;

use super::super::Error;
use super::service::Service;

/// Words that a service or the system says, and what to do about them. The first word that is found counts.
const WAYS_OUT: &[(&str, &str)] = &[
    ("NoSuchBucket", "make the bucket, or correct its name in the store's URL"),
    ("ContainerNotFound", "make the container, or correct its name in the store's URL"),
    ("SignatureDoesNotMatch", "the secret key is wrong: correct {credentials}"),
    ("InvalidAccessKeyId", "the key is unknown there: correct {credentials}"),
    ("169.254.169.254", "no credentials were found: set {credentials}"),
    ("metadata.google", "no credentials were found: set {credentials}"),
    ("redirect", "the bucket lies in another region: name it with ?region=NAME"),
    ("RequestTimeTooSkewed", "this machine's clock is wrong: set it"),
    ("URL scheme is not allowed", "for an endpoint without TLS add allow_http=true"),
    ("SlowDown", "the service asks for patience: try again in a moment"),
    ("refused", "start the service, or correct the endpoint in the store's URL"),
    ("dns error", "correct the endpoint or the region in the store's URL, or the name service"),
    (
        "certificate",
        "the endpoint's certificate is not trusted here: correct the endpoint, or the system's certificates",
    ),
    ("timed out", "it does not answer in time: look at the network; whether a write landed is not known"),
];

/// True if it is the bucket that is missing, and not the object.
pub(super) fn is_missing_bucket(error: &object_store::Error) -> bool {
    let said = deepest(error);
    said.contains("NoSuchBucket") || said.contains("ContainerNotFound")
}

pub(super) fn away(service: Service, url: &str, doing: &str, error: &object_store::Error) -> Error {
    let said = deepest(error);
    let denied = matches!(
        error,
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }
    );
    let found = WAYS_OUT.iter().find(|(word, _)| said.contains(word)).map(|(_, way_out)| *way_out);
    let way_out = match found {
        Some(way_out) => way_out,
        None if denied => {
            "these credentials may not do that: correct {credentials}, or let them get, put, delete and list objects there"
        }
        None => "look at the service, or choose another store with --store",
    };
    let way_out = way_out.replace("{credentials}", service.credentials());
    let source = io::Error::other(format!("{said}; {way_out}")).into();
    Error::Away { store: url.to_owned(), doing: doing.to_owned(), source }
}

/// No answer within the patience.
pub(super) fn timed_out() -> object_store::Error {
    object_store::Error::Generic { store: "object", source: "timed out after 10 s".into() }
}

/// The cause of the causes in one line: what stands above it tells of retries.
fn deepest(error: &object_store::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    let mut words = cause.to_string();
    while let Some(deeper) = cause.source() {
        cause = deeper;
        words = cause.to_string();
    }
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
