//! The changes themselves, as the API makes them and as the pages rehearse them.

use std::time::Duration;

use backsoon::control::Opens;
use backsoon::document::{Added, Amendment, WindowId};
use backsoon::fleet::Roster;
use backsoon::time::Timestamp;
use backsoon::{Host, State, Window};

use super::body::{AmendBody, CloseBody, ReopenBody};
use super::done::Done;
use super::meant::{named, texts};
use crate::api::matching::IfMatch;
use crate::caller::Caller;
use crate::console::Desk;
use crate::problem::{Problem, Result};

// === impl Desk ===

impl Desk {
    /// Adds a window to each site.
    pub(crate) async fn close(&self, caller: &Caller, seen: &IfMatch, body: CloseBody) -> Result<Done> {
        let now = Timestamp::now();
        let (may_be_new, called) = (body.new_site, body.called.clone());
        let (closing, sites) = body.read()?;
        let wanted = closing
            .window(&caller.signature(), now)
            .map_err(|why| Problem::unprocessable(why.to_string()))?;
        let roster = Roster::observe(&*self.store, Duration::ZERO).await?;
        let mut windows = Vec::new();
        let line = closing.line(&sites);
        let outcome = self.change(caller, seen, &line, |state| {
            windows.clear();
            for host in &sites {
                if !may_be_new {
                    roster
                        .knows(state, host)
                        .map_err(|why| Problem::unprocessable(format!("{why} (`new_site` makes it)")))?;
                }
                windows.push((host.clone(), close_as(state, host, &wanted, called.as_ref(), now)));
            }
            Ok(())
        });
        let outcome = outcome.await?;
        Ok(Done { outcome, windows })
    }

    /// Changes what is named about one window.
    pub(crate) async fn amend(
        &self,
        caller: &Caller,
        seen: &IfMatch,
        id: &WindowId,
        body: AmendBody,
    ) -> Result<Done> {
        let (amendment, now) = (body.read()?, Timestamp::now());
        let mut windows = Vec::new();
        let line = format!("amend window {id}");
        let outcome = self.change(caller, seen, &line, |state| {
            windows = vec![amended(state, id, &amendment, now)?];
            Ok(())
        });
        let outcome = outcome.await?;
        Ok(Done { outcome, windows })
    }

    /// Ends one window.
    pub(crate) async fn end(&self, caller: &Caller, seen: &IfMatch, id: &WindowId) -> Result<Done> {
        let mut windows = Vec::new();
        let line = format!("off, window {id}");
        let outcome = self.change(caller, seen, &line, |state| {
            windows = vec![state.end_window(id).ok_or_else(|| Problem::not_found(state.no_window(id)))?];
            Ok(())
        });
        let outcome = outcome.await?;
        Ok(Done { outcome, windows })
    }

    /// Ends the operators' windows of the sites named, or of all.
    pub(crate) async fn reopen(
        &self,
        caller: &Caller,
        seen: &IfMatch,
        body: &ReopenBody,
    ) -> Result<(Done, Vec<Host>)> {
        let now = Timestamp::now();
        texts([Some(&body.note), None])?;
        let asked = body.sites.as_deref().map(named).transpose()?;
        let line = match &asked {
            Some(sites) => format!("off {}", sites.iter().map(Host::as_str).collect::<Vec<_>>().join(", ")),
            None => "off, all sites".to_owned(),
        };
        let line = if body.note.is_empty() { line } else { format!("{line}: {}", body.note) };
        let scheduled = body.scheduled();
        let roster = Roster::observe(&*self.store, Duration::ZERO).await?;
        let (mut windows, mut hosts) = (Vec::new(), Vec::new());
        let opens = asked.clone().map_or(Opens::Everything, Opens::Sites);
        let outcome = self.open(caller, seen, opens, &line, |state| {
            windows.clear();
            hosts = asked.clone().unwrap_or_else(|| state.sites().map(|(host, _)| host).collect());
            for host in &hosts {
                roster.knows(state, host).map_err(|why| Problem::unprocessable(why.to_string()))?;
                windows.extend(
                    state.reopen(host, scheduled, now).into_iter().map(|window| (host.clone(), window)),
                );
            }
            Ok(())
        });
        let outcome = outcome.await?;
        Ok((Done { outcome, windows }, hosts))
    }
}

/// The window that closes `host` as `wanted` says; a new one is called `called`, unless another one is.
pub(crate) fn close_as(
    state: &mut State,
    host: &Host,
    wanted: &Window,
    called: Option<&WindowId>,
    now: Timestamp,
) -> Window {
    let is_free = called.is_some_and(|id| state.window(id).is_none());
    let mut window = match state.close(host, wanted, now) {
        Added::Already(window) => return window,
        Added::New(window) => window,
    };
    if let Some(id) = called.filter(|_| is_free)
        && let Some(there) = state.site_mut(host).windows.iter_mut().find(|there| there.id == window.id)
    {
        (there.id, window.id) = (id.clone(), id.clone());
    }
    window
}

/// The window called `id` as it is after the amendment, which has been made to `state`.
pub(crate) fn amended(
    state: &mut State,
    id: &WindowId,
    amendment: &Amendment,
    now: Timestamp,
) -> Result<(Host, Window)> {
    if state.window(id).is_none() {
        return Err(Problem::not_found(state.no_window(id)));
    }
    state.amend(id, amendment, now).map_err(|why| Problem::unprocessable(why.to_string()))
}
