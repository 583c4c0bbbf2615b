//! The parts of the `backsoon` program: the command line and the gate.
//!
//! A library target only so that tests can run the gate inside their own process; it promises no stable interface.

pub mod cli;
pub mod commands;
pub mod config;
pub mod exit;
pub mod output;
pub mod serve;
pub mod when;
