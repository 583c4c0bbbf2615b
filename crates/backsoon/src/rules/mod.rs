//! Ordered exceptions: the first rule whose condition holds decides, before the mode does.

mod list;
mod method;
mod network;
mod path;
mod route;

use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use crate::request::{Effect, UserKind};
use crate::request::{Identity, Request};
pub use method::{Method, NotAMethod};
pub use network::{Because, Client, Network, NotANetwork, TrustedProxies};
pub use path::{NotAPattern, Path, PathPattern};
pub use route::Marks;

/// An exception: when the condition holds, the effect decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What people call it; `explain`, `status` and the metrics show it.
    pub name: Arc<str>,
    /// Whether what matches passes or is refused.
    pub then: Effect,
    /// What has to hold.
    pub when: Condition,
}

/// What has to hold for a rule to decide: every kind that is given, and of each kind any one of its list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Given")]
pub struct Condition {
    /// Paths; see [`PathPattern`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<PathPattern>,
    /// Methods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub method: Vec<Method>,
    /// Addresses and networks of the client; see [`TrustedProxies`] for who that is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub network: Vec<Network>,
    /// Kinds of user.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user: Vec<UserKind>,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    Yes,
    No,
    /// It depends on a user whom nobody has asked for.
    Ask,
}

/// What rules look at, each worked out at most once per request, and only if a rule asks for it.
pub(crate) struct Facts<'a> {
    request: &'a Request<'a>,
    proxies: &'a TrustedProxies,
    path: OnceCell<Path<'a>>,
    client: OnceCell<Client>,
}

/// A condition as written, before it is known to say anything.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    #[serde(default, deserialize_with = "list::one_or_many")]
    path: Option<Vec<PathPattern>>,
    #[serde(default, deserialize_with = "list::one_or_many")]
    method: Option<Vec<Method>>,
    #[serde(default, deserialize_with = "list::one_or_many")]
    network: Option<Vec<Network>>,
    #[serde(default, deserialize_with = "list::one_or_many")]
    user: Option<Vec<UserKind>>,
}

// === impl Rule ===

impl Rule {
    /// A rule that lets pass whatever meets `when`.
    pub fn open(name: impl Into<Arc<str>>, when: Condition) -> Self {
        Self { name: name.into(), then: Effect::Open, when }
    }

    /// A rule that refuses whatever meets `when`, even while the site is open.
    pub fn closed(name: impl Into<Arc<str>>, when: Condition) -> Self {
        Self { name: name.into(), then: Effect::Closed, when }
    }
}

// === impl Condition ===

impl Condition {
    /// Whether it holds; `effect` is what the rule would do, since an `open` rule reads a path more strictly.
    pub(crate) fn matches(&self, facts: &Facts<'_>, effect: Effect) -> Match {
        let methods =
            self.method.is_empty() || self.method.iter().any(|m| m.as_str() == facts.request.method);
        if !methods {
            return Match::No;
        }
        if !self.path.is_empty() {
            let path = facts.path();
            if !self.path.iter().any(|pattern| pattern.matches(path, effect)) {
                return Match::No;
            }
        }
        if !self.network.is_empty() {
            match facts.client().address {
                Some(address) if self.network.iter().any(|network| network.contains(address)) => {}
                _ => return Match::No,
            }
        }
        match facts.request.user {
            _ if self.user.is_empty() => Match::Yes,
            Identity::Unasked => Match::Ask,
            Identity::Known(user) if self.user.iter().any(|&kind| user.is(kind)) => Match::Yes,
            Identity::Known(_) => Match::No,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            ("path", words(&self.path)),
            ("method", words(&self.method)),
            ("network", words(&self.network)),
            ("user", words(&self.user)),
        ];
        let given = kinds.iter().filter(|(_, words)| !words.is_empty());
        let text: Vec<_> = given.map(|(kind, words)| format!("{kind} {words}")).collect();
        f.write_str(&text.join("; "))
    }
}

fn words(list: &[impl fmt::Display]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

impl TryFrom<Given> for Condition {
    type Error = String;

    fn try_from(given: Given) -> Result<Self, String> {
        let kinds = [
            ("path", given.path.as_ref().map(Vec::is_empty)),
            ("method", given.method.as_ref().map(Vec::is_empty)),
            ("network", given.network.as_ref().map(Vec::is_empty)),
            ("user", given.user.as_ref().map(Vec::is_empty)),
        ];
        if let Some((kind, _)) = kinds.iter().find(|(_, empty)| *empty == Some(true)) {
            return Err(format!(
                "`{kind}` lists nothing, so the rule could never match: name at least one, or leave `{kind}` out"
            ));
        }
        if kinds.iter().all(|(_, given)| given.is_none()) {
            return Err("`when` is empty, so the rule would match every request: say `path = { prefix = \"/\" }` if you mean that".into());
        }
        Ok(Self {
            path: given.path.unwrap_or_default(),
            method: given.method.unwrap_or_default(),
            network: given.network.unwrap_or_default(),
            user: given.user.unwrap_or_default(),
        })
    }
}

// === impl Facts ===

impl<'a> Facts<'a> {
    pub(crate) fn new(request: &'a Request<'a>, proxies: &'a TrustedProxies) -> Self {
        Self { request, proxies, path: OnceCell::new(), client: OnceCell::new() }
    }

    pub(crate) fn path(&self) -> &Path<'a> {
        self.path.get_or_init(|| Path::read(self.request.path))
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| self.proxies.client(self.request))
    }
}
