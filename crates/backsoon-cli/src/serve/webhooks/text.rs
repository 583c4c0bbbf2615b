//! The news in sentences, as chats show them.

use std::collections::BTreeSet;

use backsoon::document::Window;
use backsoon::impact::Impact;
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, State};

use super::event::{Became, Closing};
use super::late::{Found, Trouble};
use super::news::Modes;

/// The longest text, in characters, before anything is escaped: Slack shows 4,000 and cuts the rest.
const LONGEST: usize = 2_000;

/// How many windows or sites one text names.
const MOST: usize = 5;

/// What has changed but windows.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) sites: BTreeSet<Host>,
    what: BTreeSet<&'static str>,
}

pub(crate) fn change(windows: &[Closing], settings: &Settings, modes: &Modes, after: &State) -> String {
    let (by, at) = (by(&after.change.by), after.change.at);
    let mut sentences: Vec<String> =
        windows.iter().take(MOST).map(|closing| of_closing(closing, &by, at, modes)).collect();
    if windows.len() > MOST {
        sentences.push(format!("{} more windows were changed", windows.len() - MOST));
    }
    if !settings.what.is_empty() {
        let what = settings.what.iter().copied().collect::<Vec<_>>().join(", ");
        sentences.push(format!("{what} of {} changed{by} ({})", list(&settings.sites), after.change.note));
    }
    if sentences.is_empty() {
        sentences.push(format!("revision {} was written{by} ({})", after.revision, after.change.note));
    }
    let sentences: Vec<_> = sentences.iter().map(|sentence| capital(sentence)).collect();
    escaped(&sentences.join(". "))
}

pub(crate) fn ended(site: &Host, window: &Window, by_whom: &str) -> String {
    let closing = Closing::new(site, window, Became::Ended);
    let sentence =
        format!("{} is open again: the closing{} was ended{}", name(site), about(&closing), by(by_whom));
    escaped(&capital(&sentence))
}

pub(crate) fn begun(site: &Host, window: &Window, start: Timestamp) -> String {
    let closing = Closing::new(site, window, Became::Begun);
    let until = window.end.map(|end| format!(" until {}", moment(end, start))).unwrap_or_default();
    let (is, at) = (verb(window.mode), moment(start, start));
    let sentence = format!("{} is {is} since {at}{until}, as planned{}", name(site), about(&closing));
    escaped(&capital(&sentence))
}

pub(crate) fn over(site: &Host, window: &Window, end: Timestamp) -> String {
    let closing = Closing::new(site, window, Became::Ended);
    let sentence =
        format!("{} is open again: the closing{} ended at {}", name(site), about(&closing), moment(end, end));
    escaped(&capital(&sentence))
}

pub(crate) fn late(found: &Found, closed: &BTreeSet<Host>, revision: u64) -> String {
    let are = if closed.len() == 1 { "is" } else { "are" };
    let (server, problem, closed) = (&found.name, &found.problem, list(closed));
    escaped(&match found.trouble {
        Trouble::Unconfirmed => {
            format!(
                "Server {server} has not confirmed that {closed} {are} closed (revision {revision}): {problem}"
            )
        }
        Trouble::Lost => format!("Server {server} is lost while {closed} {are} closed: {problem}"),
    })
}

pub(crate) fn lapsed(site: &Host, window: &Window) -> String {
    let closing = Closing::new(site, window, Became::Stayed);
    let sentence = format!(
        "{} stays closed: the program that added window {}{} has gone; somebody has to end it with `backsoon off --window {}`",
        name(site),
        window.id,
        about(&closing),
        window.id
    );
    escaped(&capital(&sentence))
}

pub(crate) fn test(hook: &str, by_whom: &str) -> String {
    escaped(&format!("This is a test of the webhook {hook}{}; nothing has happened", by(by_whom)))
}

/// `text`, which is escaped already, and what the closing has done that is over.
pub(crate) fn with_impact(text: &str, impact: &Impact) -> String {
    let so_far = if impact.is_complete() { "" } else { " (so far)" };
    format!("{text}. Visitors meanwhile{so_far}: {}", escaped(&impact.to_string()))
}

fn of_closing(closing: &Closing, by: &str, at: Timestamp, modes: &Modes) -> String {
    let (site, why) = (name(&closing.site), because(closing.why()));
    let until = closing.end.map(|end| format!(" until {}", moment(end, at))).unwrap_or_default();
    let to_come = closing.is_to_come(at);
    match closing.became {
        Became::Added if to_come => {
            let from = closing.start.map(|start| format!(" from {}", moment(start, at))).unwrap_or_default();
            format!("{site} will be {}{from}{until}, planned{by}{why}", verb(closing.mode))
        }
        Became::Added => format!("{site} {}{by}{until}{why}", verb(closing.mode)),
        Became::Changed => {
            let until = if until.is_empty() { ", without an end".to_owned() } else { until };
            format!("the closing {} of {site} changed{by}: {}{until}{why}", closing.id, verb(closing.mode))
        }
        Became::Ended if to_come => format!("the planned closing of {site} called off{by}{why}"),
        Became::Begun | Became::Ended | Became::Stayed => match modes.mode(&closing.site) {
            Mode::Off => format!("{site} reopened{by}"),
            mode => format!("a closing of {site} ended{by}; it is still {}", verb(mode)),
        },
    }
}

/// ` by ann@vm (database move)`, as far as it is known.
fn about(closing: &Closing) -> String {
    let why = closing.why();
    let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
    format!("{}{why}", by(&closing.by))
}

fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}

fn by(whom: &str) -> String {
    if whom.is_empty() { String::new() } else { format!(" by {whom}") }
}

fn verb(mode: Mode) -> &'static str {
    match mode {
        Mode::Off => "open",
        Mode::ReadOnly => "made read-only",
        Mode::Hold => "put on hold",
        Mode::On => "closed",
    }
}

fn name(site: &Host) -> String {
    if site.is_any() { "every site".into() } else { site.as_str().to_owned() }
}

fn list(sites: &BTreeSet<Host>) -> String {
    let mut names: Vec<_> = sites.iter().take(MOST).map(name).collect();
    if sites.len() > MOST {
        names.push(format!("{} more", sites.len() - MOST));
    }
    names.join(", ")
}

/// `23:30 UTC` on the day of `now`, and with its date on any other.
fn moment(time: Timestamp, now: Timestamp) -> String {
    // RFC 3339 in UTC: 2026-11-20T23:30:00Z.
    let (time, now) = (time.to_string(), now.to_string());
    match (time.split_once('T'), now.split_once('T')) {
        (Some((day, hour)), Some((today, _))) => {
            let hour = hour.get(..5).unwrap_or(hour);
            if day == today { format!("{hour} UTC") } else { format!("{day} {hour} UTC") }
        }
        _ => time,
    }
}

fn capital(sentence: &str) -> String {
    let known = ["every ", "the ", "a ", "rules", "page", "passes", "health", "revision"];
    // A host stays as it is written.
    match sentence.chars().next() {
        Some(first) if known.iter().any(|start| sentence.starts_with(start)) => {
            first.to_uppercase().chain(sentence.chars().skip(1)).collect()
        }
        _ => sentence.to_owned(),
    }
}

/// `text` on one line, not too long, and without what Slack reads as a link, a mention or an entity.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars().take(LONGEST) {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        escaped.push('…');
    }
    escaped
}

// === impl Settings ===

impl Settings {
    pub(crate) fn between(before: &State, after: &State) -> Self {
        let mut settings = Self::default();
        let sites = before.sites().chain(after.sites()).map(|(site, _)| site).collect::<BTreeSet<_>>();
        for host in sites {
            let then = before.site(&host).cloned().unwrap_or_default();
            let now = after.site(&host).cloned().unwrap_or_default();
            let differs = [
                ("rules", then.rules != now.rules),
                ("page", then.page != now.page),
                ("health paths", then.health != now.health),
            ];
            for (what, _) in differs.into_iter().filter(|(_, differs)| *differs) {
                settings.what.insert(what);
                settings.sites.insert(host.clone());
            }
        }
        let one = |a: &State, b: &State| {
            let gone =
                a.passes.iter().filter(|pass| !b.passes.contains(pass) && !pass.is_over(after.change.at));
            gone.map(|pass| pass.site.clone()).collect::<Vec<_>>()
        };
        for site in one(before, after).into_iter().chain(one(after, before)) {
            settings.what.insert("passes");
            settings.sites.insert(site);
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::super::news;
    use super::*;

    fn at(hour: i64) -> Timestamp {
        // 2026-11-20T00:00:00Z and so many hours.
        Timestamp::from_millis(1_795_132_800_000 + hour * 3_600_000)
    }

    fn next(before: &State, by: &str, hour: i64) -> State {
        let mut after = before.clone();
        (after.revision, after.change.by, after.change.at) = (before.revision + 1, by.into(), at(hour));
        after
    }

    fn closed(site: &str, mode: Mode) -> (State, State) {
        let before = State::new();
        let mut after = next(&before, "ann@vm", 20);
        let mut window = Window::new(mode).until(at(23));
        (window.by, window.note) = ("ann@vm".into(), "database move".into());
        after.site_mut(&site.parse().unwrap()).windows.push(window);
        (before, after)
    }

    #[test]
    fn a_closing_is_told_as_people_tell_it() {
        let (before, after) = closed("shop.example", Mode::On);
        let news = news::change(&before, &after);
        assert_eq!(news.text, "shop.example closed by ann@vm until 23:00 UTC: database move");
        assert_eq!((news.by.as_str(), news.why.as_str()), ("ann@vm", "database move"));
        let (before, after) = closed("*", Mode::ReadOnly);
        let text = news::change(&before, &after).text;
        assert_eq!(text, "Every site made read-only by ann@vm until 23:00 UTC: database move");
    }

    #[test]
    fn a_plan_names_the_day_and_can_be_called_off() {
        let (before, mut after) = closed("shop.example", Mode::On);
        let window = &mut after.site_mut(&"shop.example".parse().unwrap()).windows[0];
        (window.start, window.end) = (Some(at(46)), Some(at(47)));
        assert_eq!(
            news::change(&before, &after).text,
            "shop.example will be closed from 2026-11-21 22:00 UTC until 2026-11-21 23:00 UTC, planned by ann@vm: database move"
        );
        let called_off = State { sites: before.sites.clone(), ..next(&after, "bob@vm", 21) };
        let text = news::change(&after, &called_off).text;
        assert_eq!(text, "The planned closing of shop.example called off by bob@vm: database move");
        assert_eq!(news::ended(&after, &called_off), [], "it never closed anything");
    }

    #[test]
    fn an_opening_is_told_once_and_only_where_the_site_is_open() {
        let (before, after) = closed("shop.example", Mode::On);
        let open = State { sites: before.sites.clone(), ..next(&after, "bob@vm", 21) };
        assert_eq!(news::change(&after, &open).text, "shop.example reopened by bob@vm");
        let reopened = &news::ended(&after, &open)[0];
        let text = "shop.example is open again: the closing by ann@vm (database move) was ended by bob@vm";
        assert_eq!((reopened.text.as_str(), reopened.by.as_str()), (text, "bob@vm"));
        let mut still = open.clone();
        still.default.windows.push(Window::new(Mode::Hold));
        assert_eq!(news::ended(&after, &still), []);
        assert_eq!(
            news::change(&after, &still).text,
            "Every site put on hold by bob@vm. A closing of shop.example ended by bob@vm; it is still put on hold"
        );
    }

    #[test]
    fn an_end_that_comes_by_the_clock_belongs_to_one_span_of_time() {
        let (_, after) = closed("shop.example", Mode::On);
        let text = "shop.example is open again: the closing by ann@vm (database move) ended at 23:00 UTC";
        assert_eq!(news::by_the_clock(&after, at(22), at(23))[0].text, text);
        assert_eq!(news::by_the_clock(&after, at(23), at(24)), []);
        assert_eq!(news::by_the_clock(&after, at(21), at(22)), []);
        // A later change forgets the window: its end is no change of anybody's.
        let later = State { sites: Default::default(), ..next(&after, "bob@vm", 24) };
        assert_eq!(news::ended(&after, &later), []);
        assert_eq!(news::change(&after, &later).windows, []);
    }

    #[test]
    fn a_planned_closing_is_told_when_its_time_comes_where_it_closes_anything() {
        let (_, mut after) = closed("shop.example", Mode::On);
        after.site_mut(&"shop.example".parse().unwrap()).windows[0].start = Some(at(22));
        let news = news::by_the_clock(&after, at(21), at(24));
        let text =
            "shop.example is closed since 22:00 UTC until 23:00 UTC, as planned by ann@vm (database move)";
        assert_eq!(news[0].text, text);
        assert_eq!((news.len(), news[0].id.split('-').next(), news[1].at), (2, Some("closed"), at(23)));
        assert_eq!(news::by_the_clock(&after, at(22), at(22)), []);
        // Where the site is closed anyway, nothing happens to anybody.
        after.default.windows.push(Window::new(Mode::On));
        assert_eq!(news::by_the_clock(&after, at(21), at(24)), []);
    }

    #[test]
    fn nobodys_words_become_markup() {
        let (before, mut after) = closed("shop.example", Mode::On);
        after.change.by = "<!channel>".into();
        after.site_mut(&"shop.example".parse().unwrap()).windows[0].note = "a\n\"b\" & <http://c|d>".into();
        let news = news::change(&before, &after);
        let text =
            "shop.example closed by &lt;!channel&gt; until 23:00 UTC: a \"b\" &amp; &lt;http://c|d&gt;";
        assert_eq!(news.text, text);
        assert_eq!(news.by, "<!channel>", "programs read it as it is");
        let long = super::escaped(&"&".repeat(9_000));
        assert_eq!((long.matches("&amp;").count(), long.ends_with('…')), (LONGEST, true));
    }

    #[test]
    fn other_changes_are_named() {
        let before = State::new();
        let mut after = next(&before, "ann@vm", 20);
        after.change.note = "apply site.toml".into();
        after.default.rules = Some(Vec::new().into());
        assert_eq!(
            news::change(&before, &after).text,
            "Rules of every site changed by ann@vm (apply site.toml)"
        );
    }
}
