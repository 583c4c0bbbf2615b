//! Callers that are known by the cookie of their session.

use backsoon::store;
use http::request::Parts;
use http::{HeaderMap, header};

use super::proxy::told_by_proxy;
use super::{Caller, GoesOn, How, recalled};
use crate::client::{Client, Scheme};
use crate::console::Desk;
use crate::known::Vouched;
use crate::people::{Role, Secret, UserName};
use crate::problem::Result;
use crate::sessions::{Session, Via};

/// What a page that is only left open says when it loads itself again.
const LIVE: &str = "backsoon-live";

/// Whose session it is, or was while the store could say so; nobody's, if it is over.
pub(super) async fn by_session(
    parts: &Parts,
    desk: &Desk,
    client: &Client,
    secret: Secret,
) -> Result<Option<Caller>> {
    let shown = secret.digest("known").as_str().to_owned();
    let goes_on = parts.extensions.get::<GoesOn>().is_some() || parts.headers.contains_key(LIVE);
    let found = if goes_on { desk.sessions.look(&secret).await } else { desk.sessions.find(&secret).await };
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
