//! How long to wait before asking a store again that did not answer.

use std::time::Duration;

/// The longest pause between two tries while the store is away: half the usual lease.
const LONGEST: Duration = Duration::from_secs(5);

/// The pause until the next try: a longer one after each failure, and a little jitter, so that a fleet that lost its
/// store together does not come back together.
pub(super) fn back_off(usual: Duration, failures: u32) -> Duration {
    let longer = usual.saturating_mul(2_u32.pow(failures.saturating_sub(1).min(10)));
    longer.min(usual.max(LONGEST)).mul_f64(0.9 + 0.2 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_failures_and_differ_between_instances() {
        let second = Duration::from_secs(1);
        for (usual, failures, expected) in [
            (second, 0, second),
            (second, 1, second),
            (second, 2, 2 * second),
            (second, 3, 4 * second),
            (second, 4, LONGEST),
            (second, u32::MAX, LONGEST),
            // Whoever is told to ask seldom does not ask more often because nobody answers.
            (60 * second, 9, 60 * second),
        ] {
            let pauses: Vec<_> = (0..200).map(|_| back_off(usual, failures)).collect();
            let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
            assert!(*least >= expected.mul_f64(0.9) && *most <= expected.mul_f64(1.1), "{least:?} {most:?}");
            assert!(*most - *least > expected.mul_f64(0.1), "a fleet would come in step: {least:?} {most:?}");
        }
    }
}
