//! Signing in and out, and the first admin.
//!
//! - A session is new with every sign-in, so a cookie that somebody planted before is worth nothing afterwards.
//! - Nobody learns which names there are: neither from the words nor from the time.
//! - Attempts are counted per address and per name, before any password is hashed.

use std::sync::Arc;

use axum::extract::State as Desks;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use minijinja::context;
use serde::Deserialize;

use crate::caller::{How, client, cookie, cookie_name};
use crate::client::{Client, Scheme};
use crate::console::Desk;
use crate::form::{Asked, Checked, Plain};
use crate::guard::is_vouched_for;
use crate::pages::page;
use crate::people::{Secret, UserName};
use crate::problem::{Problem, Result};
use crate::sessions::{Via, Whence};

/// What somebody types who has an account.
#[derive(Deserialize)]
pub(crate) struct SignIn {
    name: String,
    password: String,
}

/// The secret of a first link.
#[derive(Deserialize)]
pub(crate) struct Key {
    #[serde(default)]
    key: String,
}

/// What the first admin types.
#[derive(Deserialize)]
pub(crate) struct Welcome {
    key: String,
    name: String,
    password: String,
}

/// Nothing but the proof of a page.
#[derive(Deserialize)]
pub(crate) struct Nothing {}

/// `GET /sign-in`
pub(crate) async fn form(Desks(desk): Desks<Arc<Desk>>) -> Response {
    page(&desk, StatusCode::OK, "sign-in.html", context! {})
}

/// `POST /sign-in`
pub(crate) async fn sign_in(
    Desks(desk): Desks<Arc<Desk>>,
    parts: Parts,
    Plain(typed): Plain<SignIn>,
) -> Result<Response> {
    let client = client(&parts)?;
    must_be_vouched_for(&parts)?;
    let too_often = |wait| Problem::too_often(wait, "too many attempts to sign in");
    desk.limits.attempt(client.address).map_err(too_often)?;
    let name = typed.name.trim().parse::<UserName>().ok();
    if let Some(name) = &name {
        desk.limits.attempt_for(name).map_err(too_often)?;
    }
    let Some(user) = desk.people.sign_in(name.as_ref(), typed.password).await? else {
        tracing::warn!(from = %client.address, "somebody tried to sign in, and the name or the password was wrong");
        let why = "The name or the password is wrong.";
        return Ok(page(&desk, StatusCode::UNAUTHORIZED, "sign-in.html", context! { why }));
    };
    tracing::info!(user = %user.name, from = %client.address, "signed in");
    begin(&desk, &parts.headers, &client, user.name, user.generation).await
}

/// `POST /sign-out`
pub(crate) async fn sign_out(
    Desks(desk): Desks<Arc<Desk>>,
    parts: Parts,
    Checked(caller, Nothing {}): Checked<Nothing>,
) -> Result<Response> {
    if let How::Session(secret) = &caller.how {
        desk.sessions.end(secret).await?;
    }
    Ok(gone(&client(&parts)?))
}

/// `POST /sign-out-everywhere`
pub(crate) async fn sign_out_everywhere(
    Desks(desk): Desks<Arc<Desk>>,
    parts: Parts,
    Checked(caller, Nothing {}): Checked<Nothing>,
) -> Result<Response> {
    if let How::Session(secret) = &caller.how {
        desk.sessions.end(secret).await?;
        if let Ok(name) = caller.name.parse()
            && desk.people.find(&name).await?.is_some()
        {
            desk.people.end_sessions(&name).await?;
        }
    }
    Ok(gone(&client(&parts)?))
}

/// `GET /welcome`: looking at a link uses nothing up, since mail programs and messengers look at links, too.
pub(crate) async fn welcome(
    Desks(desk): Desks<Arc<Desk>>,
    parts: Parts,
    Asked(Key { key }): Asked<Key>,
) -> Result<Response> {
    let secret = read_key(&desk, &client(&parts)?, &key)?;
    if !desk.people.is_valid(&secret).await? {
        return Err(crate::people::NotDone::NoLink.into());
    }
    Ok(page(&desk, StatusCode::OK, "welcome.html", context! { key }))
}

/// `POST /welcome`
pub(crate) async fn first_admin(
    Desks(desk): Desks<Arc<Desk>>,
    parts: Parts,
    Plain(typed): Plain<Welcome>,
) -> Result<Response> {
    let client = client(&parts)?;
    must_be_vouched_for(&parts)?;
    let secret = read_key(&desk, &client, &typed.key)?;
    let again = |why: String| {
        let (key, name) = (&typed.key, &typed.name);
        page(&desk, StatusCode::UNPROCESSABLE_ENTITY, "welcome.html", context! { key, name, why })
    };
    let name = match typed.name.trim().parse::<UserName>() {
        Ok(name) => name,
        Err(error) => return Ok(again(error.to_string())),
    };
    match desk.people.use_link(&secret, name, typed.password.clone(), client.address).await {
        Ok(user) => {
            tracing::info!(user = %user.name, from = %client.address, "the first admin was made");
            begin(&desk, &parts.headers, &client, user.name, user.generation).await
        }
        Err(crate::people::NotDone::Weak(why)) => Ok(again(why.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// A new session.
pub(crate) async fn session(
    desk: &Desk,
    headers: &HeaderMap,
    client: &Client,
    name: UserName,
    generation: String,
    via: Via,
) -> Result<Secret> {
    let whence = Whence::of(client.address, headers);
    Ok(desk.sessions.begin(name, generation, via, whence).await?)
}

/// The cookie of a session.
pub(crate) fn session_cookie(desk: &Desk, client: &Client, secret: &Secret) -> HeaderValue {
    let lasts = desk.options.absolute.as_secs();
    set_cookie(client, &format!("{}; Max-Age={lasts}", secret.reveal()))
}

async fn begin(
    desk: &Desk,
    headers: &HeaderMap,
    client: &Client,
    name: UserName,
    generation: String,
) -> Result<Response> {
    if let Some(before) = cookie(headers, client.scheme) {
        desk.sessions.end(&before).await?;
    }
    let secret = session(desk, headers, client, name, generation, Via::Password).await?;
    let cookie = session_cookie(desk, client, &secret);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

pub(crate) fn gone(client: &Client) -> Response {
    ([(header::SET_COOKIE, set_cookie(client, "; Max-Age=0"))], Redirect::to("/sign-in")).into_response()
}

fn set_cookie(client: &Client, value: &str) -> HeaderValue {
    let secure = if client.scheme == Scheme::Https { "; Secure" } else { "" };
    let cookie = format!("{}={value}; Path=/; HttpOnly; SameSite=Strict{secure}", cookie_name(client.scheme));
    // Base64url and our own words are visible ASCII.
    HeaderValue::try_from(cookie).unwrap_or(HeaderValue::from_static("backsoon-console=; Max-Age=0; Path=/"))
}

/// Before there is a session, the browser's own word must do.
fn must_be_vouched_for(parts: &Parts) -> Result<()> {
    match is_vouched_for(parts) {
        true => Ok(()),
        false => Err(Problem::forbidden("this form is for browsers; programs send a token")),
    }
}

fn read_key(desk: &Desk, client: &Client, key: &str) -> Result<Secret> {
    let attempt = desk.limits.attempt(client.address);
    attempt.map_err(|wait| Problem::too_often(wait, "too many links were tried from this address"))?;
    Secret::read(key).ok_or_else(|| crate::people::NotDone::NoLink.into())
}
