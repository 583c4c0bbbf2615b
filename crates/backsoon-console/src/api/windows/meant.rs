//! Whether what is asked for can be meant: nothing that contradicts itself, and no more than a console takes.

use backsoon::document::{Closing, Ends, Hold};
use backsoon::{Host, Mode};

use super::body::CloseBody;
use crate::api::span::Span;
use crate::problem::{Problem, Result};

/// The longest message or note, in characters.
const LONGEST: usize = 2_000;

/// The most sites that are named at once.
const MOST_SITES: usize = 100;

pub(super) fn closing(body: CloseBody) -> Result<Closing> {
    let usual = Hold::default();
    if body.mode == Mode::Off {
        return Err(Problem::unprocessable("`off` closes nothing; reopen with POST /api/v1/reopen"));
    }
    let for_hold = body.max_wait.is_some() || body.max_held.is_some() || body.release_per_s.is_some();
    if for_hold && body.mode != Mode::Hold {
        return Err(Problem::unprocessable("max_wait, max_held and release_per_s are for the mode `hold`"));
    }
    let ends = match (body.end, body.lasts) {
        (Some(_), Some(_)) => return Err(Problem::unprocessable("name `end` or `for`, not both")),
        (Some(end), None) => Ends::At(end),
        (None, Some(span)) => Ends::After(span.0),
        (None, None) => Ends::Never,
    };
    let millis = |span: Span| span.0.as_millis().try_into().unwrap_or(u64::MAX);
    Ok(Closing {
        at: body.start,
        ends,
        hold: Hold {
            max_wait_ms: body.max_wait.map_or(usual.max_wait_ms, millis),
            max_held: body.max_held.map_or(usual.max_held, |most| most as usize),
            release_per_s: body.release_per_s,
        },
        cut_after: body.cut_after.map(|span| span.0),
        message: body.message.filter(|text| !text.is_empty()),
        note: body.note,
        ..Closing::new(body.mode)
    })
}

pub(super) fn named(sites: &[Host]) -> Result<Vec<Host>> {
    if sites.is_empty() || sites.len() > MOST_SITES {
        return Err(Problem::unprocessable(format!("name 1 to {MOST_SITES} sites")));
    }
    let mut sites = sites.to_vec();
    sites.sort();
    sites.dedup();
    Ok(sites)
}

pub(super) fn texts<const N: usize>(texts: [Option<&str>; N]) -> Result<()> {
    match texts.into_iter().flatten().any(|text| text.chars().count() > LONGEST) {
        true => Err(Problem::unprocessable(format!("a message or a note has at most {LONGEST} characters"))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_contradicts_itself_is_refused() {
        let read = |text: &str| closing(serde_json::from_str::<CloseBody>(text).unwrap());
        assert!(read(r#"{"mode":"off"}"#).is_err());
        assert!(read(r#"{"mode":"on","max_held":1}"#).is_err());
        assert!(read(r#"{"mode":"on","for":"1h","end":"2030-01-01T00:00:00Z"}"#).is_err());
        assert_eq!(read(r#"{"mode":"hold","max_wait":"5s"}"#).unwrap().hold.max_wait_ms, 5000);
    }
}
