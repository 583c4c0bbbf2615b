//! What a form asks for, in the words of the API: the bodies that its fields make.

use backsoon::Mode;
use backsoon::document::PassId;
use backsoon::time::Timestamp;

use super::{Wish, wrong};
use crate::api::windows::{AmendBody, CloseBody, ReopenBody, window_id};
use crate::pages::zones::moment;
use crate::problem::{Problem, Result};

// === impl Wish ===

impl Wish {
    pub(super) fn close_body(&self) -> Result<CloseBody> {
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

    pub(super) fn amend_body(&self) -> Result<AmendBody> {
        let extend = match self.extend.trim() {
            "" => None,
            span => Some(span.parse().map_err(Problem::unprocessable)?),
        };
        let said = |text: &String| Some(text.clone()).filter(|text| !text.trim().is_empty());
        Ok(AmendBody {
            extend,
            end: self.end()?,
            message: self.message.as_ref().map(said),
            note: self.note.clone(),
        })
    }

    /// Another end, if one is asked for.
    fn end(&self) -> Result<Option<Option<Timestamp>>> {
        if self.until == "reopened" {
            return Ok(Some(None));
        }
        let end = moment(&self.ends, &self.zone)?;
        if end.is_none() && self.until == "moment" {
            return Err(Problem::unprocessable(
                "say until when, or choose that it stays closed until somebody reopens",
            ));
        }
        Ok(end.map(Some))
    }

    pub(super) fn reopen_body(&self) -> Result<ReopenBody> {
        let note = self.note.clone().unwrap_or_default();
        let scheduled = !self.scheduled.is_empty();
        Ok(ReopenBody { sites: Some(vec![self.host()?]), note, scheduled })
    }

    pub(super) fn revision(&self) -> Result<u64> {
        self.revision.parse().map_err(|_| Problem::not_found("a revision is a number"))
    }

    pub(crate) fn pass(&self) -> Result<PassId> {
        self.id.parse().map_err(|error: backsoon::document::NotAPass| Problem::not_found(error.to_string()))
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
