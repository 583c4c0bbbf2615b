//! `GET /me`: who asks, as the console sees it.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::{How, Viewer};
use crate::people::Role;

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MeView {
    /// Their name, or the token's.
    name: String,
    /// What they may do now. While the store is away nobody may do more than look.
    role: Role,
    /// session, token or proxy.
    how: &'static str,
    /// From which address they ask.
    #[schema(value_type = String)]
    address: std::net::IpAddr,
    /// How their changes are signed.
    signature: String,
    /// What changes of the State end with in their signature when they are written by `/store/state`; for tokens alone.
    mark: Option<String>,
    /// What scripts of this session send as `x-csrf-token` with every change.
    csrf: Option<String>,
}

/// Who asks, in which role and from where.
#[utoipa::path(get, path = "/api/v1/me", operation_id = "get_me", tag = "people", responses((status = 200, body = MeView)))]
pub(crate) async fn read(Viewer(caller): Viewer) -> Json<MeView> {
    Json(MeView {
        how: match caller.how {
            How::Session(_) => "session",
            How::Token(_) => "token",
            How::Proxy => "proxy",
        },
        signature: caller.signature(),
        mark: caller.mark(),
        csrf: caller.csrf().map(|digest| digest.as_str().to_owned()),
        address: caller.from,
        role: caller.role,
        name: caller.name,
    })
}
