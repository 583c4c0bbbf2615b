//! One instance in a receipt, and the requests that were cut there.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Late;
use crate::document::{Host, Mode, State};
use crate::fleet::{Counts, Kind, Report};
use crate::running::{Cut, Running};

/// One instance, and what keeps it from confirming.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Server {
    /// Its name on the roster.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Whether it counts every request that it lets in.
    #[serde(skip_serializing_if = "is_all")]
    pub counts: Counts,
    /// What its own rules and marks let in all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub admits: Vec<String>,
    /// What its own rules refuse all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refuses: Vec<String>,
    /// Which rules of the State cannot be carried out there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignores: Vec<String>,
    /// What is in the way; none: it has confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late: Option<Late>,
}

/// A request that a server has cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerCut {
    /// The server's name.
    pub server: String,
    /// The request, as it was then.
    #[serde(flatten)]
    pub request: Running,
}

fn is_all(counts: &Counts) -> bool {
    *counts == Counts::All
}

/// What `report` tells of requests that were cut for the sake of this change or of a later one.
pub(super) fn cut(report: &Report, state: &State, sites: &BTreeMap<Host, Mode>) -> Vec<ServerCut> {
    let concerned = |cut: &&Cut| {
        report.lineage.as_ref() == Some(&state.lineage)
            && cut.revision >= state.revision
            && sites.keys().any(|site| site.covers(&cut.site) || cut.site.covers(site))
    };
    let named = |cut: &Cut| ServerCut { server: report.name.clone(), request: cut.request.clone() };
    report.cuts.iter().filter(concerned).map(named).collect()
}
