//! The sum: what every server says of one closing, added up, with those who may have more to say.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Impact;
use super::pass_use::passes;
use crate::document::{Host, State, Window, WindowId};
use crate::fleet::{Kind, Life, Member, Report, Roster};
use crate::tally::{Seen, Tally, Waits};
use crate::time::Timestamp;

// === impl Impact ===

impl Impact {
    pub(super) fn sum(
        site: &Host,
        window: &Window,
        from: Option<Timestamp>,
        ending: Option<(Timestamp, Option<String>)>,
        state: &State,
        roster: &Roster,
    ) -> Self {
        let members = || roster.0.iter().filter(|member| decides(&member.report));
        let own = |report: &Report| report.tallies.iter().find(|tally| tally.window == window.id).cloned();
        let tallies: Vec<Tally> = members().filter_map(|member| own(&member.report)).collect();
        let mut waits = Waits::default();
        tallies.iter().for_each(|tally| waits.merge(&tally.waits));
        let total = |count: fn(&Tally) -> u64| {
            tallies.iter().map(count).fold(0_u64, |sum, more| sum.saturating_add(more))
        };
        let waiting = total(|tally| tally.waiting);
        let names = |is: &dyn Fn(&Member) -> bool| -> Vec<String> {
            let names: BTreeSet<&str> =
                members().filter(|member| is(member)).map(|member| member.report.name.as_str()).collect();
            names.into_iter().map(str::to_owned).collect()
        };
        let is_present = |member: &Member| matches!(member.life, Life::Live | Life::Unheard);
        let is_over = ending.is_some();
        let (to, reopened_by) = ending.map_or((None, None), |(to, by)| (Some(to), by));
        Self {
            window: window.id.clone(),
            revision: state.revision,
            site: site.clone(),
            mode: window.mode,
            closed_by: window.by.clone(),
            from,
            to,
            reopened_by,
            refused: total(|tally| tally.refused),
            held: waits.count().saturating_add(waiting),
            held_p50_ms: waits.quantile(50).map(millis),
            held_p99_ms: waits.quantile(99).map(millis),
            waiting,
            cut: total(|tally| tally.cut),
            passes: passes(&tallies, state),
            servers: members().filter(|member| member.report.refused.is_some()).count(),
            awaited: names(&|member| is_over && is_present(member) && !member.report.has(state)),
            gone: names(&|member| !is_present(member) && !member.report.has(state) && knew(member)),
            joined: names(&|member| own(&member.report).is_some_and(|tally| tally.seen == Seen::Joined)),
            untold: names(&|member| is_untold(member, &window.id)),
        }
    }
}

/// A mirror lets nobody in or out, and workers and jobs answer no visitor.
fn decides(report: &Report) -> bool {
    matches!(report.kind, Kind::Gate | Kind::Web | Kind::Auth)
}

/// Whether one that is there no more had a closing in force.
fn knew(member: &Member) -> bool {
    member.life == Life::Lost || !member.report.closings.is_empty() || !member.report.tallies.is_empty()
}

fn is_untold(member: &Member, window: &WindowId) -> bool {
    let report = &member.report;
    let has = report.tallies.iter().any(|tally| tally.window == *window);
    report.refused.is_none() || report.tallies_left_out > 0 && !has
}

fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}
