//! Ports that nobody uses.

use std::net::TcpListener;

/// A port of loopback that was free a moment ago.
///
/// # Panics
/// If the system has none left.
#[must_use]
pub fn free() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener.unwrap_or_else(|error| panic!("loopback has no free port: {error}")).port()
}
