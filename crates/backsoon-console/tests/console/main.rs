//! The console as browsers, programs and attackers meet it: over TCP, byte by byte.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod api;
mod away;
mod cross_site;
mod document;
mod events;
mod ground;
mod impact;
mod people;
mod proxy;
mod roles;
mod screens;
mod sessions;
mod shapes;
mod sign_in;
mod store;
mod stranger;
