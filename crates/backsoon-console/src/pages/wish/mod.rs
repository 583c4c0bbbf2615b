//! What a form asks for: read from its fields, tried out on a copy of the State, and carried out.

mod body;
mod tried;
mod verb;

use std::net::IpAddr;

use backsoon::Host;
use serde::{Deserialize, Serialize};

pub(crate) use self::tried::Tried;
pub(crate) use self::verb::Verb;
use crate::api::matching::IfMatch;
use crate::problem::{Problem, Result};

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
    /// `reopened`: it has no end; `moment`: `ends` says it; empty: whatever else says it.
    pub(crate) until: String,
    /// The address that a rehearsal tries; that of whoever asks if empty.
    pub(crate) from: String,
    /// The ETag of the State that was rehearsed.
    pub(crate) seen: String,
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

    /// The address to try from, if one is named.
    pub(crate) fn address(&self) -> Result<Option<IpAddr>> {
        let wrong = |_| {
            Problem::unprocessable(format!("`{}` is no address; write 192.0.2.7 or 2001:db8::7", self.from))
        };
        match self.from.trim() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(wrong),
        }
    }

    pub(crate) fn host(&self) -> Result<Host> {
        self.site.trim().parse().map_err(wrong::<backsoon::document::NotAHost>)
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
