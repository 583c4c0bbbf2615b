//! What a form asks for: read from its fields, tried out on a copy of the State, and carried out.

use axum::extract::FromRequestParts;
use backsoon::document::PassId;
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, State, Window};
use http::request::Parts;
use serde::{Deserialize, Serialize};

use super::zones::moment;
use crate::api::matching::IfMatch;
use crate::api::receipt::all;
use crate::api::rehearse::Trial;
use crate::api::state::Source;
use crate::api::windows::{AmendBody, CloseBody, Done, ReopenBody, amended, close_as, window_id};
use crate::caller::Caller;
use crate::console::Desk;
use crate::people::Role;
use crate::problem::{Problem, Result};

/// What can be asked for; each is rehearsed under `/rehearse/VERB` and done under `/VERB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verb {
    Close,
    Reopen,
    End,
    Amend,
    Rollback,
    Revoke,
}

/// Every field that a form may have; a verb looks at its own.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Wish {
    pub(crate) site: String,
    pub(crate) mode: String,
    /// `2026-11-21T23:30`, in the time zone `zone`; at once if empty.
    pub(crate) starts: String,
    pub(crate) ends: String,
    pub(crate) zone: String,
    pub(crate) lasts: String,
    pub(crate) max_wait: String,
    pub(crate) max_held: String,
    pub(crate) release_per_s: String,
    pub(crate) cut_after: String,
    pub(crate) new_site: String,
    /// None: it stays.
    pub(crate) message: Option<String>,
    pub(crate) note: Option<String>,
    /// Anything: scheduled windows end, too.
    pub(crate) scheduled: String,
    /// What the new window is called, as it was rehearsed.
    pub(crate) called: String,
    pub(crate) id: String,
    pub(crate) extend: String,
    pub(crate) revision: String,
    /// The ETag of the State that was rehearsed.
    pub(crate) seen: String,
}

/// A wish that was tried out.
pub(crate) struct Tried {
    pub(crate) before: State,
    pub(crate) after: State,
    pub(crate) sites: Vec<Host>,
    now: Timestamp,
    pub(crate) then: Timestamp,
}

// === impl Verb ===

impl Verb {
    pub(crate) const ALL: [Self; 6] =
        [Self::Close, Self::Reopen, Self::End, Self::Amend, Self::Rollback, Self::Revoke];

    /// The name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Reopen => "reopen",
            Self::End => "end",
            Self::Amend => "amend",
            Self::Rollback => "rollback",
            Self::Revoke => "revoke",
        }
    }

    /// Who may.
    pub(crate) const fn role(self) -> Role {
        match self {
            Self::Rollback => Role::Admin,
            _ => Role::Operator,
        }
    }
}

impl FromRequestParts<std::sync::Arc<Desk>> for Verb {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &std::sync::Arc<Desk>) -> Result<Self> {
        let name = parts.uri.path().rsplit('/').next().unwrap_or_default();
        let verb = Self::ALL.into_iter().find(|verb| verb.as_str() == name);
        verb.ok_or_else(|| Problem::not_found("there is nothing of that name to be done here"))
    }
}

// === impl Wish ===

impl Wish {
    /// The fields that say something, by name.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        // A struct of strings always serialises.
        let value = serde_json::to_value(self).unwrap_or_default();
        let said = value.as_object().into_iter().flatten().filter(|(name, _)| *name != "seen");
        let said = said.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        said.filter(|(name, text)| !text.is_empty() || matches!(name.as_str(), "message" | "note")).collect()
    }

    /// The same as a query, but for what visitors never see.
    pub(crate) fn query(&self, verb: Verb) -> String {
        let pairs = self.fields().into_iter().filter(|(name, _)| name != "note");
        pairs.fold(format!("verb={}", verb.as_str()), |query, (name, text)| {
            format!("{query}&{name}={}", in_query(&text))
        })
    }

    /// Which State it is meant for.
    pub(crate) fn seen(&self) -> IfMatch {
        if self.seen.is_empty() { IfMatch::any() } else { IfMatch::only(&self.seen) }
    }

    pub(crate) fn host(&self) -> Result<Host> {
        self.site.trim().parse().map_err(wrong::<backsoon::document::NotAHost>)
    }

    fn close_body(&self) -> Result<CloseBody> {
        let mode: Mode = self.mode.parse().map_err(wrong::<backsoon::document::NotAMode>)?;
        let span = |text: &str| match text.trim() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(Problem::unprocessable),
        };
        let called = Some(self.called.as_str()).filter(|text| !text.is_empty());
        Ok(CloseBody {
            called: called.map(window_id).transpose()?,
            mode,
            sites: vec![self.host()?],
            start: moment(&self.starts, &self.zone)?,
            end: moment(&self.ends, &self.zone)?,
            lasts: span(&self.lasts)?,
            message: self.message.clone().filter(|text| !text.trim().is_empty()),
            note: self.note.clone().unwrap_or_default(),
            max_wait: span(&self.max_wait)?.filter(|_| mode == Mode::Hold),
            max_held: number(&self.max_held, "how many wait")?.filter(|_| mode == Mode::Hold),
            release_per_s: number(&self.release_per_s, "how many go on")?.filter(|_| mode == Mode::Hold),
            cut_after: span(&self.cut_after)?,
            new_site: !self.new_site.is_empty(),
        })
    }

    fn amend_body(&self) -> Result<AmendBody> {
        let extend = match self.extend.trim() {
            "" => None,
            span => Some(span.parse().map_err(Problem::unprocessable)?),
        };
        let said = |text: &String| Some(text.clone()).filter(|text| !text.trim().is_empty());
        Ok(AmendBody {
            extend,
            end: moment(&self.ends, &self.zone)?.map(Some),
            message: self.message.as_ref().map(said),
            note: self.note.clone(),
        })
    }

    fn reopen_body(&self) -> Result<ReopenBody> {
        let note = self.note.clone().unwrap_or_default();
        let scheduled = !self.scheduled.is_empty();
        Ok(ReopenBody { sites: Some(vec![self.host()?]), note, scheduled })
    }

    fn revision(&self) -> Result<u64> {
        self.revision.parse().map_err(|_| Problem::not_found("a revision is a number"))
    }

    pub(crate) fn pass(&self) -> Result<PassId> {
        self.id.parse().map_err(|error: backsoon::document::NotAPass| Problem::not_found(error.to_string()))
    }
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

/// A number, if anything was typed.
fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<Option<T>> {
    let wrong = |_| Problem::unprocessable(format!("{what} is a number from 1 on, such as 100"));
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(wrong),
    }
}

/// A text as a value in a query.
pub(crate) fn in_query(text: &str) -> String {
    text.bytes().fold(String::new(), |query, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            query + char::from(byte).encode_utf8(&mut [0; 4])
        }
        byte => query + &format!("%{byte:02X}"),
    })
}

fn wrong<E: std::fmt::Display>(error: E) -> Problem {
    Problem::unprocessable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_what_visitors_may_see() {
        let wish = Wish {
            site: "*".into(),
            message: Some("a&b é".into()),
            note: Some("secret".into()),
            ..Wish::default()
        };
        assert_eq!(wish.query(Verb::Close), "verb=close&message=a%26b%20%C3%A9&site=%2A");
    }
}
