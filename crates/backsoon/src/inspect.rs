//! What is wrong with a State although each of its parts is well-formed.

use crate::decide::{Decision, Local, decide};
use crate::document::{
    Colour, Host, MOST_CHARACTERS, MOST_PASSES, Mode, NeverInForce, PassId, State, Window, WindowId,
};
use crate::reply::paper_and_ink;
use crate::request::{NO_HEADERS, Request};
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

/// One thing that is wrong, in a sentence with the way out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// A closed site sends its visitors to a place that is closed by the same page.
    #[error(
        "the redirect of {host} leads to itself: {to} is closed whenever {host} is; add an `open` rule for its path, or name another host"
    )]
    RedirectToItself {
        /// The site.
        host: Host,
        /// Where it leads.
        to: String,
    },
    /// A site's own page does not render.
    #[error("the page of {host}: {why}")]
    Page {
        /// The site.
        host: Host,
        /// What the template engine says.
        why: String,
    },
    /// Nobody could read it.
    #[error(
        "the page of {host} would be hard to read {when}: {text} on {background} has a contrast of {contrast:.1}, and people need 4.5 (WCAG 2.2); state both colours, `colours` for the day and `dark` for the night"
    )]
    Contrast {
        /// The site.
        host: Host,
        /// By day or by night.
        when: &'static str,
        /// What stands there.
        text: Colour,
        /// What it stands on.
        background: Colour,
        /// The ratio of the two.
        contrast: f64,
    },
    /// Two windows have one name, so ending one would be a guess.
    #[error("two windows are called {0}; a window's name is its own")]
    SameName(WindowId),
    /// A window ends before it starts.
    #[error("window {0}: {1}")]
    NeverInForce(WindowId, NeverInForce),
    /// Nobody would read all of it, and every visitor would have to load it.
    #[error(
        "the {what} of window {id} has {characters} characters, and people read at most {MOST_CHARACTERS}; shorten it, and put what is longer on a page of your own"
    )]
    TooManyWords {
        /// The window.
        id: WindowId,
        /// The message or the note.
        what: &'static str,
        /// How many it has.
        characters: usize,
    },
    /// Two passes have one name, so a cookie could be either's.
    #[error("two passes are called {0}; revoke them with `backsoon pass revoke {0}` and make new ones")]
    SamePass(PassId),
    /// More than anybody can keep an eye on.
    #[error(
        "there are {0} passes, and {MOST_PASSES} at most may be there at once; revoke some with `backsoon pass revoke`"
    )]
    ManyPasses(usize),
    /// Their links would open, and set no cookie.
    #[error(
        "there are passes but no key that could sign their cookies; revoke them with `backsoon pass revoke --all` and make new ones"
    )]
    NoKey,
}

/// How closed `state` has a host at `now`, by itself or by a wider site, whatever single servers do.
pub(crate) fn modes(state: &State, now: Timestamp) -> impl Fn(&Host) -> Mode {
    let snapshot = Snapshot::settle(state, &Local::default(), now, None);
    move |host| {
        let mut wider = host.line();
        wider.find_map(|host| snapshot.exactly(&host)).map_or(Mode::Off, |site| site.mode())
    }
}

/// Everything that is wrong with `state`; nothing, most of the time.
pub fn inspect(state: &State) -> Vec<Flaw> {
    let mut flaws = windows(state);
    flaws.extend(hard_to_read(state));
    flaws.extend(passes(state));
    let own_page = |site: &crate::document::Site| {
        site.page.as_ref().is_some_and(|page| page.redirect.is_some() || page.html.is_some())
    };
    if !state.sites().any(|(_, site)| own_page(site)) {
        return flaws;
    }
    let mut closed = state.clone();
    closed.default.windows.push(Window::new(Mode::On));
    let snapshot = Snapshot::settle(&closed, &Local::default(), Timestamp::from_millis(0), None);
    for (host, site) in state.sites().filter(|(_, site)| own_page(site)) {
        let Some(settled) = snapshot.exactly(&host) else { continue };
        if let Some(why) = settled.trouble() {
            flaws.push(Flaw::Page { host: host.clone(), why: why.to_owned() });
        }
        let Some(redirect) = site.page.as_ref().and_then(|page| page.redirect.as_ref()) else { continue };
        let (target, path) = redirect.target();
        // Any host that the site stands for will do.
        let target = target.unwrap_or_else(|| host.as_str().replace('*', "any"));
        let there = snapshot.site(&target);
        let request = Request::new("GET", &target, &path, &NO_HEADERS);
        let same_page = there.page().redirect.as_ref() == Some(redirect);
        if same_page && matches!(decide(there.policy(), &request), Decision::Refuse(_)) {
            flaws.push(Flaw::RedirectToItself { host, to: redirect.to().to_owned() });
        }
    }
    flaws
}

fn hard_to_read(state: &State) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    for (host, site) in state.sites() {
        let Some(page) = &site.page else { continue };
        for (pair, when) in paper_and_ink(page).into_iter().zip(["by day", "by night"]) {
            let Some([background, text]) = pair else { continue };
            let contrast = text.contrast(background);
            if contrast < 4.5 {
                flaws.push(Flaw::Contrast { host: host.clone(), when, text, background, contrast });
            }
        }
    }
    flaws
}

fn passes(state: &State) -> Vec<Flaw> {
    let mut seen = std::collections::BTreeSet::new();
    let twice = state.passes.iter().filter(|pass| !seen.insert(&pass.id));
    let mut flaws: Vec<Flaw> = twice.map(|pass| Flaw::SamePass(pass.id.clone())).collect();
    if state.passes.len() > MOST_PASSES {
        flaws.push(Flaw::ManyPasses(state.passes.len()));
    }
    if !state.passes.is_empty() && state.keys.is_empty() {
        flaws.push(Flaw::NoKey);
    }
    flaws
}

fn windows(state: &State) -> Vec<Flaw> {
    let mut seen = std::collections::BTreeSet::new();
    let mut flaws = Vec::new();
    for window in state.sites().flat_map(|(_, site)| &site.windows) {
        if !seen.insert(&window.id) {
            flaws.push(Flaw::SameName(window.id.clone()));
        }
        // Whether it is over is a question of the time; whether it can ever begin is not.
        if let Err(why @ NeverInForce::EndsFirst { .. }) = window.check(Timestamp::from_millis(i64::MIN)) {
            flaws.push(Flaw::NeverInForce(window.id.clone(), why));
        }
        let texts =
            [("message", window.message.as_deref().unwrap_or_default()), ("note", window.note.as_str())];
        for (what, text) in texts {
            let characters = text.chars().count();
            if characters > MOST_CHARACTERS {
                flaws.push(Flaw::TooManyWords { id: window.id.clone(), what, characters });
            }
        }
    }
    flaws
}
