//! The parts of the `backsoon` program: the gate, and (in `main.rs`) the command line around it.
//!
//! A library target only so that tests can run the gate inside their own process; it promises no stable interface.

pub mod serve;
