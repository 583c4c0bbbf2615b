//! What clients send, read strictly: JSON for the API, and forms that a page of ours has made.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::caller::Caller;
use crate::console::Desk;
use crate::problem::{Problem, Result};

/// How long a form from before there is a session may take to come.
const FORM: Duration = Duration::from_secs(5);

/// A JSON document.
pub(crate) struct Json<T>(pub(crate) T);
/// What stands behind `?`.
pub(crate) struct Asked<T>(pub(crate) T);
/// A part of the path.
pub(crate) struct Part(pub(crate) String);
/// A form of a page that its sender could read, and the sender.
pub(crate) struct Checked<T>(pub(crate) Caller, pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Desk>> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, desk: &Arc<Desk>) -> Result<Self> {
        Ok(Self(axum::Json::<T>::from_request(request, desk).await?.0))
    }
}

impl<T: DeserializeOwned> FromRequestParts<Arc<Desk>> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self> {
        Ok(Self(Query::<T>::from_request_parts(parts, desk).await?.0))
    }
}

impl FromRequestParts<Arc<Desk>> for Part {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self> {
        Ok(Self(Path::<String>::from_request_parts(parts, desk).await?.0))
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Desk>> for Checked<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, desk: &Arc<Desk>) -> Result<Self> {
        #[derive(Deserialize)]
        struct Proof {
            csrf: Option<String>,
        }
        let (parts, body) = request.into_parts();
        let caller = Caller::of(&parts, desk).await?;
        let kept = parts.clone();
        let bytes = bytes::Bytes::from_request(Request::from_parts(parts, body), desk).await;
        let bytes = bytes.map_err(|error| Problem::new(error.status(), error.body_text()))?;
        let again = || Request::from_parts(kept.clone(), axum::body::Body::from(bytes.clone()));
        let proof = axum::Form::<Proof>::from_request(again(), desk).await?.0;
        caller.check_csrf(&kept, proof.csrf.as_deref())?;
        Ok(Self(caller, axum::Form::<T>::from_request(again(), desk).await?.0))
    }
}

/// A form from before there is a session.
pub(crate) struct Plain<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Desk>> for Plain<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, desk: &Arc<Desk>) -> Result<Self> {
        let form = timeout(FORM, axum::Form::<T>::from_request(request, desk)).await;
        let form = form.map_err(|_| {
            let detail = format!("the form did not come within {} s; load the page again", FORM.as_secs());
            Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
        })?;
        Ok(Self(form?.0))
    }
}
