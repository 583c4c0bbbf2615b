//! `backsoon status`: what is closed, and who has it.

mod picture;
mod said;
mod shown;

use anyhow::Result;
use backsoon::State;
use backsoon::decide::{Local, Policy};
use backsoon::document::{Health, Robots};
use backsoon::rules::Effect;
use backsoon::snapshot::Snapshot;
use backsoon::store::{open_existing, without_secrets};
use backsoon::time::Timestamp;

use self::picture::Picture;
use self::shown::Shown;
use super::Desk;
use super::desk::missing;
use crate::cli::{Cli, Status};
use crate::config::Config;
use crate::exit::Exit;
use crate::output::{self, DIM, WARN, paint};

/// Runs it.
pub(super) async fn run(cli: &Cli, status: &Status) -> Result<Exit> {
    let config = Config::load(cli.config.as_deref())?;
    let url = config.store_url(cli.store_flag())?;
    let desk = match open_existing(&url).await? {
        Some(store) => Desk::at(store, cli),
        // Nobody knows whether the site is closed, and a script must hear that.
        None if status.exit_code || status.json => return Err(missing(&url)),
        None => {
            output::line(format_args!(
                "{}: there is no store yet; the first `backsoon on`, `apply` or `serve` makes it",
                without_secrets(&url)
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
        said::say(&picture, &desk, document, &snapshot);
        if !(troubles.is_empty() && picture.caveats.is_empty()) {
            output::line("");
        }
        let say = |trouble| output::line(format_args!("{} {trouble}", paint(WARN, "trouble:")));
        troubles.iter().for_each(say);
        let note = |caveat| output::line(format_args!("{} {caveat}", paint(DIM, "note:")));
        picture.caveats.iter().for_each(note);
    }
    let site = snapshot.exactly(&status.site).unwrap_or_else(|| snapshot.site(status.site.as_str()));
    Ok(match (status.exit_code, &picture.unreadable) {
        (_, Some(_)) => Exit::Failed,
        (true, None) if site.mode().is_closed() => Exit::Closed,
        _ => Exit::Done,
    })
}

/// How many passes open something at `now`.
fn valid_passes(document: &State, now: Timestamp) -> usize {
    document.passes.iter().filter(|pass| !pass.is_over(now)).count()
}

/// Every rule of a site in words, the built-in one at its place.
fn rules(policy: &Policy) -> Vec<String> {
    let effect = |then| if then == Effect::Open { "open" } else { "closed" };
    let site = policy.rules.iter().map(|rule| format!("{} {}: {}", effect(rule.then), rule.name, rule.when));
    let health = (policy.health == Health::On)
        .then(|| "open health (built in): GET and HEAD of /healthz, /livez, /readyz".to_owned());
    let robots = (policy.page.robots == Robots::Open)
        .then(|| "open robots (built in): GET and HEAD of /robots.txt".to_owned());
    let logo = policy.page.logo.as_ref().and_then(|logo| logo.path());
    let logo = logo.map(|path| format!("open logo (built in): GET and HEAD of {path}"));
    site.chain(health).chain(robots).chain(logo).collect()
}
