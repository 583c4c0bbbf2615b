//! `backsoon status`: what is closed, and who has it.

mod shown;

use std::time::Duration;

use anyhow::Result;
use backsoon::control::Found;
use backsoon::decide::Local;
use backsoon::document::{Health, Site, Unreadable, WindowId};
use backsoon::fleet::{self, Life, Member, Report, Roster};
use backsoon::snapshot::Snapshot;
use backsoon::store::open_existing;
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, State, Window};

use self::shown::Shown;
use super::Desk;
use super::desk::{missing, store_url};
use super::words::{is_operators, local, until};
use crate::cli::{Cli, Status};
use crate::config::Config;
use crate::exit::Exit;
use crate::output::{self, BAD, DIM, GOOD, WARN, paint, plain};
use crate::when;

/// How long instances on other machines are watched for a beat.
const BEAT: Duration = Duration::from_millis(1500);

/// How long the leases of programs' windows are watched: longer than one of them lasts. Only one that does not move
/// is watched to the end.
const LEASE: Duration = Duration::from_secs(7);

/// Everything that was found out.
struct Picture {
    now: Timestamp,
    store: String,
    state: Option<State>,
    unreadable: Option<Unreadable>,
    roster: Roster,
    /// Windows of programs that nobody stands behind any more.
    lapsed: Vec<WindowId>,
    /// When the windows without a start were added.
    added: Vec<(WindowId, Timestamp)>,
}

/// Runs it.
pub(super) async fn run(cli: &Cli, status: &Status) -> Result<Exit> {
    let config = Config::load(cli.config.as_deref())?;
    let url = store_url(&config, cli)?;
    let desk = match open_existing(&url).await? {
        Some(store) => Desk::at(config, store, cli),
        // Nobody knows whether the site is closed, and a script must hear that.
        None if status.exit_code || status.json => return Err(missing(&url)),
        None => {
            output::line(format_args!(
                "{url}: there is no store yet; the first `backsoon on`, `apply` or `serve` makes it"
            ));
            return Ok(Exit::Done);
        }
    };
    let picture = Picture::take(&desk).await?;
    let empty = State::default();
    let document = picture.state.as_ref().unwrap_or(&empty);
    let snapshot = Snapshot::settle(document, &Local::default(), picture.now, None);
    let troubles = picture.troubles(&desk);
    if status.json {
        output::json(&Shown::of(&picture, document, &snapshot, &troubles))?;
    } else {
        picture.say_head();
        picture.say_sites(&desk, document, &snapshot);
        say_instances(document, &picture.roster);
        if !troubles.is_empty() {
            output::line("");
        }
        troubles
            .iter()
            .for_each(|trouble| output::line(format_args!("{} {trouble}", paint(WARN, "trouble:"))));
    }
    let site = snapshot.exactly(&status.site).unwrap_or_else(|| snapshot.site(status.site.as_str()));
    Ok(match (status.exit_code, &picture.unreadable) {
        (_, Some(_)) => Exit::Failed,
        (true, None) if site.mode().is_closed() => Exit::Closed,
        _ => Exit::Done,
    })
}

// === impl Picture ===

impl Picture {
    async fn take(desk: &Desk) -> Result<Self> {
        let now = Timestamp::now();
        let (state, unreadable) = match desk.control.find().await? {
            Found::State(state) => (Some(*state), None),
            Found::Unreadable(why) => (None, Some(why)),
            _ => (None, None),
        };
        let store = &**desk.store();
        let empty = State::default();
        let lapsed = fleet::lapsed(store, state.as_ref().unwrap_or(&empty), LEASE);
        let (roster, lapsed) = tokio::join!(Roster::observe(store, BEAT), lapsed);
        let added = match &state {
            Some(state) => added(desk, state).await?,
            None => Vec::new(),
        };
        Ok(Self { now, store: store.url(), state, unreadable, roster: roster?, lapsed: lapsed?, added })
    }

    /// Since when a window is in force.
    fn since(&self, window: &Window) -> Option<Timestamp> {
        let added = || self.added.iter().find(|(id, _)| *id == window.id).map(|(_, at)| *at);
        window.start.or_else(added).filter(|since| *since <= self.now)
    }

    /// What is not as it should be, in sentences with the way out.
    fn troubles(&self, desk: &Desk) -> Vec<String> {
        let url = &self.store;
        let mut troubles = Vec::new();
        match (&self.state, &self.unreadable) {
            (_, Some(why @ Unreadable::Newer { .. })) => {
                troubles.push(format!("the state in {url} was not read: {why}"));
            }
            (_, Some(why)) => troubles.push(format!(
                "the state in {url} was not read: {}. Instances keep what they had; `{}` or `{}` sets the damaged bytes aside and goes on from the last known state",
                plain(&why.to_string()), desk.command("on"), desk.command("off")
            )),
            (None, None) if self.roster.live().any(|report| report.revision > 0) => troubles.push(format!(
                "{url} is empty, but instances hold a state from it; `{}` or `{}` puts it back and goes on from there",
                desk.command("on"), desk.command("off")
            )),
            _ => {}
        }
        if self.roster.is_empty() {
            troubles.push(format!("nobody follows {url}: no server closes or opens because of it"));
        }
        for Member { report, life } in &self.roster.0 {
            let name = plain(&report.name);
            troubles.extend(report.troubles.iter().map(|trouble| format!("{name}: {}", plain(trouble))));
            match life {
                Life::Lost => troubles.push(format!(
                    "{name} is lost: its beat stopped without a farewell, so it may still be serving"
                )),
                Life::Dead => troubles.push(format!("{name} has ended without a farewell")),
                Life::Live | Life::Unheard => {}
            }
        }
        troubles.extend(self.lapsed.iter().map(|id| {
            let end = desk.command(&format!("off --window {id}"));
            format!("window {id} has lapsed: the program that added it has gone; `{end}` ends it")
        }));
        troubles
    }

    fn say_head(&self) {
        let revision = self.state.as_ref().map(|state| format!(", revision {}", state.revision));
        output::line(format_args!("{}{}", self.store, revision.unwrap_or_default()));
        match (&self.state, &self.unreadable) {
            (Some(state), _) => {
                let change = &state.change;
                let ago = when::plain(self.now.since(change.at));
                output::line(paint(
                    DIM,
                    format!(
                        "last change: {}, by {} at {} ({ago} ago)",
                        plain(&change.note),
                        plain(&change.by),
                        local(change.at)
                    ),
                ));
            }
            (None, Some(_)) => output::line(paint(BAD, "the state cannot be read")),
            (None, None) => output::line(paint(DIM, "nothing was ever closed here")),
        }
    }

    fn say_sites(&self, desk: &Desk, document: &State, snapshot: &Snapshot) {
        if self.unreadable.is_some() {
            return;
        }
        for (host, site) in document.sites() {
            let Some(settled) = snapshot.exactly(&host) else { continue };
            let mode = match settled.mode() {
                Mode::Off => paint(GOOD, "open"),
                Mode::ReadOnly => paint(WARN, "read-only"),
                closed => paint(BAD, closed),
            };
            let until = settled
                .reopens()
                .map(|at| format!(" until {} (in {})", local(at), when::plain(at.since(self.now))));
            let next = settled.upcoming().first().filter(|_| settled.mode() == Mode::Off);
            let next = next.and_then(|next| Some(format!(", {} from {}", next.mode, local(next.start?))));
            output::line(format_args!(
                "\n{host}: {mode}{}{}",
                until.unwrap_or_default(),
                next.unwrap_or_default()
            ));
            let wider = settled.window().filter(|window| site.windows.iter().all(|own| own.id != window.id));
            if let Some(window) = wider {
                let is_there = |site: &Site| site.windows.iter().any(|other| other.id == window.id);
                let wide = document.sites().find(|(_, site)| is_there(site)).map(|(wide, _)| wide);
                let on = wide.map(|wide| format!(" on {wide}")).unwrap_or_default();
                output::field("because", format_args!("window {}{on}", window.id));
            }
            site.windows.iter().for_each(|window| self.say_window(desk, window));
            for rule in rules(settled.policy()) {
                output::field("rule", paint(DIM, plain(&rule)));
            }
        }
    }

    fn say_window(&self, desk: &Desk, window: &Window) {
        let mut text = format!("{}: {}", window.id, window.mode);
        match (self.since(window), window.start) {
            (Some(since), _) => text.push_str(&format!(" since {},", local(since))),
            (None, Some(start)) => text.push_str(&format!(" scheduled for {},", local(start))),
            (None, None) => {}
        }
        text.push_str(&format!(" {}", until(window.end)));
        if !window.by.is_empty() {
            text.push_str(&format!(", by {}", plain(&window.by)));
        }
        output::field("window", text);
        if let Some(message) = &window.message {
            output::field("message", plain(message));
        }
        if !window.note.is_empty() {
            output::field("note", plain(&window.note));
        }
        match is_operators(window) {
            true => {}
            false if self.lapsed.contains(&window.id) => {
                output::field("lapsed", paint(WARN, "its program has gone"))
            }
            false => {
                let end = desk.command(&format!("off --window {}", window.id));
                output::field("program", format_args!("it ends this window itself (`{end}` does so now)"));
            }
        }
    }
}

/// When each window that has no start was added, as the history tells.
async fn added(desk: &Desk, state: &State) -> Result<Vec<(WindowId, Timestamp)>> {
    let windows =
        |state: &State| state.sites().flat_map(|(_, site)| site.windows.clone()).collect::<Vec<_>>();
    let wanted: Vec<_> = windows(state).into_iter().filter(|window| window.start.is_none()).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut added: Vec<(WindowId, Timestamp)> = Vec::new();
    for then in desk.control.history().await? {
        for window in windows(&then) {
            let is_new = added.iter().all(|(id, _)| *id != window.id);
            if is_new && wanted.iter().any(|wanted| wanted.id == window.id) {
                added.push((window.id, then.change.at));
            }
        }
    }
    Ok(added)
}

/// Every rule of a site in words, the built-in one at its place.
fn rules(policy: &backsoon::decide::Policy) -> Vec<String> {
    let effect = |then| if then == backsoon::rules::Effect::Open { "open" } else { "closed" };
    let site = policy.rules.iter().map(|rule| format!("{} {}: {}", effect(rule.then), rule.name, rule.when));
    let health = (policy.health == Health::On)
        .then(|| "open health (built in): GET and HEAD of /healthz, /livez, /readyz".to_owned());
    site.chain(health).collect()
}

fn say_instances(document: &State, roster: &Roster) {
    if roster.0.is_empty() {
        return;
    }
    output::line("");
    let rows: Vec<_> = roster.0.iter().map(|member| row(document, member.life, &member.report)).collect();
    output::table(["instance", "kind", "life", "revision", "draining", "held", "heard"], &rows);
}

fn row(document: &State, life: Life, report: &Report) -> [String; 7] {
    let kind = serde_json::to_value(report.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
    let life = match life {
        Life::Live => paint(GOOD, "live"),
        Life::Unheard => paint(WARN, "unheard"),
        Life::Lost => paint(BAD, "lost"),
        Life::Dead => paint(BAD, "dead"),
    };
    let behind = if report.has(document) { String::new() } else { paint(WARN, " behind") };
    let heard = match report.age_ms {
        u64::MAX => "never".into(),
        age => format!("{} ago", when::plain(Duration::from_millis(age))),
    };
    [
        plain(&report.name),
        kind.unwrap_or_default(),
        life,
        format!("{}{behind}", report.revision),
        report.draining.values().sum::<usize>().to_string(),
        report.held.to_string(),
        heard,
    ]
}

/// The hosts of a site, for the map of JSON.
type Sites<T> = std::collections::BTreeMap<Host, T>;
