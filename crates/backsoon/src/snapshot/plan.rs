//! What a site comes to at one moment: its own windows, rules and page, and those of the wider sites.

use std::sync::Arc;
use std::time::Duration;

use super::Upcoming;
use crate::document::{Health, Hold, Host, Mode, Page, Site, State, Window, WindowId, opens, strictest};
use crate::pass::Passes;
use crate::reply::{Notice, Reopens};
use crate::rules::Rule;
use crate::time::Timestamp;

/// What makes a settled site; if it is the same, so is the site.
#[derive(PartialEq)]
pub(super) struct Plan {
    pub(super) policy_mode: Mode,
    pub(super) rules: Arc<[Rule]>,
    pub(super) health: Health,
    pub(super) passes: Arc<Passes>,
    pub(super) by_mode: Notice,
    pub(super) by_rule: Notice,
    pub(super) hold: Hold,
    pub(super) cut_after: Option<(Duration, WindowId)>,
    pub(super) upcoming: Vec<Window>,
    pub(super) announced: Option<Upcoming>,
    /// When the next of them is to be announced.
    pub(super) next_announcement: Option<Timestamp>,
    pub(super) carved: Vec<Host>,
}

// === impl Plan ===

impl Plan {
    pub(super) fn new(
        state: &State,
        host: &Host,
        carved: Vec<Host>,
        passes: &Passes,
        now: Timestamp,
    ) -> Self {
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
