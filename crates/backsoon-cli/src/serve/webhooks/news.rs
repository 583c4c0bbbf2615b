//! What has happened, as two States tell that follow each other, and the clock. Pure: every gate finds out the same.

use std::collections::BTreeSet;

use backsoon::decide::Local;
use backsoon::document::{Change, Window, WindowId};
use backsoon::snapshot::Snapshot;
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, State};

use super::event::{Became, Closing, Ending, Event, Over, Server, Type};
use super::hook::digest;
use super::late::Found;
use super::text;

/// How closed the sites of a State are at one time.
pub(crate) struct Modes(Snapshot);

/// The news that `after` has come into force in the place of `before`.
pub(crate) fn change(before: &State, after: &State) -> Event {
    let windows = differences(before, after);
    let at = after.change.at;
    let mut sites: BTreeSet<Host> = windows.iter().map(|closing| closing.site.clone()).collect();
    let settings = text::Settings::between(before, after);
    sites.extend(settings.sites.iter().cloned());
    let notes: BTreeSet<&str> = windows.iter().map(Closing::why).filter(|why| !why.is_empty()).collect();
    let why = notes.into_iter().collect::<Vec<_>>().join("; ");
    Event {
        id: format!("change-{}-{}", after.lineage, after.revision),
        text: text::change(&windows, &settings, &Modes::of(after, at), after),
        sites: sites.into_iter().collect(),
        why,
        by: after.change.by.clone(),
        windows,
        ..empty(Type::Change, after, at)
    }
}

/// The news of windows that somebody has ended by the change from `before` to `after`, where that opened their site.
pub(crate) fn ended(before: &State, after: &State) -> Vec<Event> {
    let at = after.change.at;
    let modes = Modes::of(after, at);
    let there = |id: &WindowId| windows(after).any(|(_, window)| window.id == *id);
    let gone = windows(before).filter(|(_, window)| window.in_force(at) && !there(&window.id));
    let open = gone.filter(|(site, window)| window.mode > Mode::Off && modes.is_open(site));
    open.map(|(site, window)| Event {
        id: format!("reopened-{}-{}-{}", after.lineage, after.revision, window.id),
        text: text::ended(&site, window, &after.change.by),
        by: after.change.by.clone(),
        over: Some(Box::new(Over {
            site: site.clone(),
            window: window.clone(),
            by: after.clone(),
            how: Ending::BySomebody,
        })),
        ..of_window(Type::Reopened, after, at, &site, window, Became::Ended)
    })
    .collect()
}

/// The news that the clock made of `state` after `since` and up to `now`, in the order of their times.
pub(crate) fn by_the_clock(state: &State, since: Timestamp, now: Timestamp) -> Vec<Event> {
    let mut news = begun(state, since, now);
    news.extend(over(state, since, now));
    news.sort_by_key(|event| event.at);
    news
}

/// The news of windows of `state` whose start came after `since` and up to `now`, where that closed their site, or more of it.
fn begun(state: &State, since: Timestamp, now: Timestamp) -> Vec<Event> {
    let comes = |window: &Window| window.start.filter(|start| *start > since && *start <= now);
    let mut begun: Vec<_> =
        windows(state).filter_map(|(site, window)| Some((comes(window)?, site, window))).collect();
    begun.retain(|(start, site, window)| {
        let before = start.as_millis().checked_sub(1).map_or(*start, Timestamp::from_millis);
        window.in_force(*start) && Modes::of(state, *start).mode(site) > Modes::of(state, before).mode(site)
    });
    let news = begun.into_iter().map(|(start, site, window)| Event {
        id: format!("closed-{}-{}-at{}", state.lineage, window.id, start.as_millis()),
        text: text::begun(&site, window, start),
        ..of_window(Type::Closed, state, start, &site, window, Became::Begun)
    });
    news.collect()
}

/// The news of windows of `state` whose end came after `since` and up to `now`, where that opened their site.
fn over(state: &State, since: Timestamp, now: Timestamp) -> Vec<Event> {
    let comes = |window: &Window| window.end.filter(|end| *end > since && *end <= now);
    let was = |window: &Window| window.mode > Mode::Off && window.start < window.end;
    let mut over: Vec<_> =
        windows(state).filter_map(|(site, window)| Some((comes(window)?, site, window))).collect();
    over.retain(|(end, site, window)| was(window) && Modes::of(state, *end).is_open(site));
    let news = over.into_iter().map(|(end, site, window)| Event {
        id: format!("reopened-{}-{}-at{}", state.lineage, window.id, end.as_millis()),
        text: text::over(&site, window, end),
        over: Some(Box::new(Over {
            site: site.clone(),
            window: window.clone(),
            by: State { change: Change { at: end, ..state.change.clone() }, ..state.clone() },
            how: Ending::ByTheClock,
        })),
        ..of_window(Type::Reopened, state, end, &site, window, Became::Ended)
    });
    news.collect()
}

/// The news that a server is late or lost while `state` closes something.
pub(crate) fn late(state: &State, now: Timestamp, found: &Found) -> Event {
    let closed = windows(state).filter(|(_, window)| window.in_force(now));
    let windows: Vec<_> = closed.map(|(site, window)| Closing::new(&site, window, Became::Stayed)).collect();
    let sites: BTreeSet<Host> = windows.iter().map(|closing| closing.site.clone()).collect();
    Event {
        id: format!("late-{}-{}-{}", state.lineage, state.revision, digest(&found.name)),
        text: text::late(found, &sites, state.revision),
        sites: sites.into_iter().collect(),
        windows,
        server: Some(Server { name: found.name.clone(), kind: found.kind, problem: found.problem.clone() }),
        ..empty(Type::Late, state, now)
    }
}

/// The news that the program has gone which added the window called `id`; `beat` is the last that it said.
pub(crate) fn lapsed(state: &State, now: Timestamp, id: &WindowId, beat: u64) -> Option<Event> {
    let (site, window) = windows(state).find(|(_, window)| window.id == *id)?;
    Some(Event {
        id: format!("lapsed-{}-{id}-{beat}", state.lineage),
        text: text::lapsed(&site, window),
        ..of_window(Type::Lapsed, state, now, &site, window, Became::Stayed)
    })
}

/// What somebody sends who tries a hook out.
pub(crate) fn test(name: &str, by: &str, now: Timestamp) -> Event {
    Event {
        id: format!("test-{}-{}", digest(name), now.as_millis()),
        text: text::test(name, by),
        by: by.to_owned(),
        ..empty(Type::Test, &State::new(), now)
    }
}

/// The windows of `state`, with their sites.
pub(crate) fn windows(state: &State) -> impl Iterator<Item = (Host, &Window)> {
    state.sites().flat_map(|(host, site)| site.windows.iter().map(move |window| (host.clone(), window)))
}

/// What has become of the windows that are not the same in both; one that was over is no news.
fn differences(before: &State, after: &State) -> Vec<Closing> {
    let find = |state: &State, id: &WindowId| {
        windows(state).find(|(_, window)| window.id == *id).map(|(_, window)| window.clone())
    };
    let added = windows(after).filter_map(|(site, window)| match find(before, &window.id) {
        None => Some(Closing::new(&site, window, Became::Added)),
        Some(then) if then != *window => Some(Closing::new(&site, window, Became::Changed)),
        Some(_) => None,
    });
    let gone = windows(before)
        .filter(|(_, window)| find(after, &window.id).is_none() && !window.is_over(after.change.at))
        .map(|(site, window)| Closing::new(&site, window, Became::Ended));
    added.chain(gone).collect()
}

fn empty(r#type: Type, state: &State, at: Timestamp) -> Event {
    Event {
        id: String::new(),
        r#type,
        at,
        text: String::new(),
        sites: Vec::new(),
        lineage: (r#type != Type::Test).then(|| state.lineage.clone()),
        revision: state.revision,
        by: String::new(),
        why: String::new(),
        windows: Vec::new(),
        server: None,
        impact: None,
        over: None,
    }
}

fn of_window(
    r#type: Type,
    state: &State,
    at: Timestamp,
    site: &Host,
    window: &Window,
    became: Became,
) -> Event {
    let closing = Closing::new(site, window, became);
    Event {
        sites: vec![site.clone()],
        by: window.by.clone(),
        why: closing.why().to_owned(),
        windows: vec![closing],
        ..empty(r#type, state, at)
    }
}

// === impl Modes ===

impl Modes {
    pub(crate) fn of(state: &State, at: Timestamp) -> Self {
        Self(Snapshot::settle(state, &Local::default(), at, None))
    }

    /// How closed `site` is; one that is not in the document any more is what a wider one says.
    pub(crate) fn mode(&self, site: &Host) -> Mode {
        let any_host = site.as_str().replace('*', "any");
        self.0.exactly(site).map_or_else(|| self.0.site(&any_host).mode(), |settled| settled.mode())
    }

    fn is_open(&self, site: &Host) -> bool {
        self.mode(site) == Mode::Off
    }
}
