//! What the files of a mirror are to say, and what may be claimed of them.

use std::collections::BTreeMap;

use backsoon::decide::Reason;
use backsoon::document::{Health, Robots};
use backsoon::request::Request;
use backsoon::snapshot::Snapshot;
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, State, Window};

use crate::config::Config;

/// Everything that is to stand in the files.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    pub(super) modes: Vec<(Host, Mode)>,
    pub(super) page: Vec<u8>,
    pub(super) problem: Vec<u8>,
    /// What only a request could decide, by name.
    pub(super) ignores: Vec<String>,
    /// The closings that whoever reads the files carries out.
    pub(super) claims: BTreeMap<Host, Mode>,
    /// The others: each site is closed more than the mirrored host above it.
    misses: Vec<Miss>,
}

/// A site that the files do not name, and that is closed more than they say.
#[derive(Debug, Clone)]
struct Miss {
    site: Host,
    mode: Mode,
    written: (Host, Mode),
}

// === impl Picture ===

impl Picture {
    /// What is in force for `hosts`, and the page of the first of them: while it is open, as if it were closed now. `state`
    /// and `closings` are of one moment.
    pub(super) fn take(
        hosts: &[Host],
        state: Option<&State>,
        closings: &BTreeMap<Host, Mode>,
        config: &Config,
    ) -> Self {
        // A site is never less closed than a wider one.
        let mode = |host: &Host| {
            let above = closings.iter().filter(|(site, _)| site.covers(host));
            above.map(|(_, mode)| *mode).max().unwrap_or(Mode::Off)
        };
        let modes: Vec<_> = hosts.iter().map(|host| (host.clone(), mode(host))).collect();
        let (claims, misses) = weigh(&modes, closings);
        let mut state = state.cloned().unwrap_or_default();
        let now = Timestamp::now();
        let local = config.local();
        let ignores = ignored(hosts, &Snapshot::settle(&state, &local, now, None));
        if let Some((host, _)) = modes.first().filter(|(_, mode)| *mode == Mode::Off) {
            let mut window = Window::new(Mode::On);
            // The same each time, or every look would be a change.
            window.id = "w-next".parse().unwrap_or(window.id);
            state.site_mut(host).windows.push(window);
        }
        let snapshot = Snapshot::settle(&state, &local, now, None);
        let host = modes.first().map_or("*", |(host, _)| host.as_str());
        let site = snapshot.site(host);
        let body = |accept: &str| {
            let headers = [("accept", accept)];
            let request = Request::new("GET", host, "/", &headers);
            site.reply(&request, Reason::Mode(site.mode(), None), now).body.to_vec()
        };
        let (page, problem) = (body("text/html"), body("application/json"));
        Picture { modes, page, problem, ignores, claims, misses }
    }

    /// What stands in a flag file while there is one: a proxy that only looks whether it is there refuses everything.
    pub(super) fn flag(&self) -> Option<String> {
        let mode = self.strictest();
        (mode > Mode::Off).then(|| format!("{mode}\n"))
    }

    /// One line per host, as HAProxy reads it.
    pub(super) fn map(&self) -> String {
        self.modes.iter().map(|(host, mode)| format!("{host} {mode}\n")).collect()
    }

    pub(super) fn strictest(&self) -> Mode {
        self.modes.iter().map(|(_, mode)| *mode).max().unwrap_or(Mode::Off)
    }

    /// Whether the files would be the same.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        (&self.modes, &self.page, &self.problem) == (&other.modes, &other.page, &other.problem)
    }

    /// Which closings nobody carries out who reads the files, and the way out.
    pub(super) fn complaint(&self) -> Option<String> {
        let missed: Vec<String> = self.misses.iter().map(ToString::to_string).collect();
        (!missed.is_empty()).then(|| missed.join("; "))
    }

    /// Logs what is not carried out, unless that is known from `before`.
    pub(super) fn say_ignored(&self, before: Option<&Self>) {
        if !self.ignores.is_empty() && before.is_none_or(|before| before.ignores != self.ignores) {
            tracing::warn!(
                "only a request can decide these, so no file can say them: {}",
                self.ignores.join(", ")
            );
        }
    }
}

/// Parts `closings` into those that are carried out by files that say `modes`, and those that are not. A site that no
/// mirrored host covers is not this mirror's, and takes nothing from its word.
fn weigh(modes: &[(Host, Mode)], closings: &BTreeMap<Host, Mode>) -> (BTreeMap<Host, Mode>, Vec<Miss>) {
    let (mut claims, mut misses) = (BTreeMap::new(), Vec::new());
    for (site, &mode) in closings {
        let covering = modes.iter().filter(|(host, _)| host.covers(site));
        // The most special of them: the longest name.
        match covering.max_by_key(|(host, _)| (host == site, host.as_str().len())) {
            Some(written) if mode > written.1 => {
                misses.push(Miss { site: site.clone(), mode, written: written.clone() });
            }
            _ => drop(claims.insert(site.clone(), mode)),
        }
    }
    (claims, misses)
}

fn ignored(hosts: &[Host], snapshot: &Snapshot) -> Vec<String> {
    let mut names = Vec::new();
    for host in hosts {
        let policy = snapshot.site(host.as_str()).policy();
        let rules = policy.local.rules.iter().chain(policy.rules.iter());
        names.extend(rules.map(|rule| rule.name.to_string()));
        if policy.health == Health::On && policy.local.health == Health::On {
            names.push("health paths".into());
        }
        if policy.page.robots == Robots::Open && policy.local.health == Health::On {
            names.push("robots.txt".into());
        }
    }
    names.sort();
    names.dedup();
    names
}

// === impl Miss ===

impl std::fmt::Display for Miss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Miss { site, mode, written: (host, written) } = self;
        write!(
            f,
            "{site} is to be {mode}, but the files say {written} for {host} and nothing of {site}: mirror it, too \
             (`--map FILE --site '{host}' --site '{site}'`), or close {host}"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use backsoon::rules::{Condition, Rule};
    use backsoon::{Instance, Marks};

    use super::*;

    fn taken(state: &State, hosts: &[&str]) -> Picture {
        let instance = Instance::new(Default::default(), Marks::new());
        let _ = instance.apply(state, Timestamp::now());
        let hosts: Vec<Host> = hosts.iter().map(|host| host.parse().unwrap()).collect();
        let (held, closings) = instance.state_and_closings();
        assert_eq!(held.as_deref(), Some(state));
        Picture::take(&hosts, held.as_deref(), &closings, &Config::default())
    }

    #[test]
    fn only_what_the_files_say_is_claimed() {
        let host = |host: &str| host.parse::<Host>().unwrap();
        let mut state = State { revision: 1, ..State::new() };
        state.site_mut(&host("shop.example")).windows.push(Window::new(Mode::On));
        state.site_mut(&host("*.other")).windows.push(Window::new(Mode::ReadOnly));
        let shop = (host("shop.example"), Mode::On);
        let other = (host("*.other"), Mode::ReadOnly);

        let all = taken(&state, &["*"]);
        assert_eq!((all.flag(), all.claims.len()), (None, 0), "nothing is written, so nothing is claimed");
        let said = all.complaint().unwrap();
        assert!(said.contains("shop.example is to be on, but the files say off for *"), "{said}");
        assert!(said.contains("--site '*' --site '*.other'"), "{said}");

        for hosts in [&["*", "shop.example", "*.other"][..], &["shop.example"], &["elsewhere"]] {
            let named = taken(&state, hosts);
            assert_eq!(named.claims, [shop.clone(), other.clone()].into(), "{hosts:?}");
            assert_eq!(named.complaint(), None, "{hosts:?}");
        }
        let suffix = taken(&state, &["*", "*.example", "*.other"]);
        assert_eq!(suffix.claims, [other].into());
        assert!(suffix.complaint().unwrap().contains("say off for *.example and"), "the nearest is named");

        state.default.windows.push(Window::new(Mode::Hold));
        let held = taken(&state, &["*"]);
        assert_eq!(held.flag().as_deref(), Some("hold\n"));
        assert_eq!(held.claims, [(host("*"), Mode::Hold), (host("*.other"), Mode::Hold)].into());
        state.default.windows.push(Window::new(Mode::On));
        let closed = taken(&state, &["*"]);
        assert_eq!((closed.claims.len(), closed.complaint()), (3, None));
    }

    #[test]
    fn files_say_what_is_in_force_and_name_what_they_cannot_say() {
        let mut state = State { revision: 1, ..State::new() };
        let open = taken(&state, &["shop.example"]);
        assert_eq!((open.flag(), open.map().as_str()), (None, "shop.example off\n"));
        assert!(
            String::from_utf8(open.page).unwrap().contains("<!doctype html>"),
            "ready for the next closing"
        );
        assert_eq!(open.ignores, ["health paths", "robots.txt"]);
        assert_eq!(open.problem, taken(&state, &["shop.example"]).problem, "no news, no change");

        state
            .default
            .windows
            .push(Window { message: Some("Back at nine.".into()), ..Window::new(Mode::ReadOnly) });
        state.default.rules = Some(Arc::new([Rule::open("hooks", Condition::default())]));
        state.site_mut(&"shop.example".parse().unwrap()).windows.push(Window::new(Mode::On));
        let both = taken(&state, &["shop.example", "www.example"]);
        assert_eq!(both.map(), "shop.example on\nwww.example read-only\n");
        assert_eq!((both.flag().as_deref(), both.ignores.len()), (Some("on\n"), 3));
        state.site_mut(&"shop.example".parse().unwrap()).windows.clear();
        let read_only = taken(&state, &["www.example"]);
        assert_eq!(read_only.flag().as_deref(), Some("read-only\n"));
        assert!(String::from_utf8(read_only.page).unwrap().contains("Changes are paused"));
    }
}
