//! The proof that a change is in force everywhere: every instance has applied it, and its earlier requests have ended.
//!
//! An instance confirms by reporting all of these at once:
//! 1. this lineage and this revision, or a later one,
//! 2. on every site concerned, a mode at least as strict as the one asked for,
//! 3. no request left there that was admitted before the site became stricter,
//! 4. nothing that it refuses to apply.
//!
//! Behind a proxy that only asks ([`Counts::Own`]) nobody knows when earlier requests end: then a closing is *in force* and
//! never confirmed.
//!
//! A report with the new revision was written after the change, so it needs no clock to be believed. One without it
//! is *late*; if its beat has not moved for its lease, by the reader's clock, it is *lost* and blocks the receipt all the
//! same, since it may still be serving. A process that has ended on this machine serves nobody and blocks nothing, unless it
//! is a mirror: its proxy goes on by the files that it left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::control::Control;
use crate::decide::Local;
use crate::document::{Health, Host, Lineage, Mode, Robots, State};
use crate::fleet::{self, Counts, Kind, Life, Lookout, Report, Roster};
use crate::rules::Effect;
use crate::running::{Cut, Running};
use crate::snapshot::Snapshot;
use crate::store;
use crate::time::Timestamp;

/// What a receipt is asked to prove.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    /// The sites that the change is about.
    pub sites: Vec<Host>,
    /// Fewer instances than this confirm nothing.
    pub instances: usize,
    /// What to do about lost instances.
    pub lost: Lost,
}

/// What to do about an instance whose beat has stopped without a farewell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lost {
    /// It may still be serving, so it blocks the receipt.
    #[default]
    Blocks,
    /// Whoever asks knows better; the receipt says so.
    Accepted,
}

/// What was found, and whether that is what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Whether everyone has confirmed.
    pub verdict: Verdict,
    /// The store's URL.
    pub store: String,
    /// The document's history.
    pub lineage: Lineage,
    /// The revision that was asked for.
    pub revision: u64,
    /// The sites concerned and the mode asked for on each.
    pub sites: BTreeMap<Host, Mode>,
    /// Everyone on the roster.
    pub servers: Vec<Server>,
    /// What is let in all the same on these sites, by the State's rules; each server's own are with the server.
    pub admits: Vec<String>,
    /// Requests that were cut for the sake of this change; if there are any, nothing was clean.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<ServerCut>,
    /// How many earlier requests were seen to be running at most, all of which have ended if this is confirmed.
    pub drained: usize,
    /// From the question to the last look, in milliseconds.
    pub took_ms: u64,
}

/// Whether a change is in force everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everyone has it, and every earlier request has ended by itself.
    Confirmed,
    /// Everyone has it, and no earlier request runs any more; some were cut.
    Forced,
    /// Everyone has it, and every earlier request that anybody counts has ended; behind some servers nobody counts them.
    InForce,
    /// Everyone has it, and it will be in force at its time; nothing is closed yet.
    Scheduled,
    /// Somebody is late, or too few are there.
    NotConfirmed,
}

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

/// What keeps an instance from confirming.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "why")]
#[non_exhaustive]
pub enum Late {
    /// It lives and has an earlier revision, or none.
    #[error("still has revision {revision}")]
    Behind {
        /// The revision that it has; 0 without one.
        revision: u64,
    },
    /// Its beat has stopped.
    #[error("lost: not heard from for {} s; it may still be serving", .silent_ms / 1000)]
    Lost {
        /// For how long, by the reader's clock, in milliseconds.
        silent_ms: u64,
    },
    /// Its beat has stopped, and by its own lease it has closed itself since.
    #[error("fenced: not heard from for {} s, and has closed itself; earlier requests may still run there", .silent_ms / 1000)]
    Fenced {
        /// For how long, by the reader's clock, in milliseconds.
        silent_ms: u64,
    },
    /// It says why it does not follow.
    #[error("does not follow: {trouble}")]
    Refuses {
        /// In its own words.
        trouble: String,
    },
    /// It has the revision, but a site is less strict there than it should be (a clock that is off, say).
    #[error("{host} is {mode} there (its clock is {skew_ms} ms off ours, the way of the report included)")]
    LessStrict {
        /// The site.
        host: Host,
        /// The mode there.
        mode: Mode,
        /// Its clock in its last report less ours when we read it, in milliseconds.
        skew_ms: i64,
    },
    /// Earlier requests still run.
    #[error("{}", still_running(*.requests, .oldest.as_ref()))]
    Draining {
        /// How many.
        requests: usize,
        /// The one that has run longest.
        #[serde(skip_serializing_if = "Option::is_none")]
        oldest: Option<Running>,
    },
}

// === impl Control ===

impl Control {
    /// Waits until `state` is in force everywhere, at most for `patience`, and says what was found.
    ///
    /// `each` is shown every look, for a display that follows along.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn wait(
        &self,
        state: &State,
        expect: &Expect,
        patience: Duration,
        mut each: impl FnMut(&Receipt),
    ) -> store::Result<Receipt> {
        let begun = Instant::now();
        let mut lookout = Lookout::new();
        let mut drained = 0;
        let mut pause = Duration::from_millis(5);
        loop {
            let looked = Instant::now();
            let mut receipt = self.receipt(state, expect, &mut lookout).await?;
            let draining = receipt.servers.iter().map(|server| match server.late {
                Some(Late::Draining { requests, .. }) => requests,
                _ => 0,
            });
            drained = drained.max(draining.sum());
            receipt.drained = drained;
            receipt.took_ms = begun.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
            each(&receipt);
            if receipt.verdict != Verdict::NotConfirmed || begun.elapsed() >= patience {
                return Ok(receipt);
            }
            // The roster of a large fleet takes the store's time, which its instances need as well.
            let pause_now = pause.max(looked.elapsed());
            tokio::time::sleep(pause_now.min(patience.saturating_sub(begun.elapsed()))).await;
            pause = (pause * 2).min(Duration::from_millis(200));
        }
    }

    /// Looks once whether `state` is in force everywhere. Who is lost is told by the earlier looks of `lookout`.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn receipt(
        &self,
        state: &State,
        expect: &Expect,
        lookout: &mut Lookout,
    ) -> store::Result<Receipt> {
        let reports = fleet::reports(&**self.store()).await?;
        Ok(Receipt { store: self.store().url(), ..look(state, expect, &reports, lookout) })
    }
}

// === impl Receipt ===

impl Receipt {
    /// What `roster` proves, which was read for `lookout` from the store at `store`, and not begun to be read before
    /// `state` lay there. It proves as much a moment later: who has confirmed has, and whoever has joined since found this
    /// State or a later one. One that was begun earlier proves nothing: it may miss somebody who joined before the change.
    pub fn of(store: String, state: &State, expect: &Expect, roster: &Roster, lookout: &Lookout) -> Self {
        let reports: Vec<&Report> = roster.0.iter().map(|member| &member.report).collect();
        Self { store, ..judge(state, expect, &reports, lookout) }
    }
}

fn look(state: &State, expect: &Expect, reports: &[Report], lookout: &mut Lookout) -> Receipt {
    lookout.look(reports);
    judge(state, expect, &reports.iter().collect::<Vec<_>>(), lookout)
}

fn judge(state: &State, expect: &Expect, reports: &[&Report], lookout: &Lookout) -> Receipt {
    let now = Timestamp::now();
    let snapshot = Snapshot::settle(state, &Local::default(), now, None);
    let mode = |host: &Host| snapshot.exactly(host).map_or(Mode::Off, |site| site.mode());
    let sites: BTreeMap<Host, Mode> = expect.sites.iter().map(|host| (host.clone(), mode(host))).collect();
    let there = || reports.iter().copied().filter(|report| report.lives() != Some(Life::Dead));
    let servers: Vec<Server> = there()
        .map(|report| Server {
            name: report.name.clone(),
            kind: report.kind,
            counts: report.counts,
            admits: report.admits.clone(),
            refuses: report.refuses.clone(),
            ignores: report.ignores.clone(),
            late: late(state, &sites, report, lookout.silence(&report.name), now),
        })
        .collect();
    let cut: Vec<ServerCut> = there().flat_map(|report| cut(report, state, &sites)).collect();

    let blocks = |server: &Server| match &server.late {
        None => false,
        Some(Late::Lost { .. } | Late::Fenced { .. }) => expect.lost == Lost::Blocks,
        Some(_) => true,
    };
    let confirmed = servers.iter().filter(|server| server.late.is_none()).count();
    let to_come = |host: &Host| snapshot.exactly(host).is_some_and(|site| !site.upcoming().is_empty());
    // A reopening ends nobody's request, so it is confirmed all the same.
    let closes = sites.values().any(|mode| *mode > Mode::Off);
    let is_uncounted = closes && servers.iter().any(|server| server.counts == Counts::Own);
    let verdict = if confirmed < expect.instances.max(1) || servers.iter().any(blocks) {
        Verdict::NotConfirmed
    } else if sites.iter().any(|(host, mode)| *mode == Mode::Off && to_come(host)) {
        Verdict::Scheduled
    } else if is_uncounted {
        Verdict::InForce
    } else if cut.is_empty() {
        Verdict::Confirmed
    } else {
        Verdict::Forced
    };
    Receipt {
        verdict,
        store: String::new(),
        lineage: state.lineage.clone(),
        revision: state.revision,
        admits: admits(state, &sites),
        sites,
        servers,
        cut,
        drained: 0,
        took_ms: 0,
    }
}

fn is_all(counts: &Counts) -> bool {
    *counts == Counts::All
}

/// The names of those rules that let visitors into closed sites.
fn admits(state: &State, sites: &BTreeMap<Host, Mode>) -> Vec<String> {
    let mut names = Vec::new();
    for host in sites.iter().filter(|(_, mode)| **mode > Mode::Off).map(|(host, _)| host) {
        // A site's rules are those of the most special site that states some.
        let stated = || host.line().filter_map(|wider| state.site(&wider));
        let rules = stated().find_map(|site| site.rules.clone()).unwrap_or_default();
        names.extend(rules.iter().filter(|rule| rule.then == Effect::Open).map(|rule| rule.name.to_string()));
        if stated().find_map(|site| site.health).unwrap_or_default() == Health::default() {
            names.push("health paths".to_owned());
        }
        let page = state.page(host);
        names.extend((page.robots == Robots::Open).then(|| "robots.txt".to_owned()));
        names.extend(page.logo.as_ref().and_then(|logo| logo.path()).map(|path| format!("the logo {path}")));
    }
    let mut said = BTreeSet::new();
    names.retain(|name| said.insert(name.clone()));
    names
}

/// What `report` tells of requests that were cut for the sake of this change or of a later one.
fn cut(report: &Report, state: &State, sites: &BTreeMap<Host, Mode>) -> Vec<ServerCut> {
    let concerned = |cut: &&Cut| {
        report.lineage.as_ref() == Some(&state.lineage)
            && cut.revision >= state.revision
            && sites.keys().any(|site| site.covers(&cut.site) || cut.site.covers(site))
    };
    let named = |cut: &Cut| ServerCut { server: report.name.clone(), request: cut.request.clone() };
    report.cuts.iter().filter(concerned).map(named).collect()
}

/// `3 earlier requests still run, the oldest POST /checkout for 12 s`
fn still_running(requests: usize, oldest: Option<&Running>) -> String {
    let (s, verb) = if requests == 1 { ("", "runs") } else { ("s", "run") };
    let named = |running: &Running| {
        let Running { method, path, age_ms } = running;
        let the_oldest = if requests == 1 { "" } else { "the oldest " };
        format!(", {the_oldest}{method} {path} for {} s", age_ms / 1000)
    };
    format!("{requests} earlier request{s} still {verb}{}", oldest.map(named).unwrap_or_default())
}

fn late(
    state: &State,
    sites: &BTreeMap<Host, Mode>,
    report: &Report,
    silence: Duration,
    now: Timestamp,
) -> Option<Late> {
    let silent_ms = silence.as_millis().try_into().unwrap_or(u64::MAX);
    let remote = report.lives().is_none();
    let lost = silent_ms > report.lease_ms && remote;
    let fenced = remote && report.fenced_after().is_some_and(|fenced| silence >= fenced);
    if !report.has(state) {
        return Some(match report.troubles.first() {
            _ if fenced => Late::Fenced { silent_ms },
            _ if lost => Late::Lost { silent_ms },
            Some(trouble) => Late::Refuses { trouble: trouble.clone() },
            None => Late::Behind { revision: report.revision },
        });
    }
    let there = |host: &Host| report.closings.get(host).copied().unwrap_or_default();
    // A later revision may have opened the site again; then this one cannot be confirmed any more, nor need it be.
    let less = sites.iter().find(|(host, mode)| report.revision == state.revision && there(host) < **mode);
    if let Some((host, _)) = less {
        let skew_ms = report.clock.as_millis() - now.as_millis();
        return Some(Late::LessStrict { host: host.clone(), mode: there(host), skew_ms });
    }
    let is_concerned = |host: &Host| sites.keys().any(|site| site.covers(host));
    let draining = report.draining.iter().filter(|(host, _)| is_concerned(host));
    match draining.map(|(_, requests)| requests).sum() {
        0 => None,
        _ if fenced => Some(Late::Fenced { silent_ms }),
        _ if lost => Some(Late::Lost { silent_ms }),
        requests => {
            let oldest =
                report.oldest.iter().filter(|(host, _)| is_concerned(host)).map(|(_, oldest)| oldest);
            Some(Late::Draining { requests, oldest: oldest.max_by_key(|running| running.age_ms).cloned() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Window;
    use crate::fleet::Place;

    fn closed(revision: u64) -> State {
        let mut state = State { revision, ..State::new() };
        state.default.windows.push(Window::new(Mode::On));
        state
    }

    fn report(state: &State, name: &str) -> Report {
        let place = Place { host: "elsewhere".into(), boot: "another".into(), pid: 1, started: 1 };
        Report {
            beat: 1,
            lineage: Some(state.lineage.clone()),
            revision: state.revision,
            closings: [(Host::any(), Mode::On)].into(),
            ..Report::new(name, Kind::Web, place)
        }
    }

    fn verdict(state: &State, reports: &[Report]) -> (Verdict, Option<Late>) {
        let expect = Expect { sites: vec![Host::any()], ..Expect::default() };
        let receipt = look(state, &expect, reports, &mut Lookout::new());
        (receipt.verdict, receipt.servers.into_iter().find_map(|server| server.late))
    }

    #[test]
    fn nobody_confirms_nothing() {
        assert_eq!(verdict(&closed(3), &[]), (Verdict::NotConfirmed, None));
    }

    #[test]
    fn everyone_confirms_and_a_later_revision_counts() {
        let state = closed(3);
        let later = Report { revision: 4, ..report(&state, "b") };
        assert_eq!(verdict(&state, &[report(&state, "a"), later]), (Verdict::Confirmed, None));
    }

    #[test]
    fn one_who_is_behind_refuses_drains_or_is_less_strict_is_late() {
        let state = closed(3);
        let fine = report(&state, "a");
        let behind = Report { revision: 2, ..report(&state, "b") };
        assert_eq!(verdict(&state, &[fine.clone(), behind.clone()]).1, Some(Late::Behind { revision: 2 }));
        // What is wrong with something else is no reason.
        let remarks = Report { remarks: vec!["a page".into()], ..behind.clone() };
        assert_eq!(verdict(&state, &[fine.clone(), remarks]).1, Some(Late::Behind { revision: 2 }));
        let refuses = Report { troubles: vec!["schema 2".into()], ..behind };
        assert_eq!(
            verdict(&state, &[fine.clone(), refuses]).1,
            Some(Late::Refuses { trouble: "schema 2".into() })
        );
        let shop: Host = "shop.example.com".parse().unwrap();
        let drains = Report { draining: [(shop, 2)].into(), ..report(&state, "b") };
        let late = verdict(&state, &[fine.clone(), drains]).1;
        assert_eq!(late, Some(Late::Draining { requests: 2, oldest: None }));
        let open = Report { closings: BTreeMap::new(), ..report(&state, "b") };
        assert!(matches!(verdict(&state, &[fine, open]).1, Some(Late::LessStrict { mode: Mode::Off, .. })));
    }

    #[test]
    fn a_closing_is_never_confirmed_where_nobody_counts() {
        let state = closed(3);
        let asked = Report { kind: Kind::Auth, counts: Counts::Own, ..report(&state, "asked") };
        let running = Running { method: "GET".into(), path: "/".into(), age_ms: 9 };
        let cut = Cut { site: Host::any(), revision: 3, request: running };
        let forced = Report { cuts: vec![cut], ..report(&state, "a") };
        assert_eq!(verdict(&state, std::slice::from_ref(&forced)).0, Verdict::Forced);
        assert_eq!(verdict(&state, &[forced, asked.clone()]), (Verdict::InForce, None));
        let behind = Report { revision: 2, ..asked.clone() };
        assert_eq!(verdict(&state, &[report(&state, "a"), behind]).0, Verdict::NotConfirmed);
        let open = State { revision: 4, ..State::new() };
        let asked =
            Report { lineage: Some(open.lineage.clone()), revision: 4, closings: BTreeMap::new(), ..asked };
        assert_eq!(verdict(&open, &[asked]), (Verdict::Confirmed, None), "nobody's request ends");
    }

    #[tokio::test(start_paused = true)]
    async fn a_mirror_that_has_ended_blocks_since_its_proxy_goes_on() {
        let state = closed(3);
        // Of this machine, with the id of a process that is another one.
        let ended = Place { started: 0, ..Place::here() };
        assert_eq!(ended.lives(), Some(Life::Dead));
        let gate = Report { place: ended.clone(), revision: 2, ..report(&state, "gate") };
        assert_eq!(verdict(&state, &[report(&state, "a"), gate.clone()]), (Verdict::Confirmed, None));
        let mirror = Report { kind: Kind::Mirror, on_lost: fleet::OnLost::Close, ..gate };
        let reports = [report(&state, "a"), mirror];
        assert_eq!(verdict(&state, &reports), (Verdict::NotConfirmed, Some(Late::Behind { revision: 2 })));
        let (expect, mut lookout) =
            (Expect { sites: vec![Host::any()], ..Expect::default() }, Lookout::new());
        let _ = look(&state, &expect, &reports, &mut lookout);
        tokio::time::advance(Duration::from_secs(60)).await;
        let late = look(&state, &expect, &reports, &mut lookout).servers[1].late.clone();
        assert_eq!(late, Some(Late::Lost { silent_ms: 60_000 }), "and it has closed nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn a_beat_that_stops_is_lost_and_blocks_unless_that_is_accepted() {
        let state = closed(3);
        let reports = [report(&state, "a"), Report { revision: 2, ..report(&state, "b") }];
        let mut lookout = Lookout::new();
        let mut expect = Expect { sites: vec![Host::any()], ..Expect::default() };
        let _ = look(&state, &expect, &reports, &mut lookout);
        tokio::time::advance(Duration::from_secs(11)).await;
        let receipt = look(&state, &expect, &reports, &mut lookout);
        assert_eq!(receipt.verdict, Verdict::NotConfirmed);
        assert_eq!(receipt.servers[1].late, Some(Late::Lost { silent_ms: 11_000 }));
        expect.lost = Lost::Accepted;
        assert_eq!(look(&state, &expect, &reports, &mut lookout).verdict, Verdict::Confirmed);
        expect.instances = 2;
        assert_eq!(look(&state, &expect, &reports, &mut lookout).verdict, Verdict::NotConfirmed);
    }

    #[test]
    fn a_window_to_come_is_scheduled_and_never_confirmed() {
        let mut state = closed(3);
        state.default.windows[0].start = Some(Timestamp::now() + Duration::from_secs(600));
        let open = Report { closings: BTreeMap::new(), ..report(&state, "a") };
        assert_eq!(verdict(&state, &[open]), (Verdict::Scheduled, None));
    }
}
