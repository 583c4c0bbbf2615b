//! Rounds of one loop after another, and what they show together.

use std::time::Instant;

/// How long one round of one loop should take, in nanoseconds: long enough for the clock, short enough to take turns.
const ROUND: f64 = 10e6;
/// How many rounds each loop gets.
const ROUNDS: usize = 31;

/// Nanoseconds for one time through a loop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

/// Runs `count` loops in turns. `run(which, times)` goes `times` times through loop `which`.
pub(crate) fn rounds(count: usize, mut run: impl FnMut(usize, usize)) -> Vec<Spread> {
    let mut timed = |which, times| {
        let begun = Instant::now();
        run(which, times);
        begun.elapsed().as_nanos() as f64
    };
    let times: Vec<usize> = (0..count)
        .map(|which| {
            let mut times = 1;
            loop {
                let took = timed(which, times);
                if took > ROUND / 4.0 {
                    return ((times as f64 * ROUND / took) as usize).max(1);
                }
                times *= 4;
            }
        })
        .collect();
    let mut took = vec![Vec::with_capacity(ROUNDS); count];
    for _ in 0..ROUNDS {
        for (which, took) in took.iter_mut().enumerate() {
            took.push(timed(which, times[which]) / times[which] as f64);
        }
    }
    took.into_iter().map(Spread::of).collect()
}

// === impl Spread ===

impl Spread {
    fn of(mut took: Vec<f64>) -> Self {
        took.sort_by(f64::total_cmp);
        Self { median: took[took.len() / 2], least: took[0], most: took[took.len() - 1] }
    }
}
