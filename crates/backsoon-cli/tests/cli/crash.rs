//! `kill -9` of a writer at a random moment, again and again: the state is the old one or the new one, the history
//! has no gap, and whoever comes next can write.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use backsoon::control::{Control, Found};
use backsoon::{Mode, State, store};

use super::place::{Place, words};

/// What came of all the kills.
#[derive(Debug, Default)]
struct Tally {
    old: usize,
    new: usize,
    /// Those that were done before they were killed.
    done: usize,
}

#[test]
fn five_hundred_kills_leave_whole_files() {
    let halves = [250, 250].map(|kills| std::thread::spawn(move || kill_often("file:./state", kills)));
    let tallies = halves.map(|half| half.join().unwrap());
    assert!(
        tallies.iter().all(|tally| tally.old > 10 && tally.new > 10),
        "they died at all moments: {tallies:?}"
    );
}

#[test]
fn a_hundred_kills_leave_whole_rows() {
    let tally = kill_often("sqlite:./backsoon.db", 100);
    assert!(tally.old > 5 && tally.new > 5, "they died at all moments: {tally:?}");
}

fn kill_often(store: &str, kills: usize) -> Tally {
    let place = Place::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let path = store.split_once("./").unwrap().1;
    let url = format!("{}:{}", store.split(':').next().unwrap(), place.path(path).display());
    place.done(&format!("on --store {store}"));
    let control = runtime.block_on(async { Control::new(store::open(&url).await.unwrap(), "test") });
    let read = || match runtime.block_on(control.find()).expect("nobody locks others out") {
        Found::State(state) => *state,
        other => panic!("no State lies there any more: {other:?}"),
    };
    let mut tally = Tally::default();
    let mut known: BTreeMap<u64, State> = BTreeMap::new();
    let mut before = read();
    // When a write lands, on this machine and under its load: kills come before and after, and move it along.
    let begun = Instant::now();
    place.done(&format!("off --store {store}"));
    let mut landing = begun.elapsed();
    known.insert(before.revision, std::mem::replace(&mut before, read()));

    for kill in 0..kills {
        let verb = if is_closed(&before) { "off" } else { "on" };
        let line = format!("{verb} --store {store} --json");
        let mut writer = place.backsoon();
        let begun = Instant::now();
        let mut writer =
            writer.args(words(&line)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let after = landing.mul_f64(0.3 + 1.4 * fastrand::f64());
        std::thread::sleep(after.saturating_sub(begun.elapsed()));
        writer.kill().unwrap();
        let ended = writer.wait().unwrap();
        if ended.success() {
            tally.done += 1;
        } else if ended.code().is_some() {
            panic!("kill {kill}: `{line}` failed by itself: {ended}");
        }

        let now = read();
        if now.revision == before.revision {
            assert!(!ended.success(), "kill {kill}: it said that it was done");
            assert_eq!(now, before, "kill {kill}: the old one, untouched");
            tally.old += 1;
            landing = landing.mul_f64(1.05);
        } else {
            assert_eq!(now.revision, before.revision + 1, "kill {kill}");
            assert_eq!(is_closed(&now), verb == "on", "kill {kill}: the new one, whole");
            known.insert(before.revision, std::mem::replace(&mut before, now));
            tally.new += 1;
            landing = landing.div_f64(1.05);
        }
    }
    let begun = Instant::now();
    place.done(&format!("on --store {store} --message 'after all'"));
    assert!(begun.elapsed() < Duration::from_secs(10), "nobody left a lock behind");
    known.insert(before.revision, before);
    let history = runtime.block_on(control.history()).unwrap();
    let revisions: Vec<u64> = history.iter().map(|state| state.revision).collect();
    assert_eq!(revisions, (1..=history.len() as u64).collect::<Vec<_>>(), "no gap");
    for state in &history[..history.len() - 1] {
        assert_eq!(known.get(&state.revision), Some(state), "the history is what was in force");
    }
    tally
}

fn is_closed(state: &State) -> bool {
    state.default.windows.iter().any(|window| window.mode == Mode::On)
}
