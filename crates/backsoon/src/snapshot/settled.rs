//! One site, settled: what it decides by, what it answers, and what it counts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::Upcoming;
use super::plan::Plan;
use crate::decide::{Local, Policy, Reason};
use crate::document::{Hold, Host, Mode, Page, State, Window, WindowId};
use crate::pass::Passes;
use crate::reply::{Replies, Reply};
use crate::request::{Effect, Request};
use crate::rules::Rule;
use crate::tally::Counters;
use crate::time::Timestamp;

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

// === impl Settled ===

impl Settled {
    pub(super) fn new(host: Host, plan: Plan, local: &Local) -> Self {
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

    pub(super) fn open(local: &Local) -> Self {
        let state = State::new();
        Self::new(
            Host::any(),
            Plan::new(&state, &Host::any(), Vec::new(), &Passes::default(), Timestamp::from_millis(0)),
            local,
        )
    }

    pub(super) fn is(&self, plan: &Plan) -> bool {
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

fn same_rules(a: &Arc<[Rule]>, b: &Arc<[Rule]>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}
