//! The command line and the gate.
fn main() {}
