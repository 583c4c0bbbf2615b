//! Waiting for what the instances have to say.

use std::time::Duration;

use super::Impact;
use crate::control::{self, Control};
use crate::document::{Host, State, Window};
use crate::fleet::{Lookout, Roster};
use crate::tally::KEPT;
use crate::time::Timestamp;

/// The impact of each of the windows that `by` has `ended` and that were in force, as far as it is known when everybody
/// has reported or `patience` is over. Nothing, if `by` is older than what instances remember ([`KEPT`]).
///
/// # Errors
/// When the store is away.
pub async fn gather(
    control: &Control,
    ended: &[(Host, Window)],
    by: &State,
    patience: Duration,
) -> Result<Vec<Impact>, control::Error> {
    if ended.is_empty() || Timestamp::now().since(by.change.at) >= KEPT {
        return Ok(Vec::new());
    }
    let mut before = control.page(Some(by.revision), 1).await?.pop().unwrap_or_default();
    let is_one = |window: &Window| ended.iter().any(|(_, ended)| ended.id == window.id);
    before.default.windows.retain(is_one);
    before.sites.values_mut().for_each(|site| site.windows.retain(is_one));
    let added = control.added(&before).await?;
    let from = |window: &Window| added.iter().find(|(id, _)| *id == window.id).map(|(_, at)| *at);
    let begun = tokio::time::Instant::now();
    let mut lookout = Lookout::new();
    loop {
        let roster = Roster::look(&**control.store(), &mut lookout).await?;
        let of = |(site, window): &(Host, Window)| Impact::of(site, window, from(window), by, &roster);
        let impacts: Vec<Impact> = ended.iter().filter_map(of).collect();
        let left = patience.saturating_sub(begun.elapsed());
        if left.is_zero() || impacts.iter().all(Impact::is_complete) {
            return Ok(impacts);
        }
        tokio::time::sleep(Duration::from_millis(50).min(left)).await;
    }
}
