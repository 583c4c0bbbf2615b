//! Sessions of those whom a trusted proxy names and whose browsers show no cookie: one for each person and address, however
//! often they ask, so that nobody fills the store who only loads a page.

use std::collections::HashMap;
use std::net::IpAddr;

use http::HeaderMap;
use tokio::sync::Mutex;

use crate::client::Client;
use crate::console::Desk;
use crate::people::{Secret, UserName};
use crate::problem::Result;
use crate::sessions::Via;
use crate::sign_in;

/// More than this are forgotten; they end by themselves.
const MANY: usize = 1_000;

/// The sessions that were begun on a proxy's word by this console.
#[derive(Debug, Default)]
pub(crate) struct Named(Mutex<HashMap<(UserName, IpAddr), Secret>>);

// === impl Named ===

impl Named {
    /// The session of `name` at this address; a new one if there is none that goes on.
    pub(crate) async fn session(
        &self,
        desk: &Desk,
        headers: &HeaderMap,
        client: &Client,
        name: UserName,
        generation: String,
    ) -> Result<Secret> {
        let mut named = self.0.lock().await;
        let whose = (name.clone(), client.address);
        if let Some(secret) = named.get(&whose)
            && let Some(session) = desk.sessions.look(secret).await?
            && session.generation == generation
        {
            return Ok(secret.clone());
        }
        let secret = sign_in::session(desk, headers, client, name, generation, Via::Proxy).await?;
        if named.len() >= MANY {
            named.clear();
        }
        named.insert(whose, secret.clone());
        Ok(secret)
    }
}
