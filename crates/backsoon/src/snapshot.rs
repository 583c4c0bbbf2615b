//! One revision made ready: every site with its mode settled and its replies rendered.

mod closed;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use rustc_hash::FxHashMap;

use crate::decide::{Local, Policy, Reason};
use crate::document::{
    Health, Hold, Host, Mode, Page, Site, State, Window, WindowId, opens, plain_host, strictest,
};
use crate::pass::Passes;
use crate::reply::{Notice, Reopens, Replies, Reply};
use crate::request::{Effect, Request};
use crate::rules::Rule;
use crate::tally::Counters;
use crate::time::Timestamp;

pub use closed::Closed;

/// The field by which answers of an open site announce that it will close.
pub const UPCOMING_HEADER: HeaderName = HeaderName::from_static("backsoon-upcoming");

/// Every site of one State, settled at one moment. Valid until the next edge of a window.
#[derive(Debug)]
pub struct Snapshot {
    any: Arc<Settled>,
    hosts: FxHashMap<Box<str>, Arc<Settled>>,
    /// By the part after `*`, its dot included.
    suffixes: FxHashMap<Box<str>, Arc<Settled>>,
    next_edge: Option<Timestamp>,
}

/// One site at one moment. Requests that it admitted keep it until their last byte.
#[derive(Debug)]
pub struct Settled {
    host: Host,
    policy: Policy,
    /// Told when the mode refuses, and when a rule does.
    by_mode: Replies,
    by_rule: Replies,
    hold: Hold,
    cut_after: Option<(Duration, WindowId)>,
    upcoming: Vec<Window>,
    announced: Option<Upcoming>,
    /// More special sites, whose requests never come here.
    carved: Vec<Host>,
    retired: AtomicBool,
    /// Of its window; whoever puts the site in force sets them before.
    counters: OnceLock<Arc<Counters>>,
}

/// A closing to come that visitors may be told about: for banners.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upcoming {
    /// The window's name.
    pub window: WindowId,
    /// How closed the site will be.
    pub mode: Mode,
    /// From when on.
    pub start: Timestamp,
    /// Until when, if that is known.
    pub end: Option<Timestamp>,
    /// What visitors will be told.
    pub message: Option<String>,
    field: HeaderValue,
}

/// What makes a settled site; if it is the same, so is the site.
#[derive(PartialEq)]
struct Plan {
    policy_mode: Mode,
    rules: Arc<[Rule]>,
    health: Health,
    passes: Arc<Passes>,
    by_mode: Notice,
    by_rule: Notice,
    hold: Hold,
    cut_after: Option<(Duration, WindowId)>,
    upcoming: Vec<Window>,
    announced: Option<Upcoming>,
    /// When the next of them is to be announced.
    next_announcement: Option<Timestamp>,
    carved: Vec<Host>,
}

// === impl Snapshot ===

impl Snapshot {
    /// Settles every site of `state` at `now`. A site that is the same as in `before` is kept, not made anew: its
    /// requests are no older than the ones to come.
    pub fn settle(state: &State, local: &Local, now: Timestamp, before: Option<&Self>) -> Self {
        let mut carved: BTreeMap<Host, Vec<Host>> = BTreeMap::new();
        for (host, _) in state.sites() {
            for wider in host.line().skip(1).filter(|wider| state.site(wider).is_some()) {
                carved.entry(wider).or_default().push(host.clone());
            }
        }
        let passes = Passes::at(state, now);
        let mut settled = BTreeMap::new();
        let mut announcements = Vec::new();
        for (host, _) in state.sites() {
            let carved = carved.remove(&host).unwrap_or_default();
            let plan = Plan::new(state, &host, carved, &passes, now);
            announcements.extend(plan.next_announcement);
            let kept = before.and_then(|before| before.exactly(&host)).filter(|old| old.is(&plan));
            let site = kept.cloned().unwrap_or_else(|| Arc::new(Settled::new(host.clone(), plan, local)));
            settled.insert(host, site);
        }
        let edges =
            state.sites().flat_map(|(_, site)| &site.windows).flat_map(|w| [w.start, w.end]).flatten();
        let expiries = state.passes.iter().map(|pass| pass.expires);
        let next_edge = edges.chain(announcements).chain(expiries).filter(|&edge| edge > now).min();

        let mut snapshot = Self {
            // `State::sites` begins with the default.
            any: settled.remove(&Host::any()).unwrap_or_else(|| Arc::new(Settled::open(local))),
            hosts: FxHashMap::default(),
            suffixes: FxHashMap::default(),
            next_edge,
        };
        for (host, site) in settled {
            match host.suffix() {
                Some(suffix) => snapshot.suffixes.insert(suffix.into(), site),
                None => snapshot.hosts.insert(host.as_str().into(), site),
            };
        }
        snapshot
    }

    /// The most special site for an authority or `Host` header as sent.
    pub fn site(&self, authority: &str) -> &Arc<Settled> {
        if self.hosts.is_empty() && self.suffixes.is_empty() {
            return &self.any;
        }
        // Most hosts are sent as documents write them, and looking one up costs less than reading it.
        if let Some(site) = self.hosts.get(authority) {
            return site;
        }
        self.site_of(&plain_host(authority))
    }

    fn site_of(&self, host: &str) -> &Arc<Settled> {
        if let Some(site) = self.hosts.get(host) {
            return site;
        }
        // No suffix has more than the 253 bytes of a DNS name (RFC 1035 §2.3.4), so only dots near the end are worth a
        // look-up. Whatever stands before them, if anything does: the gate finds the upstream by the end alone.
        if !self.suffixes.is_empty() {
            let dots = host.match_indices('.').filter(|(at, _)| host.len() - at <= 253);
            if let Some(site) = dots.into_iter().find_map(|(dot, _)| self.suffixes.get(&host[dot..])) {
                return site;
            }
        }
        &self.any
    }

    /// The site that is written under exactly this host.
    pub fn exactly(&self, host: &Host) -> Option<&Arc<Settled>> {
        match host.suffix() {
            _ if host.is_any() => Some(&self.any),
            Some(suffix) => self.suffixes.get(suffix),
            None => self.hosts.get(host.as_str()),
        }
    }

    /// Every settled site, the default first.
    pub fn sites(&self) -> impl Iterator<Item = &Arc<Settled>> {
        std::iter::once(&self.any).chain(self.suffixes.values()).chain(self.hosts.values())
    }

    /// Every site that is not open, with its mode.
    pub fn closings(&self) -> BTreeMap<Host, Mode> {
        let closed = self.sites().filter(|site| site.mode() > Mode::Off);
        closed.map(|site| (site.host().clone(), site.mode())).collect()
    }

    /// The next moment at which a window begins or ends or a pass expires, and this snapshot is out of date.
    pub fn next_edge(&self) -> Option<Timestamp> {
        self.next_edge
    }
}

// === impl Plan ===

impl Plan {
    fn new(state: &State, host: &Host, carved: Vec<Host>, passes: &Passes, now: Timestamp) -> Self {
        let line: Vec<&Site> = host.line().filter_map(|host| state.site(&host)).collect();
        let windows = line.iter().flat_map(|site| &site.windows);
        let strictest = strictest(windows.clone(), now);
        let policy_mode = strictest.map_or(Mode::Off, |window| window.mode);
        let page: Arc<Page> = line.iter().find_map(|site| site.page.clone()).unwrap_or_default();
        let reopens = Reopens {
            safe: opens(windows.clone(), Mode::Hold, now).filter(|&at| at > now),
            all: opens(windows.clone(), Mode::ReadOnly, now).filter(|&at| at > now),
        };
        let by_mode = Notice { page: Arc::clone(&page), window: strictest.cloned(), reopens };
        // A rule goes on refusing when the window has ended, so it promises no time.
        let by_rule = Notice {
            page: Arc::clone(&page),
            window: strictest.filter(|window| window.mode.is_closed()).cloned(),
            reopens: Reopens::default(),
        };
        let in_force = windows.clone().filter(|window| window.mode > Mode::Off && window.in_force(now));
        let cut_after = in_force.filter_map(|window| Some((window.cut_after_ms?, &window.id))).min();
        let cut_after = cut_after.map(|(millis, window)| (Duration::from_millis(millis), window.clone()));
        let mut upcoming: Vec<Window> =
            windows.filter(|window| window.start.is_some_and(|start| start > now)).cloned().collect();
        upcoming.sort_by_key(|window| window.start);
        let announcement = |window: &Window| Some(window.start? - Duration::from_secs(page.announce?.into()));
        let closing = || upcoming.iter().filter(|window| window.mode > Mode::Off);
        let announced = closing().find(|window| announcement(window).is_some_and(|from| from <= now));
        let announced = announced.and_then(Upcoming::new);
        let next_announcement = closing().filter_map(announcement).filter(|&from| from > now).min();
        Self {
            policy_mode,
            rules: line.iter().find_map(|site| site.rules.clone()).unwrap_or_default(),
            health: line.iter().find_map(|site| site.health).unwrap_or_default(),
            passes: Arc::new(passes.of(host)),
            hold: strictest.map(|window| window.hold).unwrap_or_default(),
            cut_after,
            by_mode,
            by_rule,
            upcoming,
            announced,
            next_announcement,
            carved,
        }
    }
}

// === impl Settled ===

impl Settled {
    fn new(host: Host, plan: Plan, local: &Local) -> Self {
        Self {
            host,
            policy: Policy {
                local: local.clone(),
                rules: plan.rules,
                health: plan.health,
                page: Arc::clone(&plan.by_mode.page),
                passes: plan.passes,
                mode: plan.policy_mode,
                window: plan.by_mode.window.as_ref().map(|window| window.id.clone()),
            },
            by_mode: Replies::new(plan.by_mode),
            by_rule: Replies::new(plan.by_rule),
            hold: plan.hold,
            cut_after: plan.cut_after,
            upcoming: plan.upcoming,
            announced: plan.announced,
            carved: plan.carved,
            retired: AtomicBool::new(false),
            counters: OnceLock::new(),
        }
    }

    fn open(local: &Local) -> Self {
        let state = State::new();
        Self::new(
            Host::any(),
            Plan::new(&state, &Host::any(), Vec::new(), &Passes::default(), Timestamp::from_millis(0)),
            local,
        )
    }

    fn is(&self, plan: &Plan) -> bool {
        self.policy.mode == plan.policy_mode
            && self.policy.health == plan.health
            && self.policy.passes == plan.passes
            && self.hold == plan.hold
            && self.cut_after == plan.cut_after
            && self.carved == plan.carved
            && self.upcoming == plan.upcoming
            && self.announced == plan.announced
            && *self.by_mode.notice() == plan.by_mode
            && *self.by_rule.notice() == plan.by_rule
            && same_rules(&self.policy.rules, &plan.rules)
    }

    /// The site's host, suffix or `*`.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// What decisions about it rest on.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How closed it is.
    pub fn mode(&self) -> Mode {
        self.policy.mode
    }

    /// The window that makes it so.
    pub fn window(&self) -> Option<&Window> {
        self.by_mode.notice().window.as_ref()
    }

    /// From when on no known window shuts visitors out; none if it is not closed, or nobody knows.
    pub fn reopens(&self) -> Option<Timestamp> {
        self.by_mode.notice().reopens.safe.filter(|_| self.mode().is_closed())
    }

    /// The windows still to come, the next one first.
    pub fn upcoming(&self) -> &[Window] {
        &self.upcoming
    }

    /// The closing to come that is to be announced by now.
    pub fn announced(&self) -> Option<&Upcoming> {
        self.announced.as_ref()
    }

    /// The reply to a request that was refused for `reason`.
    pub fn reply(&self, request: &Request<'_>, reason: Reason<'_>, now: Timestamp) -> Reply {
        match reason {
            Reason::Mode(..) => self.by_mode.reply(request, now),
            _ => self.by_rule.reply(request, now),
        }
    }

    pub(crate) fn page(&self) -> &Page {
        &self.by_mode.notice().page
    }

    /// Why the site's own page is not shown, if it is not.
    pub fn trouble(&self) -> Option<&str> {
        self.by_mode.trouble().or_else(|| self.by_rule.trouble())
    }

    pub(crate) fn hold(&self) -> Hold {
        self.hold
    }

    /// How long earlier requests may go on running once this site is in force.
    pub(crate) fn cut_after(&self) -> Option<Duration> {
        self.cut_after.as_ref().map(|(after, _)| *after)
    }

    /// The window that says so.
    pub(crate) fn cut_by(&self) -> Option<&WindowId> {
        self.cut_after.as_ref().map(|(_, window)| window)
    }

    /// Has it count for its window from now on; the first to say so is heard.
    pub(crate) fn count_for(&self, counters: &Arc<Counters>) {
        self.counters.get_or_init(|| Arc::clone(counters));
    }

    /// What counts for its window.
    pub(crate) fn counters(&self) -> Option<&Arc<Counters>> {
        self.counters.get()
    }

    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Whether requests that `older` admitted may belong to this site and be refused by it.
    pub(crate) fn outdates(&self, older: &Self) -> bool {
        self.shares_hosts_with(older) && self.is_stricter_than(older)
    }

    fn shares_hosts_with(&self, older: &Self) -> bool {
        let beyond = |inner: &Host, carved: &[Host]| !carved.iter().any(|carved| carved.covers(inner));
        if older.host == self.host {
            true
        } else if older.host.covers(&self.host) {
            beyond(&self.host, &older.carved)
        } else {
            self.host.covers(&older.host) && beyond(&older.host, &self.carved)
        }
    }

    fn is_stricter_than(&self, older: &Self) -> bool {
        let closed_by_rule = self.policy.rules.iter().any(|rule| rule.then == Effect::Closed);
        if self.policy.mode == Mode::Off && !closed_by_rule {
            return false;
        }
        self.policy.mode > older.policy.mode
            || self.policy.health != older.policy.health
            || self.policy.page.robots != older.policy.page.robots
            || self.policy.page.logo != older.policy.page.logo
            || !same_rules(&self.policy.rules, &older.policy.rules)
    }
}

// === impl Upcoming ===

impl Upcoming {
    fn new(window: &Window) -> Option<Self> {
        let start = window.start?;
        Some(Self {
            window: window.id.clone(),
            mode: window.mode,
            start,
            end: window.end,
            message: window.message.clone(),
            // A time in RFC 3339 is ASCII.
            field: HeaderValue::from_str(&start.to_string()).ok()?,
        })
    }

    /// The value of [`UPCOMING_HEADER`].
    pub fn field(&self) -> &HeaderValue {
        &self.field
    }
}

fn same_rules(a: &Arc<[Rule]>, b: &Arc<[Rule]>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}
