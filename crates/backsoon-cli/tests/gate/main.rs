//! The gate against real sockets: what it carries, what it refuses, and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod auth;
mod cut;
mod door;
mod failures;
mod forwarding;
mod http1;
mod http2;
mod leaving;
mod names;
mod observe;
mod sample;
mod shutdown;
mod support;
mod tls;
mod websocket;
