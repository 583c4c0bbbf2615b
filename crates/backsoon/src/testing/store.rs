//! What it means to be a [`Store`], as a list of checks that anyone can run against a store of their own.
//!
//! ```
//! # #[tokio::main(flavor = "multi_thread")]
//! # async fn main() {
//! use std::sync::Arc;
//! use backsoon::store::{MemoryStore, Store};
//!
//! let store = MemoryStore::new();
//! backsoon::testing::store::conformance(async || Arc::new(store.clone()) as Arc<dyn Store>).await;
//! # }
//! ```
//!
//! A version stands for one value, but it may come back with the very same bytes, as a digest does: no two States are the
//! same bytes, since each has a change id of its own, so a swap that compares by bytes never takes one for another.
//!
//! Run it on a runtime with several threads: on one thread a race is hardly one. The checks write under
//! `conformance/` only, and remove what they wrote when they pass.

mod ground;
mod hints;
mod races;
mod swaps;
mod values;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use self::ground::Ground;
use crate::store::Store;

/// One check that a store did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The name of the check, which says what a store must do.
    pub check: &'static str,
    /// What the store did instead.
    pub what: String,
}

/// A check that takes longer than this has failed. Far above what a slow disk needs.
const PATIENCE: Duration = Duration::from_secs(60);

type Outcome = Result<(), String>;

struct Check {
    name: &'static str,
    run: for<'a> fn(&'a Ground) -> BoxFuture<'a, Outcome>,
}

macro_rules! checks {
    ($($module:ident { $($name:ident,)* })*) => {
        &[$($(Check { name: stringify!($name), run: |ground| Box::pin($module::$name(ground)) },)*)*]
    };
}

const CHECKS: &[Check] = checks! {
    values {
        a_missing_key_is_none,
        what_was_put_is_got_through_every_handle,
        an_empty_value_is_a_value,
        any_bytes_come_back_as_they_were,
        a_mebibyte_comes_back_whole,
        a_value_past_the_limit_is_refused,
        a_deleted_key_is_gone,
        a_list_is_its_prefix_in_byte_order,
        the_longest_key_works,
        what_is_no_key_is_refused_everywhere,
    }
    swaps {
        overwrite_replaces_whatever_is_there,
        create_refuses_what_exists,
        update_replaces_the_version_it_names,
        update_refuses_a_stale_version,
        update_refuses_a_missing_key,
        a_version_belongs_to_one_value,
        a_version_does_not_outlive_its_value,
    }
    races {
        no_increment_is_lost,
        one_of_many_creators_wins,
        one_of_many_updaters_wins,
        a_reader_never_sees_half_a_write,
        a_dropped_put_leaves_the_old_or_the_new,
    }
    hints {
        every_change_by_another_handle_is_hinted,
    }
};

/// Runs every check and panics with a sentence for each one that failed.
///
/// `open` returns one more handle of the same store every time that it is called.
///
/// # Panics
/// If the store does not keep the contract.
pub async fn conformance(open: impl AsyncFn() -> Arc<dyn Store>) {
    let failures = failures(open).await;
    assert!(failures.is_empty(), "this is not a store yet:{}", sentences(&failures));
}

/// Runs every check, as [`conformance`] does, and returns those that failed; none means that it is a store.
pub async fn failures(open: impl AsyncFn() -> Arc<dyn Store>) -> Vec<Failure> {
    let (one, other) = (open().await, open().await);
    let mut failures = Vec::new();
    for Check { name, run } in CHECKS {
        let ground = Ground::new(&one, &other, name);
        let outcome = match tokio::time::timeout(PATIENCE, run(&ground)).await {
            Ok(Ok(())) => ground.clean_up().await,
            Ok(failed) => failed,
            Err(_) => Err(format!("it was not done after {} s", PATIENCE.as_secs())),
        };
        failures.extend(outcome.err().map(|what| Failure { check: name, what }));
    }
    failures
}

/// The names of all checks, in the order in which they run.
#[must_use]
pub fn checks() -> Vec<&'static str> {
    CHECKS.iter().map(|check| check.name).collect()
}

fn sentences(failures: &[Failure]) -> String {
    failures.iter().map(|failure| format!("\n  {failure}")).collect()
}

// === impl Failure ===

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check.replace('_', " "), self.what)
    }
}
