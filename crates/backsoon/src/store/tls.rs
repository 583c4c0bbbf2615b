//! Who does the cryptography of TLS connections: ring, unless the program has chosen another one before.

/// Sees that somebody does. Without this, a program with two of them (or none) would panic at its first connection.
pub(super) fn provide() {
    // An error only says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
