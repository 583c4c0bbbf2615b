//! Who asks, and in which role. A handler that takes `Viewer`, `Operator` or `Admin` is only reached by those.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use backsoon::store;
use http::request::Parts;
use http::{HeaderMap, header};

use crate::client::{Client, Scheme, Trust, one};
use crate::console::Desk;
use crate::guard::is_vouched_for;
use crate::known::Vouched;
use crate::people::secret::{Digest, fingerprint};
use crate::people::{Role, Secret, UserName};
use crate::problem::{Problem, Result};
use crate::seats::Errand;
use crate::sessions::{Session, Via};

/// The field in which a script of our own pages shows that it could read them.
pub const CSRF: &str = "x-csrf-token";

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

/// Somebody who may look.
pub(crate) struct Viewer(pub(crate) Caller);
/// Somebody who may close and reopen.
pub(crate) struct Operator(pub(crate) Caller);
/// Somebody who may decide who may do what.
pub(crate) struct Admin(pub(crate) Caller);

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
        let caller = vouched(bearer(parts)?, desk, &client).await??;
        at_work(parts);
        Ok(caller)
    }

    /// What a form of this session has to send along.
    pub(crate) fn csrf(&self) -> Option<Digest> {
        match &self.how {
            How::Session(secret) => Some(secret.digest("csrf")),
            How::Token(_) | How::Proxy => None,
        }
    }

    /// Whether `shown` proves that a page of ours asks.
    pub(crate) fn check_csrf(&self, parts: &Parts, shown: Option<&str>) -> Result<()> {
        let fits = match &self.how {
            // Browsers send no token by themselves.
            How::Token(_) => true,
            How::Session(secret) => {
                is_vouched_for(parts) && shown.is_some_and(|shown| secret.digest("csrf").is(shown))
            }
            How::Proxy => false,
        };
        if fits {
            return Ok(());
        }
        Err(Problem::forbidden(format!(
            "the proof that a page of this console asks is missing or old; load the page again (scripts send the field {CSRF})"
        )))
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
        let caller = Self::known(parts, desk).await?;
        at_work(parts);
        Ok(caller)
    }

    async fn known(parts: &Parts, desk: &Desk) -> Result<Self> {
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

/// It is known who asks, so their connection makes room for nobody before they have their answer.
fn at_work(parts: &Parts) {
    if let Some(errand) = parts.extensions.get::<Arc<Errand>>() {
        errand.vouch();
    }
}

fn unknown_token() -> Problem {
    Problem::unauthorized("this token is not known here, was revoked or has expired")
}

fn bearer(parts: &Parts) -> Result<&str> {
    let value = one(&parts.headers, header::AUTHORIZATION.as_str()).ok_or_else(unknown_token)?;
    let (scheme, text) = value.split_once(' ').ok_or_else(unknown_token)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(text.trim()) } else { Err(unknown_token()) }
}

async fn by_token(parts: &Parts, desk: &Desk, client: &Client) -> Result<Caller> {
    let text = bearer(parts)?;
    let vouched = vouched(text, desk, client).await;
    vouched.unwrap_or_else(|error| recalled(parts, desk, &fingerprint(text), client, error))
}

/// Whose token `text` is, as the store says.
async fn vouched(text: &str, desk: &Desk, client: &Client) -> store::Result<Result<Caller>> {
    let shown = fingerprint(text);
    let Some(token) = desk.tokens.verify(text).await? else {
        desk.known.forget(&shown);
        let attempt = desk.limits.wrong_token(client.address);
        let attempt =
            attempt.map_err(|wait| Problem::too_often(wait, "too many wrong tokens came from this address"));
        return Ok(attempt.and_then(|()| Err(unknown_token())));
    };
    let how = How::Token(token.id);
    let caller = Caller { name: token.name, role: token.role, how, from: client.address };
    desk.known.remember(&shown, &caller, Vouched::Here);
    Ok(Ok(caller))
}

async fn by_session(parts: &Parts, desk: &Desk, client: &Client, secret: Secret) -> Result<Option<Caller>> {
    let shown = secret.digest("known").as_str().to_owned();
    let found = match parts.extensions.get::<GoesOn>() {
        Some(GoesOn) => desk.sessions.look(&secret).await,
        None => desk.sessions.find(&secret).await,
    };
    let found = match found {
        Ok(Some(session)) => {
            let by = if session.via == Via::Proxy { Vouched::ByProxy } else { Vouched::Here };
            rightful(parts, desk, client, session).await.map(|who| who.map(|(name, role)| (name, role, by)))
        }
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    match found {
        Ok(Some((name, role, by))) => {
            let how = How::Session(secret);
            let caller = Caller { name: name.to_string(), role, how, from: client.address };
            desk.known.remember(&shown, &caller, by);
            Ok(Some(caller))
        }
        Ok(None) => {
            desk.known.forget(&shown);
            Ok(None)
        }
        Err(error) => recalled(parts, desk, &shown, client, error).map(Some),
    }
}

/// Whose session it is, and their role now; nobody's, if the user has gone or changed, or the proxy says no more.
async fn rightful(
    parts: &Parts,
    desk: &Desk,
    client: &Client,
    session: Session,
) -> store::Result<Option<(UserName, Role)>> {
    if session.via == Via::Proxy
        && told_by_proxy(&parts.headers, desk, client).as_ref() != Some(&session.name)
    {
        return Ok(None);
    }
    let user = desk.people.find(&session.name).await?;
    let role = match (user, session.via) {
        (Some(user), _) if user.generation == session.generation => user.role,
        (None, Via::Proxy) if session.generation.is_empty() => desk.options.identity_role,
        _ => return Ok(None),
    };
    Ok(Some((session.name, role)))
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

/// The role of somebody whom the proxy names, and the generation of their sessions.
pub(crate) async fn role_at_proxy(desk: &Desk, name: &UserName) -> store::Result<(Role, String)> {
    match desk.people.find(name).await {
        Ok(user) => {
            Ok(user.map_or((desk.options.identity_role, String::new()), |user| (user.role, user.generation)))
        }
        // Looking needs no more than the proxy's word.
        Err(_) => Ok((Role::Viewer, String::new())),
    }
}

/// Whom a trusted proxy names. From anybody else the field is worth nothing.
pub(crate) fn told_by_proxy(headers: &HeaderMap, desk: &Desk, client: &Client) -> Option<UserName> {
    let field = desk.options.identity_header.as_ref().filter(|_| client.trust == Trust::Proxy)?;
    one(headers, field.as_str())?.parse().ok()
}

/// The cookie's name. With https no other site, and nobody on the way, can set one that begins so (RFC 6265bis). It is not that
/// of passes: a browser sends its cookies to every port of a host, and one would replace the other.
pub(crate) fn cookie_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Https => "__Host-backsoon-console",
        Scheme::Http => "backsoon-console",
    }
}

/// The session's secret, if exactly one cookie of ours was sent and it can be one.
pub(crate) fn cookie(headers: &HeaderMap, scheme: Scheme) -> Option<Secret> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut ours = pairs.filter(|(name, _)| *name == cookie_name(scheme)).map(|(_, value)| value);
    let value = ours.next()?;
    if ours.next().is_some() { None } else { Secret::read(value) }
}

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
