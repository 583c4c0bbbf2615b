//! The gate's figures as Prometheus reads them (text format 0.0.4).

use std::collections::BTreeSet;
use std::fmt::{Display, Write};

use backsoon::{Host, Instance, Mode};

use super::figures::{Decided, DeliveryOutcome, Figures};
use super::lapsed::Lapsed;

/// The value of `Content-Type` for [`text`].
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page of series, written from top to bottom.
#[derive(Debug, Default)]
struct Page(String);

/// What the gate counts and what the instance at its door says, as of now.
pub(crate) fn text(figures: &Figures, instance: &Instance, lapsed: Option<&Lapsed>) -> String {
    let mut page = Page::default();
    page.series("backsoon_requests_total", "counter", "Requests, by what the door said and who decided.");
    for (outcome, by, rule, count) in figures.requests() {
        let labels = [("outcome", outcome), ("by", by), ("rule", rule.as_deref().unwrap_or_default())];
        page.value("backsoon_requests_total", &labels, count);
    }
    page.series("backsoon_passes_used_total", "counter", "Requests that a pass let through a closing.");
    let by_pass = |(outcome, by, _, count): Decided| (outcome == "admitted" && by == "pass").then_some(count);
    page.value(
        "backsoon_passes_used_total",
        &[],
        figures.requests().into_iter().filter_map(by_pass).sum::<u64>(),
    );
    page.series("backsoon_upstream_errors_total", "counter", "Requests that got no answer from an upstream.");
    for (reason, count) in figures.upstream_errors() {
        page.value("backsoon_upstream_errors_total", &[("reason", reason)], count);
    }
    let (closings, draining) = (instance.closings(), instance.draining());
    let state = instance.state();
    let known = state.iter().flat_map(|state| state.sites().map(|(host, _)| host));
    let sites: BTreeSet<Host> = known.chain(closings.keys().cloned()).chain([Host::any()]).collect();
    page.series("backsoon_site_mode", "gauge", "How closed a site is: 0 off, 1 read-only, 2 hold, 3 on.");
    for site in &sites {
        let mode = closings.get(site).copied().unwrap_or(Mode::Off);
        page.value("backsoon_site_mode", &[("site", site.as_str())], strictness(mode));
    }
    page.series("backsoon_draining", "gauge", "Requests that still run under what was replaced.");
    for site in &sites {
        page.value("backsoon_draining", &[("site", site.as_str())], draining.get(site).copied().unwrap_or(0));
    }
    page.series("backsoon_held", "gauge", "Requests that wait for the reopening.");
    page.value("backsoon_held", &[], instance.held());
    page.series("backsoon_cut_total", "counter", "Requests that were ended because a window said so.");
    page.value("backsoon_cut_total", &[], instance.cuts().1);
    page.series("backsoon_fenced", "gauge", "1 while this gate has closed itself because it is lost.");
    page.value("backsoon_fenced", &[], u8::from(instance.is_fenced()));
    if let Some(lapsed) = lapsed {
        let help = "Windows whose program has gone: they stay until an operator ends them.";
        page.series("backsoon_windows_lapsed", "gauge", help);
        page.value("backsoon_windows_lapsed", &[], lapsed.count());
    }
    let deliveries = figures.deliveries();
    if !deliveries.is_empty() {
        let help = "Tries to deliver an event to a webhook, by what became of them.";
        page.series("backsoon_webhook_deliveries_total", "counter", help);
        for (hook, figures) in &deliveries {
            for (outcome, count) in DeliveryOutcome::ALL.into_iter().zip(figures.tries) {
                let labels = [("hook", hook.as_str()), ("outcome", outcome.word())];
                page.value("backsoon_webhook_deliveries_total", &labels, count);
            }
        }
        page.series("backsoon_webhook_waiting", "gauge", "Events that a webhook has not got yet.");
        for (hook, figures) in &deliveries {
            page.value("backsoon_webhook_waiting", &[("hook", hook)], figures.waiting);
        }
    }
    page.series("backsoon_revision", "gauge", "The revision of the state in force; 0 without one.");
    page.value("backsoon_revision", &[], state.map_or(0, |state| state.revision));
    if let Some(report) = instance.report() {
        page.series("backsoon_state_age_seconds", "gauge", "How long ago the store was last heard from.");
        match report.age_ms {
            u64::MAX => page.value("backsoon_state_age_seconds", &[], "+Inf"),
            millis => page.value("backsoon_state_age_seconds", &[], millis as f64 / 1000.0),
        }
    }
    page.0
}

fn strictness(mode: Mode) -> u8 {
    match mode {
        Mode::Off => 0,
        Mode::ReadOnly => 1,
        Mode::Hold => 2,
        Mode::On => 3,
    }
}

// === impl Page ===

impl Page {
    fn series(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (place, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{}{label}=\"{text}\"", if place == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}
