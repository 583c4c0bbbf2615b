//! `backsoon webhook`: is the receiver there, and has it got everything?

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result, bail};
use backsoon::time::Timestamp;
use serde::Serialize;

use super::Desk;
use super::desk::operator;
use super::words::local;
use crate::cli::{Cli, Webhook};
use crate::config::{Config, nearest};
use crate::exit::{Exit, usage};
use crate::output::{self, BAD, DIM, GOOD, WARN, count, paint, plain};
use crate::serve::webhooks::{self, Delivery, Hook, Meaning, Standing};
use crate::when;

/// So much of what a receiver says is shown, in characters.
const SAID: usize = 300;

/// How the deliveries of one webhook stand.
#[derive(Debug, Default, Serialize)]
struct Stands {
    /// Where it listens, without anything secret; nothing if this configuration does not have it.
    place: Option<String>,
    /// When something was delivered last.
    delivered: Option<Timestamp>,
    waiting: usize,
    /// Since when the oldest of them waits.
    since: Option<Timestamp>,
    given_up: usize,
    /// What came back of the last try that failed, of those that wait or were given up.
    answer: Option<String>,
}

/// Runs it.
pub(super) async fn run(cli: &Cli, webhook: &Webhook) -> Result<Exit> {
    let config = Config::load(cli.config.as_deref())?;
    let hooks = webhooks::hooks(&config.webhook)?;
    match webhook {
        Webhook::Test { name } => test(&hooks, name).await,
        Webhook::List { json } => list(&Desk::open_existing(cli).await?, &hooks, *json).await,
    }
}

async fn test(hooks: &[Hook], name: &str) -> Result<Exit> {
    let Some(hook) = hooks.iter().find(|hook| hook.name == *name) else {
        let names: Vec<&str> = hooks.iter().map(|hook| hook.name.as_str()).collect();
        let known = match nearest(name, names.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if names.is_empty() => "the configuration has none; begin one with [[webhook]]".into(),
            None => format!("there is {}", names.join(", ")),
        };
        return Err(usage(format!("there is no webhook called `{name}`; {known}")));
    };
    let event = webhooks::test(&hook.name, &operator(), Timestamp::now());
    let begun = Instant::now();
    let answer = webhooks::send(hook, &event.id, &event.body()).await;
    let said: String = answer.said.trim().chars().take(SAID).collect();
    let said = if said.is_empty() { String::new() } else { format!("; it said: {}", plain(&said)) };
    let (place, words) = (hook.place(), plain(&answer.words));
    if answer.meaning != Meaning::Delivered {
        bail!("webhook {name} was not delivered to {place}: {words}{said}");
    }
    let took = when::plain(begun.elapsed());
    output::line(format_args!("{} to {place}: {words} after {took}{said}", paint(GOOD, "delivered")));
    Ok(Exit::Done)
}

async fn list(desk: &Desk, hooks: &[Hook], json: bool) -> Result<Exit> {
    let mut all: BTreeMap<String, Stands> = BTreeMap::new();
    for hook in hooks {
        all.insert(hook.name.clone(), Stands { place: Some(hook.place()), ..Stands::default() });
    }
    let mut deliveries: Vec<Delivery> =
        webhooks::all(&**desk.store()).await?.into_iter().map(|(_, delivery)| delivery).collect();
    deliveries.sort_by_key(|delivery| delivery.created);
    for delivery in deliveries {
        all.entry(delivery.hook.clone()).or_default().take_in(delivery);
    }
    if json {
        output::json(&all)?;
        return Ok(Exit::Done);
    }
    if all.is_empty() {
        output::line("there are no webhooks; [[webhook]] in backsoon.toml makes one (docs/webhooks.md)");
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = all.iter().map(|(name, stands)| stands.row(name)).collect();
    output::table(["webhook", "to", "last delivered", "waiting", "given up", "what came back"], &rows);
    Ok(Exit::Done)
}

// === impl Stands ===

impl Stands {
    fn take_in(&mut self, delivery: Delivery) {
        match delivery.standing {
            Standing::Delivered => self.delivered = self.delivered.max(delivery.ended),
            Standing::Waiting => {
                self.waiting += 1;
                self.since = self.since.or(Some(delivery.created));
            }
            Standing::GivenUp => self.given_up += 1,
        }
        if delivery.is_failing() {
            self.answer = delivery.answer;
        }
    }

    fn row(&self, name: &str) -> [String; 6] {
        let none = || paint(DIM, "-");
        let place = self.place.clone().unwrap_or_else(|| paint(WARN, "not in this configuration"));
        let since = self.since.map(|since| format!(", since {}", local(since))).unwrap_or_default();
        let number = |number: usize, style| if number == 0 { none() } else { paint(style, number) };
        [
            plain(name),
            place,
            self.delivered.map_or_else(|| paint(DIM, "never"), local),
            if self.waiting == 0 { none() } else { paint(WARN, count(self.waiting, "event") + &since) },
            number(self.given_up, BAD),
            self.answer.as_deref().map_or_else(none, plain),
        ]
    }
}
