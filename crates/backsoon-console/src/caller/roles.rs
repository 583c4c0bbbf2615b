//! The roles that handlers name in their signatures.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::Caller;
use super::csrf::CSRF;
use crate::client::one;
use crate::console::Desk;
use crate::people::Role;
use crate::problem::{Problem, Result};

/// Somebody who may look.
pub(crate) struct Viewer(pub(crate) Caller);
/// Somebody who may close and reopen.
pub(crate) struct Operator(pub(crate) Caller);
/// Somebody who may decide who may do what.
pub(crate) struct Admin(pub(crate) Caller);

macro_rules! roles {
    ($($who:ident),*) => {$(
        impl FromRequestParts<Arc<Desk>> for $who {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self> {
                let caller = Caller::of(parts, desk).await?;
                caller.must_be(Role::$who)?;
                if !matches!(parts.method.as_str(), "GET" | "HEAD" | "OPTIONS") {
                    caller.check_csrf(parts, one(&parts.headers, CSRF))?;
                }
                Ok(Self(caller))
            }
        }
    )*};
}

roles!(Viewer, Operator, Admin);
