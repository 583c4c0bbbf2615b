//! What a change costs: making a snapshot of the whole State ready, which happens once per revision and window edge,
//! outside the door's lock.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod measure;

use std::error::Error;
use std::hint::black_box;

use backsoon::decide::Local;
use backsoon::document::Mode;
use backsoon::snapshot::Snapshot;
use backsoon::time::Timestamp;
use backsoon::{Host, State, Window};

/// A State, the one that it follows, and what is between them.
struct Change {
    name: String,
    before: Option<Snapshot>,
    after: State,
}

fn main() -> Result<(), Box<dyn Error>> {
    let (local, now) = (Local::default(), Timestamp::now());
    let mut changes = Vec::new();
    for sites in [1, 10, 100, 1000] {
        let mut before = State::new();
        for n in 1..sites {
            let host: Host = format!("shop{n}.example.com").parse()?;
            // A closing to come, so that there is something to compare.
            let mut window = Window::new(Mode::On).message("We are moving house.");
            window.start = Some(now + std::time::Duration::from_secs(3600));
            before.site_mut(&host).windows.push(window);
        }
        let settled = || Snapshot::settle(&before, &local, now, None);
        let mut one = before.clone();
        let last: Host = if sites == 1 { Host::any() } else { "shop1.example.com".parse()? };
        one.site_mut(&last).windows.push(Window::new(Mode::On));
        let mut all = before.clone();
        all.default.windows.push(Window::new(Mode::On));
        let mut add = |what: &str, before, after| {
            changes.push(Change { name: format!("{sites} sites, {what}"), before, after });
        };
        add("at start", None, before.clone());
        add("nothing changed", Some(settled()), before.clone());
        add("one changed", Some(settled()), one);
        add("`*` closed, so all changed", Some(settled()), all);
    }
    let took = measure::rounds(changes.len(), |which, times| {
        let change = &changes[which];
        for _ in 0..times {
            black_box(Snapshot::settle(black_box(&change.after), &local, now, change.before.as_ref()));
        }
    });
    println!("{:<40} {:>9} {:>9} {:>9}  ms", "", "median", "least", "most");
    for (change, took) in changes.iter().zip(&took) {
        let [median, least, most] = [took.median, took.least, took.most].map(|took| took / 1e6);
        println!("{:<40} {median:>9.3} {least:>9.3} {most:>9.3}", change.name);
    }
    Ok(())
}
