//! Which keys are reached through the API: those that are named here, and no others.

use backsoon::store::{check_key, check_prefix};

use crate::problem::{Problem, Result};

/// Whose rules hold for what is under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    /// The State.
    State,
    /// Earlier States.
    History,
    /// What closings have done, as it was counted when they ended.
    Impact,
    /// States that servers hold and the store has lost.
    Kept,
    /// What was found damaged, and what the store contract tries out.
    Aside,
    /// What servers and programs say of themselves.
    Fleet,
}

/// Where servers and programs write: reports, leases of windows, the size of the fleet.
const FLEET: [&str; 3] = ["roster/", "leases/", "crew/"];
const ASIDE: [&str; 2] = ["damaged/", "conformance/"];
const KEPT: &str = "kept/";

const STATE: &str = "state";
const HISTORY: &str = "history/";
const IMPACT: &str = "impact/";

/// Which rules hold for `key`.
///
/// # Errors
/// 422 when it is none, 403 when it is not reached through the API.
pub(super) fn area(key: &str) -> Result<Area> {
    check_key(key).map_err(|error| Problem::unprocessable(error.to_string()))?;
    allowed(key).ok_or_else(closed)
}

/// Checks that there can be keys below `prefix` which are reached.
///
/// # Errors
/// 422 when it is no prefix, 403 when there are none.
pub(super) fn check_listed(prefix: &str) -> Result<()> {
    check_prefix(prefix).map_err(|error| Problem::unprocessable(error.to_string()))?;
    let mut reached = FLEET.iter().chain(&ASIDE).chain([&STATE, &HISTORY, &IMPACT, &KEPT]);
    let fits = |area: &&&str| area.starts_with(prefix) || area.ends_with('/') && prefix.starts_with(**area);
    if reached.any(|area| fits(&area)) { Ok(()) } else { Err(closed()) }
}

/// Which rules hold for `key`, if it is reached at all.
pub(super) fn allowed(key: &str) -> Option<Area> {
    match key {
        STATE => Some(Area::State),
        key if key.starts_with(HISTORY) => Some(Area::History),
        key if key.starts_with(IMPACT) => Some(Area::Impact),
        key if key.starts_with(KEPT) => Some(Area::Kept),
        key if ASIDE.iter().any(|area| key.starts_with(area)) => Some(Area::Aside),
        key => FLEET.iter().any(|area| key.starts_with(area)).then_some(Area::Fleet),
    }
}

fn closed() -> Problem {
    Problem::forbidden(
        "this key is not reached through the API, in no role: people, tokens, sessions and webhooks are kept at the gate; use the console, or `backsoon user`, `token` and `webhook` where its store is reached",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_console_is_reached_by_any_name() {
        for key in [
            "people/ada",
            "people-links/x",
            "tokens/0123456789ab",
            "sessions/x",
            "webhooks/x",
            "webhooks/announced",
            "states",
            "state/x",
        ] {
            assert!(allowed(key).is_none() && area(key).is_err(), "{key}");
        }
        for prefix in ["p", "people", "people/", "tokens/", "sessions/ab", "state/", "stated"] {
            assert_eq!(check_listed(prefix).unwrap_err().status, 403, "{prefix}");
        }
        for prefix in ["", "s", "state", "r", "roster", "roster/", "roster/web", "history/l-1/", "impact/"] {
            assert!(check_listed(prefix).is_ok(), "{prefix}");
        }
        assert_eq!(area("../people/ada").unwrap_err().status, 422);
        assert_eq!(area("state").ok(), Some(Area::State));
    }
}
