//! The store contract on every store, and what the contract alone cannot show: broken stores are caught, killed
//! writers leave whole values, damaged and unwritable places are told apart.

#![allow(clippy::expect_used, reason = "in a test, to panic is to fail")]

mod broken;
mod contract;
