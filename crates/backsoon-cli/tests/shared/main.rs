//! A fleet over each store that several machines can share, with real servers and real processes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]
#![allow(clippy::print_stdout, reason = "what a test under load has counted is worth reading")]
#![allow(dead_code, reason = "parts of the command line's tests are used here, and not all of each")]

mod behind;
mod down;
#[path = "../cli/gate.rs"]
mod gate;
mod job;
#[path = "../cli/main_job.rs"]
mod main_job;
#[path = "../cli/place.rs"]
mod place;
