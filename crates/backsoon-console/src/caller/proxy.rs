//! Callers whom a trusted proxy names.

use backsoon::store;
use http::HeaderMap;

use crate::client::{Client, Trust, one};
use crate::console::Desk;
use crate::people::{Role, UserName};

/// Whom a trusted proxy names. From anybody else the field is worth nothing.
pub(crate) fn told_by_proxy(headers: &HeaderMap, desk: &Desk, client: &Client) -> Option<UserName> {
    let field = desk.options.identity_header.as_ref().filter(|_| client.trust == Trust::Proxy)?;
    one(headers, field.as_str())?.parse().ok()
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
