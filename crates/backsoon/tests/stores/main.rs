//! The store contract on every store, and what the contract alone cannot show: broken stores are caught, killed
//! writers leave whole values, processes that race lose nothing, damaged and unwritable places are told apart.
//!
//! Tests with a second process start this binary again, with the name of the test that starts it.

#![allow(clippy::expect_used, reason = "in a test, to panic is to fail")]

mod broken;
mod child;
mod contract;
mod crash;
mod damage;
mod opening;
mod race;
mod refused;
mod watching;
