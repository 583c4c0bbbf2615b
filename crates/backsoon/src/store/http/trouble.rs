//! What went wrong on the way to a gate, or what it refused, as a sentence with the way out.

use std::io;

use reqwest::StatusCode;
use serde::Deserialize;

use super::super::Error;

/// No answer within the patience.
pub(super) const TIMED_OUT: &str = "timed out";

/// Somebody else answers there.
pub(super) const NOT_A_GATE: &str =
    "what answers there is not the console of a gate, or another version of it: correct the store's URL";

/// Words that the system or the gate says, and what to do about them. The first word that is found counts.
const WAYS_OUT: &[(&str, &str)] = &[
    (
        "UnknownIssuer",
        "its certificate is of an authority that this machine does not know: name the authority's file with ?cacert=/path/ca.pem",
    ),
    (
        "certificate",
        "its certificate is not good for this name: correct the host in the store's URL, or the certificate",
    ),
    ("refused", "start the gate with its console, or correct the host and the port in the store's URL"),
    ("failed to lookup", "correct the host in the store's URL, or its name service"),
    ("dns error", "correct the host in the store's URL, or its name service"),
    (
        TIMED_OUT,
        "it does not answer in time: look at the gate and the network; whether a write landed is not known",
    ),
    (
        "not known here",
        "`backsoon token new --role server` makes another one at the gate (`--role operator` for one who closes and reopens)",
    ),
];

/// The problem that a gate describes.
#[derive(Deserialize)]
struct Problem {
    detail: String,
}

pub(super) fn away(store: &str, doing: &str, said: &str) -> Error {
    let way_out = WAYS_OUT.iter().find(|(word, _)| said.contains(word)).map(|(_, way_out)| *way_out);
    let kind = if said == TIMED_OUT { io::ErrorKind::TimedOut } else { io::ErrorKind::Other };
    let sentence = way_out.map_or_else(|| said.to_owned(), |way_out| format!("{said}; {way_out}"));
    let source = io::Error::new(kind, sentence).into();
    Error::Away { store: store.to_owned(), doing: doing.to_owned(), source }
}

/// What an answer that is not the wanted one says.
pub(super) fn sentence(status: StatusCode, body: &[u8]) -> String {
    let problem: Option<Problem> = serde_json::from_slice(body).ok();
    match problem {
        Some(problem) => short(&problem.detail),
        None if status.is_redirection() => {
            format!(
                "it answers {status}, and redirects are not followed: name the console itself in the store's URL"
            )
        }
        None if status.is_server_error() => {
            format!("it answers {status}: look at the gate, and at the proxy before it")
        }
        None => format!("it answers {status}: {NOT_A_GATE}"),
    }
}

/// The cause of the causes in one line: what stands above it has the URL.
pub(super) fn deepest(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return TIMED_OUT.to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    short(&cause.to_string())
}

/// One line, and not too long a one.
fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
