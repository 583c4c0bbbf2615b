//! What the files of a mirror are to say.

use backsoon::decide::Reason;
use backsoon::document::{Health, Robots};
use backsoon::request::Request;
use backsoon::snapshot::Snapshot;
use backsoon::time::Timestamp;
use backsoon::{Host, Instance, Mode, State, Window};

use crate::config::Config;

/// Everything that is to stand in the files.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    pub(super) modes: Vec<(Host, Mode)>,
    pub(super) page: Vec<u8>,
    pub(super) problem: Vec<u8>,
    /// What only a request could decide, by name.
    pub(super) ignores: Vec<String>,
}

// === impl Picture ===

impl Picture {
    /// What is in force for `hosts`, and the page of the first of them: while it is open, as if it were closed now.
    pub(super) fn take(hosts: &[Host], state: Option<&State>, config: &Config, instance: &Instance) -> Self {
        let modes: Vec<_> = hosts.iter().map(|host| (host.clone(), instance.mode(host.as_str()))).collect();
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
        Picture { modes, page, problem, ignores }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use backsoon::Marks;
    use backsoon::rules::{Condition, Rule};

    use super::*;

    fn taken(state: &State, hosts: &[&str]) -> Picture {
        let instance = Instance::new(Default::default(), Marks::new());
        let _ = instance.apply(state, Timestamp::now());
        let hosts: Vec<Host> = hosts.iter().map(|host| host.parse().unwrap()).collect();
        Picture::take(&hosts, Some(state), &Config::default(), &instance)
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
