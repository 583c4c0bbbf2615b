//! ETags of the State, and changes that are made only to the State that their author has seen.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use backsoon::State;
use backsoon::control::{self, Opens, Outcome};
use http::request::Parts;
use http::{StatusCode, header};

use crate::caller::Caller;
use crate::client::one;
use crate::console::Desk;
use crate::problem::{Problem, Result};

/// `If-Match`, if it was sent: the change is made only to one of these States.
#[derive(Debug, Clone)]
pub(crate) struct IfMatch(Option<String>);

/// Lineage and revision: equal tags are equal States.
pub(crate) fn etag(state: &State) -> String {
    match state.revision {
        0 => "\"0\"".to_owned(),
        revision => format!("\"{}-{revision}\"", state.lineage),
    }
}

// === impl IfMatch ===

impl FromRequestParts<Arc<Desk>> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Desk>) -> Result<Self> {
        if !parts.headers.contains_key(header::IF_MATCH) {
            return Ok(Self(None));
        }
        let tags = one(&parts.headers, header::IF_MATCH.as_str()).map(str::to_owned);
        let way_out = "If-Match is sent once, with the ETag of GET /api/v1/state";
        tags.map(|tags| Self(Some(tags))).ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, way_out))
    }
}

impl IfMatch {
    /// Whatever the State is.
    pub(crate) fn any() -> Self {
        Self(None)
    }

    /// The State of this tag.
    pub(crate) fn only(tag: &str) -> Self {
        Self(Some(tag.to_owned()))
    }

    fn check(&self, state: &State) -> Result<()> {
        let Some(tags) = &self.0 else { return Ok(()) };
        let now = etag(state);
        if tags.split(',').map(str::trim).any(|tag| tag == "*" || tag == now) {
            return Ok(());
        }
        let detail =
            format!("the state has changed meanwhile (it is {now} now): look again, and decide again");
        Err(Problem { etag: Some(now), ..Problem::new(StatusCode::PRECONDITION_FAILED, detail) })
    }
}

impl Desk {
    /// Changes the State in the name of `caller`, if it is the one that they have seen.
    pub(crate) async fn change(
        &self,
        caller: &Caller,
        seen: &IfMatch,
        note: &str,
        edit: impl FnMut(&mut State) -> Result<()>,
    ) -> Result<Outcome> {
        self.open(caller, seen, Opens::Nothing, note, edit).await
    }

    /// [`Desk::change`] that is made to open something.
    pub(crate) async fn open(
        &self,
        caller: &Caller,
        seen: &IfMatch,
        opens: Opens,
        note: &str,
        mut edit: impl FnMut(&mut State) -> Result<()>,
    ) -> Result<Outcome> {
        let (mut refused, mut before) = (None, None);
        let control = self.control(caller).opening(opens);
        let outcome = control.update(note, |state| {
            before = Some(state.clone());
            let done = seen.check(state).and_then(|()| edit(state));
            refused = done.as_ref().err().cloned();
            done.map_err(|problem| problem.detail)
        });
        match (outcome.await, refused) {
            (Err(control::Error::Refused(_)), Some(problem)) => Err(problem),
            (outcome, _) => {
                let outcome = outcome?;
                self.looks.forget();
                self.news.look_again();
                if let (Outcome::Written(state), Some(before)) = (&outcome, &before) {
                    self.keep_impacts(backsoon::impact::ended(before, state), state.clone());
                }
                self.since.learn(&control, outcome.state()).await;
                Ok(outcome)
            }
        }
    }
}
