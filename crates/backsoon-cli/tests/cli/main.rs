//! The command line as operators and scripts meet it: the real binary, in a place of its own for every test.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]
#![allow(clippy::print_stdout, reason = "what a test under load has counted is worth reading")]

mod apply;
mod behind;
mod check;
mod crash;
mod damage;
mod demo;
mod disk;
mod explain;
mod fleet;
mod gate;
mod guard;
mod history;
mod impact;
mod interrupted;
mod limits;
mod main_job;
mod off;
mod on;
mod page;
mod pass;
mod people;
mod place;
mod programs;
mod race;
#[cfg(feature = "webhooks")]
mod receiver;
mod redis;
mod run;
mod running;
mod status;
mod store;
mod terminal;
mod wait;
#[cfg(feature = "webhooks")]
mod webhook;
