//! A model of the fence, with time, searched exhaustively: an instance that was told to closes itself when it cannot
//! report for its lease, and a reader of the roster calls it *fenced* after a longer silence.
//!
//! What must hold in every state: *once a reader who waits for a closing has said "fenced", the instance never admits
//! anybody by an older State again,* also when it is heard of again. Reports and answers may be slow, be lost, or land long
//! after their writer has given them up; either side may freeze, which is a side whose steps do not come while time goes
//! on; and the instance's clock may be slower than the reader's by a tick in each lease.
//!
//! Every rule that makes it hold can be left out, and then the search must find a counterexample.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{HashSet, VecDeque};

/// The lease, in ticks of the instance's clock, which may lose one of them.
const LEASE: u8 = 3;

/// What `Report::fenced_after` adds: what a clock may lose in a lease, and one tick.
const MARGIN: u8 = 1 + 1;

/// How far the writer's clock is behind the reader's; nobody may count on its being none.
const SKEW: u8 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct World {
    /// The closing is in the store.
    closed: bool,
    /// The instance has applied it.
    knows: bool,
    /// How long the instance still admits, by its own clock.
    lease: u8,
    /// The report on its way, with its age by the instance's clock.
    writing: Option<Writing>,
    /// The age of a report that has landed, but after which the State was not read yet.
    vouched: Option<u8>,
    /// A report that was given up may land yet.
    stray: bool,
    /// A beat lies in the store that the reader has not seen.
    news: bool,
    /// For how long the reader has seen no new beat, by its clock.
    silence: u8,
    /// A look that is on its way.
    look: Option<Look>,
    /// The reader has said that the instance is fenced.
    said: bool,
    /// Ticks since the instance's clock last lost one.
    steady: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Writing {
    age: u8,
    landed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Look {
    /// It was begun when the closing was in the store: a closer writes, then lists.
    after: bool,
    /// The silence when it was begun.
    silence: u8,
    /// What the store has answered: whether there was news.
    answer: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    None,
    /// The lease runs from when the report's answer came, not from before it was sent.
    LeaseFromTheAnswer,
    /// The reader subtracts the time in the report from its own: two clocks are compared.
    BeatByTheWrongClock,
    /// The reader waits for the lease and no longer, although clocks differ.
    NoMargin,
    /// A report whose answer never came renews the lease all the same.
    LostAnswersCount,
    /// A report lifts the fence, although the State was not read since.
    ReportAloneLiftsTheFence,
}

const FIRST: World = World {
    closed: false,
    knows: false,
    lease: 0,
    writing: None,
    vouched: None,
    stray: false,
    news: false,
    silence: 0,
    look: None,
    said: false,
    steady: 0,
};

fn holds(world: &World) -> bool {
    !world.said || world.knows || world.lease == 0
}

fn steps(world: &World, bug: Bug) -> Vec<World> {
    let now = *world;
    let margin = if bug == Bug::NoMargin { 0 } else { MARGIN };
    let mut next = vec![tick(&now, 1)];
    if now.steady == LEASE {
        next.push(World { steady: 0, ..tick(&now, 0) });
    }
    if !now.closed {
        next.push(World { closed: true, ..now });
    }
    // The instance.
    match now.writing {
        None => next.push(World { writing: Some(Writing { age: 0, landed: false }), ..now }),
        Some(writing) => {
            if writing.landed {
                let age = if bug == Bug::LeaseFromTheAnswer { 0 } else { writing.age };
                let answered = World { writing: None, vouched: Some(age), ..now };
                match bug {
                    Bug::ReportAloneLiftsTheFence => next.push(vouched(&answered)),
                    _ => next.push(answered),
                }
            } else {
                next.push(World { writing: Some(Writing { landed: true, ..writing }), news: true, ..now });
            }
            let given_up = World { writing: None, stray: now.stray || !writing.landed, ..now };
            match bug {
                Bug::LostAnswersCount => next.push(World { vouched: Some(0), ..given_up }),
                _ => next.push(given_up),
            }
        }
    }
    next.push(World { knows: now.closed, ..vouched(&now) });
    // The network.
    if now.stray {
        next.push(World { stray: false, news: true, ..now });
    }
    // The reader.
    match now.look {
        None => next.push(World {
            look: Some(Look { after: now.closed, silence: now.silence, answer: None }),
            ..now
        }),
        Some(look @ Look { answer: None, .. }) => {
            next.push(World { look: Some(Look { answer: Some(now.news), ..look }), news: false, ..now });
        }
        Some(Look { answer: Some(true), .. }) => {
            let silence = if bug == Bug::BeatByTheWrongClock { SKEW } else { 0 };
            next.push(World { look: None, silence, ..now });
        }
        Some(Look { answer: Some(false), silence, after }) => {
            let said = now.said || after && silence >= LEASE + margin;
            next.push(World { look: None, said, ..now });
        }
    }
    next
}

/// Time goes on by one tick of the reader's clock and `by` of the instance's.
fn tick(now: &World, by: u8) -> World {
    let top = LEASE + MARGIN;
    World {
        lease: now.lease.saturating_sub(by),
        writing: now.writing.map(|writing| Writing { age: (writing.age + by).min(LEASE), ..writing }),
        vouched: now.vouched.map(|age| (age + by).min(LEASE)),
        silence: (now.silence + 1).min(top),
        steady: (now.steady + 1).min(LEASE),
        ..*now
    }
}

/// What a report that has landed is good for.
fn vouched(now: &World) -> World {
    let lease = now.vouched.map_or(0, |age| LEASE - age);
    World { lease: now.lease.max(lease), vouched: None, ..*now }
}

/// How many states there are, or the first one found in which the promise is broken.
fn search(bug: Bug) -> Result<usize, World> {
    let (mut seen, mut open) = (HashSet::from([FIRST]), VecDeque::from([FIRST]));
    while let Some(world) = open.pop_front() {
        if !holds(&world) {
            return Err(world);
        }
        for after in steps(&world, bug) {
            if seen.insert(after) {
                open.push_back(after);
            }
        }
    }
    Ok(seen.len())
}

#[test]
fn whoever_is_called_fenced_admits_nobody() {
    let states = search(Bug::None).unwrap();
    assert!(states > 1_000, "the search saw only {states} states");
}

#[test]
fn each_rule_is_needed() {
    for bug in [
        Bug::LeaseFromTheAnswer,
        Bug::BeatByTheWrongClock,
        Bug::NoMargin,
        Bug::LostAnswersCount,
        Bug::ReportAloneLiftsTheFence,
    ] {
        assert!(search(bug).is_err(), "{bug:?} breaks nothing, so the model proves nothing about it");
    }
}
