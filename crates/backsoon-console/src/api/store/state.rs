//! What may be written in the State's place and into the history: nothing that would tell another story of who did what.

use std::time::Duration;

use backsoon::State;
use backsoon::document::{Lineage, Unreadable};
use backsoon::store::{Entry, Error, PutMode, Version};
use backsoon::time::Timestamp;

use super::tag::Mode;
use crate::caller::Caller;
use crate::console::Desk;
use crate::people::Role;
use crate::problem::{Problem, Result};

/// How far the clocks of two machines may be apart.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// Whether somebody else's write came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overtaken {
    No,
    Yes,
}

// === impl Desk ===

impl Desk {
    /// Checks a State before it is put in the place of another one.
    ///
    /// # Errors
    /// 403 when the caller may not, the signature is not theirs or the number is not the next, 422 when it is no State.
    pub(super) async fn check_state(&self, caller: &Caller, value: &[u8], mode: &Mode) -> Result<Overtaken> {
        must_be_operator(caller)?;
        let next = State::from_bytes(value).map_err(|why| Problem::unprocessable(why.to_string()))?;
        let mark = caller.mark().unwrap_or_default();
        if !next.change.by.ends_with(&format!(", {mark}")) {
            return Err(Problem::forbidden(format!(
                "a change that this token makes is signed with it: its `by` ends with `, {mark}` (`mark` of GET /api/v1/me)"
            )));
        }
        match &mode.0 {
            // Where there is none, there is none to follow.
            PutMode::Create => Ok(Overtaken::No),
            PutMode::Update(version) => self.follows(&next, version).await,
            PutMode::Overwrite => Err(Problem::unprocessable(
                "the state is written in the place of the one that was read: send its ETag as If-Match, or If-None-Match: *",
            )),
        }
    }

    async fn follows(&self, next: &State, version: &Version) -> Result<Overtaken> {
        let there = match self.store.get("state").await {
            Ok(Some(there)) if there.version == *version => there,
            // It came twice: who sent it has written it, and reads that there.
            Ok(Some(there))
                if State::from_bytes(&there.value).is_ok_and(|now| now.change.id == next.change.id) =>
            {
                return Err(Problem::forbidden("this change lies there already"));
            }
            Ok(_) | Err(Error::TooLarge { .. }) => return Ok(Overtaken::Yes),
            Err(error) => return Err(error.into()),
        };
        let refused = |why: &str| Err(Problem::forbidden(why.to_owned()));
        match State::from_bytes(&there.value) {
            Ok(now) if now.change.id == next.change.id => refused("this change lies there already"),
            Ok(now) if now.lineage == next.lineage && next.revision > now.revision => {
                self.file(&now, there).await
            }
            // After the last number comes another history.
            Ok(now) if now.revision == u64::MAX && next.replaces.as_ref() == Some(&now.lineage) => {
                self.file(&now, there).await
            }
            Ok(now) => refused(&format!(
                "a state follows the one that it replaces: it has that lineage, {}, and a revision after {}",
                now.lineage, now.revision
            )),
            Err(Unreadable::Damaged { .. }) => Ok(Overtaken::No),
            Err(why) => refused(&why.to_string()),
        }
    }

    /// Files the State that is about to be replaced, whether the client has or not: the history has no gaps.
    async fn file(&self, now: &State, there: Entry) -> Result<Overtaken> {
        match self.store.put(&filed_under(now), there.value, PutMode::Create).await {
            Ok(_) | Err(Error::Conflict { .. }) => Ok(Overtaken::No),
            Err(error) => Err(error.into()),
        }
    }

    /// Checks a State that a server holds and hands over. That is done only when the store has lost its own, and by its lineage:
    /// at any other time it would be a way to tell of changes that never were.
    ///
    /// # Errors
    /// 403 while a State lies there, or none is known to have been lost; 422 when it is none, of the future, or not where it belongs.
    pub(super) async fn check_kept(&self, key: &str, value: &[u8], mode: &Mode) -> Result<Overtaken> {
        let kept = State::from_bytes(value).map_err(|why| Problem::unprocessable(why.to_string()))?;
        let place = format!("kept/{}-{:020}", kept.lineage, kept.revision);
        if mode.0 != PutMode::Create || key != place {
            return Err(Problem::unprocessable(format!(
                "a state is kept once, by If-None-Match: *, and where it belongs, which is `{place}`"
            )));
        }
        if kept.change.at > Timestamp::now() + SKEW {
            return Err(Problem::unprocessable(
                "a state that is kept was written before now; look at the clocks",
            ));
        }
        match self.store.get("state").await {
            Ok(Some(there)) => match State::from_bytes(&there.value) {
                Err(Unreadable::Damaged { .. }) => Ok(Overtaken::No),
                // One of a newer Backsoon is one, too.
                Ok(_) | Err(_) => {
                    Err(Problem::forbidden("the store has a state, so none is taken over from a server"))
                }
            },
            Ok(None) => self.check_lost(key, &kept.lineage).await,
            Err(Error::TooLarge { .. }) => Ok(Overtaken::No),
            Err(error) => Err(error.into()),
        }
    }

    /// Checks that a store without a State had one of this lineage: this gate holds it, or the history tells of it.
    async fn check_lost(&self, key: &str, lineage: &Lineage) -> Result<Overtaken> {
        if self.instance.state().is_some_and(|held| held.lineage == *lineage) {
            return Ok(Overtaken::No);
        }
        // Servers hand over again and again, and a history may be long.
        if self.store.get(key).await?.is_some() {
            return Ok(Overtaken::Yes);
        }
        if !self.store.list(&format!("history/{lineage}/")).await?.is_empty() {
            return Ok(Overtaken::No);
        }
        Err(Problem::forbidden(
            "nobody here knows that the store has lost a state of this lineage: it never had one, or was emptied and this gate has started since; restore it from a backup, or close anew what is to be closed (`backsoon on`)",
        ))
    }

    /// Checks a State before it is filed: it must be the very one that lies in the store or is kept there.
    ///
    /// # Errors
    /// 403 when the caller may not, or it is another one; 422 when it is not where it belongs.
    pub(super) async fn check_history(
        &self,
        caller: &Caller,
        key: &str,
        value: &[u8],
        mode: &Mode,
    ) -> Result<Overtaken> {
        must_be_operator(caller)?;
        let state = State::from_bytes(value).map_err(|why| Problem::unprocessable(why.to_string()))?;
        let place = filed_under(&state);
        if mode.0 != PutMode::Create || key != place {
            let way_out = format!(
                "a state is filed once, by If-None-Match: *, and where it belongs, which is `{place}`"
            );
            return Err(Problem::unprocessable(way_out));
        }
        let is_it = |bytes: &[u8]| bytes == value;
        if self.store.get("state").await?.is_some_and(|there| is_it(&there.value)) {
            return Ok(Overtaken::No);
        }
        if self.store.get(key).await?.is_some() {
            return Ok(Overtaken::Yes);
        }
        if self.store.list("kept/").await?.iter().any(|kept| is_it(&kept.value)) {
            return Ok(Overtaken::No);
        }
        Err(Problem::forbidden("the history takes the state that lies in the store, and no other one"))
    }

    /// Checks that the State may go: only one that is too large to be read.
    ///
    /// # Errors
    /// 403 when the caller may not, or it can be read.
    pub(super) async fn check_removal(&self, caller: &Caller) -> Result<()> {
        must_be_operator(caller)?;
        match self.store.get("state").await {
            Err(Error::TooLarge { .. }) | Ok(None) => Ok(()),
            Ok(Some(_)) => Err(Problem::forbidden("a state is replaced by the next one, and never deleted")),
            Err(error) => Err(error.into()),
        }
    }
}

fn filed_under(state: &State) -> String {
    format!("history/{}/{:020}", state.lineage, state.revision)
}

pub(super) fn must_be_operator(caller: &Caller) -> Result<()> {
    if caller.role >= Role::Operator {
        return Ok(());
    }
    Err(Problem::forbidden(format!(
        "the token {} has the role {}, which follows the state and never changes it; `backsoon token new --role operator` makes one that does",
        caller.name, caller.role
    )))
}
