//! A model of the protocol behind a receipt, searched exhaustively.
//!
//! Three instances and one operator take their steps in every possible order. Nothing has a clock: an instance that is
//! frozen, cut off or slow is one whose steps do not come, so every delay is among the orders. What must hold in every
//! state: *once a closing is confirmed, and until the operator reopens, no instance serves by an older State and no
//! request that one admitted still runs.*
//!
//! What is assumed: a machine that starts while the store is empty has a *current* local copy, or none. One that slept
//! through the last closing and finds nobody to ask cannot know of it (SECURITY.md says so).
//!
//! Every rule that makes it hold can be left out, and then the search must find a counterexample: a model that cannot
//! fail proves nothing.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{HashMap, HashSet, VecDeque};

/// Revisions: 0 nothing was ever asked for, odd ones are closings, even ones are openings.
type Revision = u8;

const LAST: Revision = 3;

/// How many instances there are.
const MANY: usize = 3;

/// What the store, the instances and the operator know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct World {
    stored: Revision,
    /// The store has forgotten everything; instances have not.
    lost: bool,
    instances: [Process; MANY],
    roster: [Option<Said>; MANY],
    operator: Operator,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Process {
    phase: Phase,
    /// The State in force.
    held: Revision,
    /// Requests that run, having been admitted by an opening.
    running: u8,
    /// A request has looked at the State and is not counted yet (only where that is two steps).
    looked: bool,
    /// The local copy of the last known State, which survives a restart.
    copy: Option<Revision>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    Down,
    /// It has begun to join.
    Joining,
    /// It has read the State, and admits.
    Serving,
    /// It has read the State but is not on the roster yet (only where a joiner reads first).
    Unlisted,
}

/// A report on the roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Said {
    /// None while joining.
    held: Option<Revision>,
    draining: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operator {
    Idle,
    /// Has taken down who has to confirm (only where that comes before the write).
    Listed([bool; MANY]),
    /// Has written a closing and waits for the receipt, from everyone or from those on a list.
    Waiting([bool; MANY]),
    Confirmed,
}

/// What is left out of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    None,
    LookThenCount,
    RosterListedBeforeTheWrite,
    JoinerReadsBeforeItReports,
    LostCountsAsGone,
    DrainingIsNotAskedFor,
    AnEmptyStoreOpens,
    RestartWithoutTheCopy,
}

const FIRST: World = World {
    stored: 0,
    lost: false,
    instances: [Process { phase: Phase::Down, held: 0, running: 0, looked: false, copy: None }; MANY],
    roster: [None; MANY],
    operator: Operator::Idle,
};

fn is_open(revision: Revision) -> bool {
    revision.is_multiple_of(2)
}

/// Whether the promise is kept.
fn holds(world: &World) -> bool {
    let serves_old = |process: &Process| {
        let serving = matches!(process.phase, Phase::Serving | Phase::Unlisted);
        serving && is_open(process.held) || process.running > 0 || process.looked
    };
    world.operator != Operator::Confirmed || !world.instances.iter().any(serves_old)
}

fn steps(world: &World, bug: Bug) -> Vec<(String, World)> {
    let mut next = Vec::new();
    for who in 0..MANY {
        for (what, process, said) in instance(world, who, bug) {
            let mut after = *world;
            after.instances[who] = process;
            after.roster[who] = said;
            next.push((format!("instance {who} {what}"), after));
        }
    }
    next.extend(operator(world, bug).into_iter().map(|(what, after)| (what.to_owned(), after)));
    if !world.lost && world.operator != Operator::Idle {
        next.push(("the store is emptied".into(), World { lost: true, roster: [None; MANY], ..*world }));
    }
    next
}

/// What one instance may do next: its process and its report afterwards.
fn instance(world: &World, who: usize, bug: Bug) -> Vec<(&'static str, Process, Option<Said>)> {
    let now = world.instances[who];
    let said = world.roster[who];
    let mut next = Vec::new();
    let seen = if world.lost { None } else { Some(world.stored) };
    match now.phase {
        Phase::Down => {
            if bug == Bug::JoinerReadsBeforeItReports {
                next.extend(start(&now, world.stored, seen, bug).map(|held| {
                    let copy = Some(held).filter(|_| held > 0).or(now.copy);
                    ("reads", Process { phase: Phase::Unlisted, held, copy, ..now }, said)
                }));
            } else {
                let report = Some(Said { held: None, draining: 0 });
                next.push(("reports that it joins", Process { phase: Phase::Joining, ..now }, report));
            }
            // Its process has ended on this machine, so it may be taken off the roster.
            if said.is_some() {
                next.push(("is taken off the roster, being dead", now, None));
            }
        }
        Phase::Joining => next.extend(start(&now, world.stored, seen, bug).map(|held| {
            let copy = Some(held).filter(|_| held > 0).or(now.copy);
            ("reads and serves", Process { phase: Phase::Serving, held, copy, ..now }, said)
        })),
        Phase::Unlisted | Phase::Serving => {
            match seen {
                Some(stored) if stored > now.held => {
                    next.push(("applies", Process { held: stored, copy: Some(stored), ..now }, said));
                }
                None if bug == Bug::AnEmptyStoreOpens => {
                    next.push(("opens", Process { held: 0, ..now }, said))
                }
                _ => {}
            }
            let draining = if is_open(now.held) { 0 } else { now.running };
            let report = Some(Said { held: Some(now.held), draining });
            next.push(("reports", Process { phase: Phase::Serving, ..now }, report));
            if is_open(now.held) && now.running == 0 && !now.looked {
                match bug {
                    Bug::LookThenCount => next.push(("looks", Process { looked: true, ..now }, said)),
                    _ => next.push(("admits", Process { running: 1, ..now }, said)),
                }
            }
            if now.looked {
                next.push(("counts", Process { looked: false, running: 1, ..now }, said));
            }
            if now.running > 0 {
                next.push(("finishes a request", Process { running: 0, ..now }, said));
            }
            let down = Process { phase: Phase::Down, held: 0, running: 0, looked: false, ..now };
            next.push(("is killed", down, said));
            next.push(("leaves", down, None));
        }
    }
    next
}

/// The State that a process starts with; none, if it must wait.
fn start(now: &Process, stored: Revision, seen: Option<Revision>, bug: Bug) -> Option<Revision> {
    let copy = now.copy.filter(|_| bug != Bug::RestartWithoutTheCopy);
    match seen {
        Some(seen) => Some(seen.max(copy.unwrap_or(0))),
        // An empty store says nothing: the copy speaks, and without one a machine that never knew the site waits
        // (`on_unknown = closed`).
        None if bug == Bug::RestartWithoutTheCopy => Some(0),
        None => copy.filter(|copy| *copy == stored),
    }
}

fn operator(world: &World, bug: Bug) -> Vec<(&'static str, World)> {
    let to = |operator| World { operator, ..*world };
    let listed = world.roster.map(|said| said.is_some());
    let write = |operator| World { stored: world.stored + 1, operator, ..*world };
    match world.operator {
        Operator::Idle if world.lost || world.stored >= LAST => Vec::new(),
        Operator::Idle if bug == Bug::RosterListedBeforeTheWrite => {
            vec![("lists", to(Operator::Listed(listed)))]
        }
        Operator::Idle => vec![("closes", write(Operator::Waiting([true; MANY])))],
        Operator::Listed(who) => vec![("closes", write(Operator::Waiting(who)))],
        Operator::Waiting(_) if world.lost => Vec::new(),
        Operator::Waiting(who) => {
            let asked = (0..MANY).filter(|&i| who[i]).filter_map(|i| world.roster[i]);
            let confirms = |said: &Said| {
                let drained = said.draining == 0 || bug == Bug::DrainingIsNotAskedFor;
                said.held.is_some_and(|held| held >= world.stored) && drained
            };
            // Any beat may seem to have stopped.
            let counts = |said: &Said| bug != Bug::LostCountsAsGone || confirms(said);
            let asked: Vec<Said> = asked.filter(counts).collect();
            if !asked.is_empty() && asked.iter().all(confirms) {
                vec![("has its receipt", to(Operator::Confirmed))]
            } else {
                Vec::new()
            }
        }
        Operator::Confirmed if world.lost || world.stored >= LAST => Vec::new(),
        Operator::Confirmed => vec![("reopens", write(Operator::Idle))],
    }
}

/// Every state that can be reached, or the way to one that breaks the promise.
fn search(bug: Bug) -> Result<usize, Vec<String>> {
    let mut seen = HashSet::from([FIRST]);
    let mut came_from: HashMap<World, (World, String)> = HashMap::new();
    let mut to_do = VecDeque::from([FIRST]);
    while let Some(world) = to_do.pop_front() {
        if !holds(&world) {
            let mut way = Vec::new();
            let mut at = world;
            while let Some((before, what)) = came_from.get(&at) {
                way.push(what.clone());
                at = *before;
            }
            way.reverse();
            return Err(way);
        }
        for (what, after) in steps(&world, bug) {
            if seen.insert(after) {
                came_from.insert(after, (world, what));
                to_do.push_back(after);
            }
        }
    }
    Ok(seen.len())
}

#[test]
fn after_a_receipt_nobody_serves_what_was_closed() {
    match search(Bug::None) {
        Ok(states) => {
            assert!(states > 50_000, "only {states} states: the model has become too small to say anything")
        }
        Err(way) => panic!("the promise is broken by: {}", way.join(", ")),
    }
}

#[test]
fn every_rule_is_needed() {
    for bug in [
        Bug::LookThenCount,
        Bug::RosterListedBeforeTheWrite,
        Bug::JoinerReadsBeforeItReports,
        Bug::LostCountsAsGone,
        Bug::DrainingIsNotAskedFor,
        Bug::AnEmptyStoreOpens,
        Bug::RestartWithoutTheCopy,
    ] {
        let way = search(bug).expect_err(&format!("{bug:?} breaks nothing"));
        assert!(way.len() < 20, "{bug:?}: {}", way.join(", "));
    }
}
