//! What changed between two revisions, in sentences.

use std::collections::BTreeSet;

use backsoon::document::{Pass, Site, Window};
use backsoon::{Host, State};

use super::state::windows;

/// What `after` says and `before` did not, or says otherwise.
pub(crate) fn differences(before: &State, after: &State) -> Vec<String> {
    let mut said = Vec::new();
    let (old, new) = (windows(before), windows(after));
    for (id, (host, window)) in &new {
        match old.get(id) {
            None => said.push(format!("{host}: {} by window {id}{}", window.mode, times(window))),
            Some((_, then)) if then != window => {
                said.push(format!("{host}: window {id}: {}", changed(then, window)))
            }
            Some(_) => {}
        }
    }
    let ended = old.iter().filter(|(id, _)| !new.contains_key(*id));
    said.extend(ended.map(|(id, (host, window))| format!("{host}: window {id} ({}) ended", window.mode)));

    let has = |state: &State, pass: &Pass| state.passes.iter().any(|other| other.id == pass.id);
    let made = after.passes.iter().filter(|pass| !has(before, pass));
    said.extend(
        made.map(|pass| {
            format!("{}: pass {} for {} until {}", pass.site, pass.id, pass.bearer, pass.expires)
        }),
    );
    let gone = before.passes.iter().filter(|pass| !has(after, pass));
    said.extend(gone.map(|pass| {
        format!("{}: pass {} for {} is worth nothing any more", pass.site, pass.id, pass.bearer)
    }));

    let hosts: BTreeSet<Host> = before.sites().chain(after.sites()).map(|(host, _)| host).collect();
    let none = Site::default();
    for host in hosts {
        match (before.site(&host), after.site(&host)) {
            (None, Some(_)) => said.push(format!("{host}: the site is new")),
            (Some(_), None) => said.push(format!("{host}: the site was removed")),
            _ => {}
        }
        let (then, now) = (before.site(&host).unwrap_or(&none), after.site(&host).unwrap_or(&none));
        if then.rules != now.rules {
            said.push(format!("{host}: rules: {} in place of {}", rules(now), rules(then)));
        }
        if then.page != now.page {
            said.push(format!("{host}: the page changed"));
        }
        if then.health != now.health {
            said.push(format!("{host}: the rule for health paths changed"));
        }
    }
    said
}

fn times(window: &Window) -> String {
    let from = window.start.map(|start| format!(" from {start}")).unwrap_or_default();
    let until = window.end.map(|end| format!(" until {end}")).unwrap_or_default();
    format!("{from}{until}")
}

fn changed(then: &Window, now: &Window) -> String {
    let mut said = Vec::new();
    let when = |time: Option<backsoon::time::Timestamp>, none: &str| {
        time.map_or(none.to_owned(), |time| time.to_string())
    };
    if then.mode != now.mode {
        said.push(format!("mode {} in place of {}", now.mode, then.mode));
    }
    if then.start != now.start {
        said.push(format!(
            "start {} in place of {}",
            when(now.start, "at once"),
            when(then.start, "at once")
        ));
    }
    if then.end != now.end {
        said.push(format!("end {} in place of {}", when(now.end, "never"), when(then.end, "never")));
    }
    if then.message != now.message {
        said.push(format!("message “{}”", now.message.as_deref().unwrap_or_default()));
    }
    if then.note != now.note {
        said.push(format!("note “{}”", now.note));
    }
    if said.is_empty() { "other settings".to_owned() } else { said.join(", ") }
}

fn rules(site: &Site) -> String {
    match site.rules.as_deref() {
        None => "none of its own".to_owned(),
        Some([]) => "an empty list".to_owned(),
        Some(rules) => rules.iter().map(|rule| rule.name.to_string()).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use backsoon::Mode;

    use super::*;

    #[test]
    fn a_difference_names_what_came_went_and_changed() {
        let before = State::new();
        let mut after = before.clone();
        let window = Window::new(Mode::On);
        after.default.windows.push(window.clone());
        assert_eq!(differences(&before, &after), [format!("*: on by window {}", window.id)]);
        assert_eq!(differences(&after, &before), [format!("*: window {} (on) ended", window.id)]);
        let mut later = after.clone();
        later.default.windows[0].message = Some("soon".into());
        later.site_mut(&"a.example".parse().unwrap());
        let said = differences(&after, &later);
        assert_eq!(
            said,
            [format!("*: window {}: message “soon”", window.id), "a.example: the site is new".into()]
        );
        assert!(differences(&later, &later).is_empty());
    }
}
