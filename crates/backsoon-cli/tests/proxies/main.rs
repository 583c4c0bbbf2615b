//! Proxies that were there before, real ones with the recipes of `deploy/`: they ask, or they follow a mirror's files.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]
#![allow(dead_code, reason = "parts of the command line's tests are used here, and not all of each")]

mod caddy;
mod haproxy;
mod mirror;
mod nginx;
#[path = "../cli/place.rs"]
mod place;
mod program;
mod stage;
