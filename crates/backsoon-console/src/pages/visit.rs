//! Somebody who looks at a page, with what every page shows of them.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use minijinja::{Value, context};

use super::page;
use crate::caller::{Caller, How, client, role_at_proxy};
use crate::console::Desk;
use crate::people::Role;
use crate::problem::{Problem, Result};
use crate::sign_in::session_cookie;

/// Who looks at a page. Forms need a session, so whoever has none and is named by a proxy gets one.
pub(crate) struct Visit {
    pub(crate) caller: Caller,
    csrf: Option<String>,
    cookie: Option<HeaderValue>,
}

// === impl Visit ===

impl FromRequestParts<Arc<Desk>> for Visit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self> {
        let mut visit = Self::of(Caller::of(parts, desk).await?);
        if let (How::Proxy, Ok(name)) = (&visit.caller.how, visit.caller.name.parse()) {
            let (_, generation) = role_at_proxy(desk, &name).await?;
            let client = client(parts)?;
            // While the store is away there is none, and nothing to be changed either.
            if let Ok(secret) = desk.named.session(desk, &parts.headers, &client, name, generation).await {
                visit.csrf = Some(secret.digest("csrf").as_str().to_owned());
                visit.cookie = Some(session_cookie(desk, &client, &secret));
            }
        }
        Ok(visit)
    }
}

impl Visit {
    /// Somebody who has sent a form.
    pub(crate) fn of(caller: Caller) -> Self {
        let csrf = caller.csrf().map(|digest| digest.as_str().to_owned());
        Self { caller, csrf, cookie: None }
    }

    /// The page `name`, in the frame of whoever has signed in.
    pub(crate) fn page(self, desk: &Desk, status: StatusCode, name: &str, values: Value) -> Response {
        let role = self.caller.role;
        let values = context! {
            me => self.caller.name, role => role.as_str(), csrf => self.csrf, here => name,
            may_change => role >= Role::Operator, is_admin => role >= Role::Admin,
            ..values
        };
        let mut answer = page(desk, status, name, values);
        if let Some(cookie) = self.cookie {
            answer.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        answer
    }
}
