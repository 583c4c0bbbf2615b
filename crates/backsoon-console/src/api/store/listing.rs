//! `GET /store`: all entries below a prefix.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Desks;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::tag::written;
use super::{Server, key, marked};
use crate::console::Desk;
use crate::form::Asked;
use crate::problem::Result;

/// What is to be listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Below {
    /// What the keys begin with; all keys unless given.
    #[serde(default)]
    prefix: String,
}

/// Entries of the store.
#[derive(Serialize, ToSchema)]
pub(crate) struct StoredListView {
    /// In the order of the keys' bytes.
    entries: Vec<StoredView>,
}

/// One value in the store.
#[derive(Serialize, ToSchema)]
pub(crate) struct StoredView {
    /// The key it is filed under.
    key: String,
    /// What stands between the quotes of its ETag.
    version: String,
    /// Its bytes in base64.
    #[schema(format = Byte)]
    value: String,
}

/// Every entry whose key begins with the prefix.
#[utoipa::path(get, path = "/api/v1/store", operation_id = "list_entries", tag = "store", params(Below),
    responses((status = 200, body = StoredListView)))]
pub(crate) async fn list(
    Desks(desk): Desks<Arc<Desk>>,
    Server(_): Server,
    Asked(below): Asked<Below>,
) -> Result<Response> {
    key::check_listed(&below.prefix)?;
    let entries = desk.store.list(&below.prefix).await?;
    let reached = entries.into_iter().filter(|entry| key::allowed(&entry.key).is_some());
    let entries = reached.map(|entry| StoredView {
        version: written(&entry.version),
        value: STANDARD.encode(&entry.value),
        key: entry.key,
    });
    Ok(marked(Json(StoredListView { entries: entries.collect() }), "entries"))
}
