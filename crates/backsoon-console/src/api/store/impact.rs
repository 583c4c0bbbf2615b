//! What may be filed of a closing that has ended.

use backsoon::impact::Impact;
use backsoon::store::PutMode;

use super::state::{Overtaken, must_be_operator};
use super::tag::Mode;
use crate::caller::Caller;
use crate::problem::{Problem, Result};

/// Checks what a closing has done before it is filed: whoever ended it does so, once.
///
/// # Errors
/// 403 when the caller may not, 422 when it is none or not where it belongs.
pub(super) fn check_impact(caller: &Caller, key: &str, value: &[u8], mode: &Mode) -> Result<Overtaken> {
    must_be_operator(caller)?;
    let impact: Impact =
        serde_json::from_slice(value).map_err(|why| Problem::unprocessable(why.to_string()))?;
    let place = format!("impact/{}-{:020}", impact.window, impact.revision);
    if mode.0 == PutMode::Create && key == place {
        return Ok(Overtaken::No);
    }
    Err(Problem::unprocessable(format!(
        "an impact is filed once, by If-None-Match: *, and where it belongs, which is `{place}`"
    )))
}
