//! The State: everything that operators have asked for, as one document.

mod edit;
pub(crate) mod hex;
mod host;
mod look;
mod mode;
mod origin;
mod page;
mod pass;
mod window;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::rules::Rule;
use crate::time::Timestamp;

pub use edit::{Added, Amendment, Closing, Ends, NotAClosing, NotAmended, Scheduled};
pub(crate) use host::plain as plain_host;
pub use host::{Host, NotAHost};
pub use look::{Colour, LanguageTag, Logo, NotAColour, NotALanguage, NotALogo, Palette};
pub use mode::{Mode, NotAMode};
pub use origin::{NotAnOrigin, Origin};
pub use page::{
    NotARedirect, NotARefusal, NotATemplate, Page, Redirect, RetryAfterForm, Robots, Status, Template,
};
pub use pass::{Key, Keys, MOST_PASSES, NotAPass, Pass, PassId, SecretHash};
pub use window::{Hold, MOST_CHARACTERS, NeverInForce, NotAWindow, Source, Window, WindowId};
pub(crate) use window::{opens, strictest};

/// The newest schema of documents that this build reads and writes.
pub const SCHEMA: u32 = 2;

/// The schema of documents without passes and without the newer words of pages, which every Backsoon reads.
const FIRST_SCHEMA: u32 = 1;

/// Everything that operators have asked for, for all sites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The version of the document's form.
    pub schema: u32,
    /// The name of this document's history.
    pub lineage: Lineage,
    /// The lineage that this one took the place of, if it took one's place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Lineage>,
    /// Counts the changes within the lineage, from 1.
    pub revision: u64,
    /// The change that made this revision.
    pub change: Change,
    /// The policy for hosts without a site of their own (`*`).
    #[serde(default)]
    pub default: Site,
    /// The policies for single hosts and for suffixes.
    #[serde(default)]
    pub sites: BTreeMap<Host, Site>,
    /// The invitations through closings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passes: Vec<Pass>,
    /// What signs the cookies of passes. Only [`State::to_bytes`] writes them.
    #[serde(default, skip_serializing)]
    pub keys: Keys,
}

/// The random name of a document's history: whoever starts over gets another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Lineage(String);

/// Who changed the State, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The random name of the change, by which a writer recognises its own.
    pub id: String,
    /// When, by the writer's clock.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What and why, in words.
    pub note: String,
}

/// The policy for one host, one suffix or all hosts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Site {
    /// Its closings, past ones excepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// Its exceptions, in order. None: those of the next less specific site hold; an empty list: no exceptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Arc<[Rule]>>,
    /// Its page. None: that of the next less specific site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<Arc<Page>>,
    /// Whether the built-in rule keeps the health paths open. None: as the next less specific site says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// Whether the built-in rule keeps GET and HEAD of `/healthz`, `/livez` and `/readyz` open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// It does.
    #[default]
    On,
    /// It does not.
    Off,
}

/// Why bytes are no State that this build may use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// Written by a newer Backsoon.
    #[error("it has schema {schema}, and this Backsoon reads up to {SCHEMA}; use a newer one")]
    Newer {
        /// Its schema.
        schema: u32,
    },
    /// Not a document at all, or a damaged one.
    #[error("it is damaged: {why}")]
    Damaged {
        /// What the parser says.
        why: String,
    },
}

// === impl State ===

impl State {
    /// A document without any wish, the first of a new lineage.
    pub fn new() -> Self {
        Self {
            schema: FIRST_SCHEMA,
            lineage: Lineage::random(),
            replaces: None,
            revision: 0,
            change: Change {
                id: random_name(),
                at: Timestamp::from_millis(0),
                by: String::new(),
                note: String::new(),
            },
            default: Site::default(),
            sites: BTreeMap::new(),
            passes: Vec::new(),
            keys: Keys::default(),
        }
    }

    /// Reads a document as a store keeps it.
    ///
    /// # Errors
    /// [`Unreadable::Newer`] for a newer schema, [`Unreadable::Damaged`] for everything else that is no State.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Envelope {
            schema: u32,
        }
        let damaged = |error: serde_json::Error| Unreadable::Damaged { why: error.to_string() };
        let Envelope { schema } = match bytes {
            [] => return Err(Unreadable::Damaged { why: "it is empty".into() }),
            bytes => serde_json::from_slice(bytes).map_err(damaged)?,
        };
        if schema > SCHEMA {
            return Err(Unreadable::Newer { schema });
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }

    /// The document as a store keeps it: JSON that people can read, with the keys that nothing else shows.
    pub fn to_bytes(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Kept<'a> {
            #[serde(flatten)]
            state: &'a State,
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            keys: BTreeMap<&'a str, String>,
        }
        // Serialising to memory fails only for maps whose keys are no strings; ours are.
        let kept = Kept { state: self, keys: self.keys.revealed() };
        let mut bytes = serde_json::to_vec_pretty(&kept).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Every site with its host, the default (`*`) first.
    pub fn sites(&self) -> impl Iterator<Item = (Host, &Site)> {
        std::iter::once((Host::any(), &self.default))
            .chain(self.sites.iter().map(|(host, site)| (host.clone(), site)))
    }

    /// The site that is written under exactly this host.
    pub fn site(&self, host: &Host) -> Option<&Site> {
        if host.is_any() { Some(&self.default) } else { self.sites.get(host) }
    }

    /// The site that is written under exactly this host, made if need be.
    pub fn site_mut(&mut self, host: &Host) -> &mut Site {
        if host.is_any() { &mut self.default } else { self.sites.entry(host.clone()).or_default() }
    }

    /// The page of `host`: its own, or that of the next less special site that has one.
    pub fn page(&self, host: &Host) -> Arc<Page> {
        host.line().find_map(|host| self.site(&host)?.page.clone()).unwrap_or_default()
    }

    /// Removes the window called `id` wherever it is, and says where it was.
    pub fn end_window(&mut self, id: &WindowId) -> Option<(Host, Window)> {
        let hosts: Vec<Host> = self.sites().map(|(host, _)| host).collect();
        hosts.into_iter().find_map(|host| {
            let windows = &mut self.site_mut(&host).windows;
            let position = windows.iter().position(|window| window.id == *id)?;
            let window = windows.remove(position);
            Some((host, window))
        })
    }

    /// Ends the pass called `id`, and says what it was. Its link and every cookie of it open nothing any more.
    pub fn revoke(&mut self, id: &PassId) -> Option<Pass> {
        let position = self.passes.iter().position(|pass| pass.id == *id)?;
        Some(self.passes.remove(position))
    }

    /// The oldest schema that has words for all of this: who has no passes and only old words in its pages is read by older Backsoons, too, and one
    /// that cannot read them says so and keeps what it holds, rather than to let nobody through.
    pub(crate) fn schema_needed(&self) -> u32 {
        let newer = |page: &Arc<Page>| page.needs_second_schema();
        let pages = self.sites().any(|(_, site)| site.page.as_ref().is_some_and(newer));
        if self.passes.is_empty() && self.keys.is_empty() && !pages { FIRST_SCHEMA } else { SCHEMA }
    }

    /// Drops the windows and passes that were over at `now`; the history still has them. With the last pass go the
    /// keys: nothing that they have signed opens anything any more.
    pub(crate) fn forget_past(&mut self, now: Timestamp) {
        for site in std::iter::once(&mut self.default).chain(self.sites.values_mut()) {
            site.windows.retain(|window| !window.is_over(now));
        }
        self.passes.retain(|pass| !pass.is_over(now));
        if self.passes.is_empty() {
            self.keys = Keys::default();
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}

// === impl Lineage ===

impl Lineage {
    /// A new name.
    pub fn random() -> Self {
        Self(random_name())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Lineage {
    type Error = String;

    /// A lineage is part of a store's key, so it must be a segment of one.
    fn try_from(name: String) -> Result<Self, String> {
        let valid =
            (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if valid {
            Ok(Self(name))
        } else {
            Err(format!("`{name}` is not a lineage: it has 1 to 64 letters, digits and `-`"))
        }
    }
}

impl From<Lineage> for String {
    fn from(lineage: Lineage) -> Self {
        lineage.0
    }
}

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// 128 random bits in hexadecimal: a name that nobody else has. It is no secret.
pub(crate) fn random_name() -> String {
    format!("{:032x}", fastrand::u128(..))
}
