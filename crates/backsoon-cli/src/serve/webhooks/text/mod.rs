//! The news in sentences, as chats show them.

mod settings;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;

use backsoon::document::Window;
use backsoon::impact::Impact;
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, State};

pub(crate) use self::settings::Settings;
use self::words::{MOST, because, by, capital, escaped, list, moment, name, verb};
use super::event::{Became, Closing};
use super::late::{Found, Trouble};
use super::news::Modes;

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
