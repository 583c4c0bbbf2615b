//! Real servers for tests, started privately on free ports and stopped with the test, and a network that can fail.
//!
//! Nothing here is published. A test that needs a server which is not installed fails and says which package brings it:
//! `scripts/test` installs them all, and skips none.

pub mod port;
pub mod proxy;
pub mod server;

pub use proxy::{Fault, Proxy};
pub use server::Server;
