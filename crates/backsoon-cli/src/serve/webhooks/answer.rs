//! One try: what is sent, and what came back.

use std::error::Error as _;
use std::time::Duration;

use backsoon::time::Timestamp;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};

use super::hook::Hook;

/// So much of an answer is read, in bytes: enough for a complaint.
const MOST: usize = 4 * 1024;

/// What came back of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) meaning: Meaning,
    /// `503 Service Unavailable`, or why there was no answer; without anything secret.
    pub(crate) words: String,
    /// The beginning of what the receiver said. It is shown to whoever tries a hook out, and kept nowhere.
    pub(crate) said: String,
}

/// What it means for the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The receiver has it.
    Delivered,
    /// The receiver wants no more of it.
    Gone,
    /// It is to be tried again, not sooner than the receiver asked for.
    Again(Option<Duration>),
}

/// Sends `body` to `hook` once, signed anew.
pub(crate) async fn send(hook: &Hook, id: &str, body: &str) -> Answer {
    let seconds = Timestamp::now().as_millis().div_euclid(1_000);
    let mut request = hook
        .client
        .post(hook.url())
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds.to_string());
    if let Some(key) = &hook.key {
        request = request.header("webhook-signature", key.sign(id, seconds, body));
    }
    match request.body(body.to_owned()).send().await {
        Ok(mut answer) => {
            let (status, meaning) = (answer.status(), meaning(answer.status(), answer.headers()));
            let mut said = Vec::new();
            // What goes wrong from here on changes nothing: the status has come.
            while let Ok(Some(some)) = answer.chunk().await {
                said.extend_from_slice(&some);
                if said.len() >= MOST {
                    said.truncate(MOST);
                    break;
                }
            }
            Answer { meaning, words: status.to_string(), said: String::from_utf8_lossy(&said).into_owned() }
        }
        // Its URL may be a secret.
        Err(error) => {
            Answer { meaning: Meaning::Again(None), words: chain(&error.without_url()), said: String::new() }
        }
    }
}

fn meaning(status: StatusCode, headers: &HeaderMap) -> Meaning {
    match status {
        status if status.is_success() => Meaning::Delivered,
        StatusCode::GONE => Meaning::Gone,
        _ => Meaning::Again(headers.get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?))),
    }
}

/// Seconds, or a date (RFC 9110 §10.2.3).
fn retry_after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value.trim()).ok()?.timestamp();
    Some(Timestamp::from_millis(date.as_millisecond()).since(Timestamp::now()))
}

/// The whole chain of causes, for the first of them says nothing.
fn chain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".into();
    }
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(why) = cause {
        let why_in_words = why.to_string();
        if !words.contains(&why_in_words) {
            words = format!("{words}: {why_in_words}");
        }
        cause = why.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_means() {
        let of = |status: u16, after: Option<&str>| {
            let headers = after.map(|after| (RETRY_AFTER, after.parse().unwrap())).into_iter().collect();
            meaning(StatusCode::from_u16(status).unwrap(), &headers)
        };
        assert_eq!(
            [of(200, None), of(204, None), of(410, None)],
            [Meaning::Delivered, Meaning::Delivered, Meaning::Gone]
        );
        for status in [302, 400, 404, 429, 500, 503] {
            assert_eq!(of(status, None), Meaning::Again(None), "{status}");
        }
        assert_eq!(of(429, Some("7")), Meaning::Again(Some(Duration::from_secs(7))));
        assert_eq!(of(503, Some("Fri, 20 Nov 2020 12:00:00 GMT")), Meaning::Again(Some(Duration::ZERO)));
        assert_eq!(of(503, Some("soon")), Meaning::Again(None));
    }
}
