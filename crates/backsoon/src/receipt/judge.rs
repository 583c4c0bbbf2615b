//! The judgement: what the reports prove of a State, taken together.

use std::collections::{BTreeMap, BTreeSet};

use super::late::late;
use super::server::{cut, ended};
use super::{Expect, Late, Lost, Receipt, Server, ServerCut, Verdict};
use crate::decide::Local;
use crate::document::{Health, Host, Mode, Robots, State};
use crate::fleet::{Counts, Life, Lookout, Report};
use crate::rules::Effect;
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

pub(super) fn look(state: &State, expect: &Expect, reports: &[Report], lookout: &mut Lookout) -> Receipt {
    lookout.look(reports);
    judge(state, expect, &reports.iter().collect::<Vec<_>>(), lookout)
}

pub(super) fn judge(state: &State, expect: &Expect, reports: &[&Report], lookout: &Lookout) -> Receipt {
    let now = Timestamp::now();
    let snapshot = Snapshot::settle(state, &Local::default(), now, None);
    let then = expect.asked.map(|asked| Snapshot::settle(state, &Local::default(), asked, None));
    let asked =
        |host: &Host| then.as_ref().map_or(Mode::Off, |then| mode(then, host)).max(mode(&snapshot, host));
    let sites: BTreeMap<Host, Mode> = expect.sites.iter().map(|host| (host.clone(), asked(host))).collect();
    let over = sites.iter().find(|(host, asked)| mode(&snapshot, host) < **asked).map(|(host, _)| host);
    let there = || reports.iter().copied().filter(|report| report.lives() != Some(Life::Dead));
    let servers: Vec<Server> = there()
        .map(|report| Server {
            name: report.name.clone(),
            kind: report.kind,
            counts: report.counts,
            admits: report.admits.clone(),
            refuses: report.refuses.clone(),
            ignores: report.ignores.clone(),
            late: late(state, &sites, over, report, lookout.silence(&report.name), now),
        })
        .collect();
    let closes = sites.values().any(|mode| *mode > Mode::Off);
    let ended: Vec<_> = reports.iter().filter(|_| closes).filter_map(|report| ended(report, now)).collect();
    let told = reports
        .iter()
        .copied()
        .filter(|report| report.lives() != Some(Life::Dead) || closes && report.leaves_something(now));
    let cut: Vec<ServerCut> = told.flat_map(|report| cut(report, state, &sites)).collect();

    let blocks = |server: &Server| match &server.late {
        None => false,
        Some(Late::Lost { .. } | Late::Fenced { .. }) => expect.lost == Lost::Blocks,
        Some(_) => true,
    };
    let confirmed = servers.iter().filter(|server| server.late.is_none()).count();
    let to_come = |host: &Host| snapshot.exactly(host).is_some_and(|site| !site.upcoming().is_empty());
    // A reopening ends nobody's request, so it is confirmed all the same.
    let is_uncounted = closes && servers.iter().any(|server| server.counts == Counts::Own);
    let verdict = if confirmed < expect.instances.max(1) || servers.iter().any(blocks) {
        Verdict::NotConfirmed
    } else if sites.iter().any(|(host, mode)| *mode == Mode::Off && to_come(host)) {
        Verdict::Scheduled
    } else if is_uncounted {
        Verdict::InForce
    } else if cut.is_empty() && ended.is_empty() {
        Verdict::Confirmed
    } else {
        Verdict::Forced
    };
    Receipt {
        verdict,
        store: String::new(),
        lineage: state.lineage.clone(),
        revision: state.revision,
        admits: admits(state, &sites, &there().collect::<Vec<_>>()),
        sites,
        servers,
        cut,
        ended,
        drained: 0,
        took_ms: 0,
    }
}

/// How closed the site is that is written under exactly this host.
pub(super) fn mode(snapshot: &Snapshot, host: &Host) -> Mode {
    snapshot.exactly(host).map_or(Mode::Off, |site| site.mode())
}

/// The names of those rules that let visitors into closed sites, on any of the servers that are `there`.
pub(super) fn admits(state: &State, sites: &BTreeMap<Host, Mode>, there: &[&Report]) -> Vec<String> {
    // If nobody is there: so it will be with the first who comes.
    let somewhere =
        |lets_in: &dyn Fn(&Report) -> bool| there.is_empty() || there.iter().any(|report| lets_in(report));
    let by_rule = |name: &String| somewhere(&|report| !report.ignores.contains(name));
    let built_in =
        |name: &String| somewhere(&|report| report.health == Health::On && !report.ignores.contains(name));
    let mut names = Vec::new();
    for host in sites.iter().filter(|(_, mode)| **mode > Mode::Off).map(|(host, _)| host) {
        // A site's rules are those of the most special site that states some.
        let stated = || host.line().filter_map(|wider| state.site(&wider));
        let rules = stated().find_map(|site| site.rules.clone()).unwrap_or_default();
        let open = rules.iter().filter(|rule| rule.then == Effect::Open);
        names.extend(open.map(|rule| rule.name.to_string()).filter(by_rule));
        let health = stated().find_map(|site| site.health).unwrap_or_default() == Health::default();
        let page = state.page(host);
        let logo = page.logo.as_ref().and_then(|logo| logo.path()).map(|path| format!("the logo {path}"));
        let health = health.then(|| "health paths".to_owned());
        let robots = (page.robots == Robots::Open).then(|| "robots.txt".to_owned());
        names.extend(health.into_iter().chain(robots).chain(logo).filter(built_in));
    }
    let mut said = BTreeSet::new();
    names.retain(|name| said.insert(name.clone()));
    names
}
