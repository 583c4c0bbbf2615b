//! Who asks, and in which role. A handler that takes `Viewer`, `Operator` or `Admin` is only reached by those.

mod csrf;
mod proxy;
mod roles;
mod session;
mod token;

use std::net::IpAddr;

use backsoon::store;
use http::header;
use http::request::Parts;

pub use self::csrf::CSRF;
pub(crate) use self::proxy::{role_at_proxy, told_by_proxy};
pub(crate) use self::roles::{Admin, Operator, Viewer};
use self::session::by_session;
pub(crate) use self::session::{cookie, cookie_name};
use self::token::{bearer, by_token, vouched};
use crate::client::Client;
use crate::console::Desk;
use crate::known::Vouched;
use crate::people::{Role, Secret};
use crate::problem::{Problem, Result};

/// Somebody whom the console knows.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Their name, or the token's.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// How they are known.
    pub how: How,
    /// From which address they ask.
    pub from: IpAddr,
}

/// How somebody is known.
#[derive(Debug, Clone)]
pub enum How {
    /// By a session's cookie.
    Session(Secret),
    /// By a bearer token of this id.
    Token(String),
    /// By a trusted proxy's word, with no session yet.
    Proxy,
}

/// In the extensions of a request that goes on by itself: whether its sender may go on is asked, and is no use of a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GoesOn;

// === impl Caller ===

impl Caller {
    /// How changes are signed: `ada via console from 10.0.0.7`.
    pub fn signature(&self) -> String {
        match &self.how {
            How::Token(id) => format!("{} (token {id}) via API from {}", self.name, self.from),
            How::Session(_) | How::Proxy => format!("{} via console from {}", self.name, self.from),
        }
    }

    /// What the signatures of changes end with that are made elsewhere and written here as they are.
    pub(crate) fn mark(&self) -> Option<String> {
        match &self.how {
            How::Token(id) => Some(format!("token {} ({id})", self.name)),
            How::Session(_) | How::Proxy => None,
        }
    }

    /// Who sends this request, by a token that the store vouches for now: for what needs the store anyway, and what no
    /// browser is to do.
    ///
    /// # Errors
    /// 401 without a token that is known, 503 when the store is away.
    pub(crate) async fn by_token(parts: &Parts, desk: &Desk) -> Result<Self> {
        let client = client(parts)?;
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Err(Problem::unauthorized(
                "this is for tokens alone, and none was sent: `Authorization: Bearer bst_…`",
            ));
        }
        vouched(bearer(parts)?, desk, &client).await?
    }

    /// Checks the role.
    pub(crate) fn must_be(&self, role: Role) -> Result<()> {
        if self.role >= role {
            return Ok(());
        }
        Err(Problem::forbidden(format!("this needs the role {role}, and {} is {}", self.name, self.role)))
    }

    /// Who sends this request.
    ///
    /// # Errors
    /// 401 when nobody is known by what was shown, 503 when the store that knows is away.
    pub(crate) async fn of(parts: &Parts, desk: &Desk) -> Result<Self> {
        let client = client(parts)?;
        if parts.headers.contains_key(header::AUTHORIZATION) {
            return by_token(parts, desk, &client).await;
        }
        if let Some(secret) = cookie(&parts.headers, client.scheme)
            && let Some(caller) = by_session(parts, desk, &client, secret).await?
        {
            return Ok(caller);
        }
        if let Some(name) = told_by_proxy(&parts.headers, desk, &client) {
            let (role, _) = role_at_proxy(desk, &name).await?;
            return Ok(Self { name: name.to_string(), role, how: How::Proxy, from: client.address });
        }
        Err(Problem::unauthorized(
            "nobody has signed in; sign in, or send a token: `Authorization: Bearer bst_…`",
        ))
    }
}

/// What the guard has found out.
pub(crate) fn client(parts: &Parts) -> Result<Client> {
    let client = parts.extensions.get::<Client>().cloned();
    client.ok_or_else(|| Problem::new(http::StatusCode::INTERNAL_SERVER_ERROR, "the guard was left out"))
}

/// Whom this console knew by what was shown, while the store that knows is away.
fn recalled(parts: &Parts, desk: &Desk, shown: &str, client: &Client, error: store::Error) -> Result<Caller> {
    let is_named = |caller: &Caller| {
        told_by_proxy(&parts.headers, desk, client).is_some_and(|name| name.as_str() == caller.name)
    };
    let known = desk.known.recall(shown).filter(|(caller, by)| *by == Vouched::Here || is_named(caller));
    let (caller, _) = known.ok_or_else(|| Problem::from(error))?;
    Ok(Caller { from: client.address, ..caller })
}
