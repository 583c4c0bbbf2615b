//! A wish that is tried out on a copy of the State, or carried out.

use backsoon::time::Timestamp;
use backsoon::{Host, State, Window};

use super::{Verb, Wish, wrong};
use crate::api::receipt::all;
use crate::api::rehearse::Trial;
use crate::api::state::Source;
use crate::api::windows::{Done, amended, close_as, window_id};
use crate::caller::Caller;
use crate::console::Desk;
use crate::problem::{Problem, Result};

/// A wish that was tried out.
pub(crate) struct Tried {
    pub(crate) before: State,
    pub(crate) after: State,
    pub(crate) sites: Vec<Host>,
    now: Timestamp,
    pub(crate) then: Timestamp,
}

// === impl Tried ===

impl Tried {
    /// The window that would be new, if there is one.
    pub(crate) fn new_window(&self) -> Option<&Window> {
        let windows =
            self.sites.iter().filter_map(|host| self.after.site(host)).flat_map(|site| &site.windows);
        windows.into_iter().find(|window| self.before.window(&window.id).is_none())
    }

    /// For a look at requests on both sides.
    pub(crate) fn trial(&self) -> Trial<'_> {
        Trial { before: &self.before, after: &self.after, sites: &self.sites, now: self.now, then: self.then }
    }
}

// === impl Desk ===

impl Desk {
    /// Does it to a copy of the State.
    pub(crate) async fn try_out(&self, caller: &Caller, verb: Verb, wish: &Wish) -> Result<Tried> {
        let (before, source) = self.state().await?;
        if source == Source::Instance {
            return Err(Problem::away("the store is away: nothing can be changed for the moment"));
        }
        let (mut after, now) = (before.clone(), Timestamp::now());
        let mut then = now;
        let sites = match verb {
            Verb::Close => {
                let body = wish.close_body()?;
                let called = body.called.clone();
                let (closing, sites) = body.read()?;
                let window = closing.window(&caller.signature(), now).map_err(wrong)?;
                then = window.start.map_or(now, |start| start.max(now));
                for site in &sites {
                    close_as(&mut after, site, &window, called.as_ref(), now);
                }
                sites
            }
            Verb::Reopen => {
                let body = wish.reopen_body()?;
                let sites = body.sites.clone().unwrap_or_default();
                sites.iter().for_each(|site| drop(after.reopen(site, body.scheduled(), now)));
                sites
            }
            Verb::End => {
                let id = window_id(&wish.id)?;
                let ended = after.end_window(&id).ok_or_else(|| Problem::not_found(before.no_window(&id)))?;
                vec![ended.0]
            }
            Verb::Amend => {
                let (id, amendment) = (window_id(&wish.id)?, wish.amend_body()?.read()?);
                let (site, window) = amended(&mut after, &id, &amendment, now)?;
                then = window.start.map_or(now, |start| start.max(now));
                vec![site]
            }
            Verb::Rollback => {
                after.restore(&self.reader().at(wish.revision()?).await?);
                all(&after)
            }
            Verb::Revoke => {
                let id = wish.pass()?;
                after.revoke(&id).ok_or_else(|| Problem::not_found(format!("there is no pass {id}")))?;
                Vec::new()
            }
        };
        Ok(Tried { before, after, sites, now, then })
    }

    /// Does it.
    pub(crate) async fn carry_out(&self, caller: &Caller, verb: Verb, wish: &Wish) -> Result<Done> {
        let seen = wish.seen();
        match verb {
            Verb::Close => self.close(caller, &seen, wish.close_body()?).await,
            Verb::Reopen => Ok(self.reopen(caller, &seen, &wish.reopen_body()?).await?.0),
            Verb::End => self.end(caller, &seen, &window_id(&wish.id)?).await,
            Verb::Amend => self.amend(caller, &seen, &window_id(&wish.id)?, wish.amend_body()?).await,
            Verb::Rollback => self.roll_back(caller, &seen, wish.revision()?).await,
            Verb::Revoke => self.revoke(caller, &seen, &wish.pass()?).await,
        }
    }
}
