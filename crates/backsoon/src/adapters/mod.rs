//! Faces for frameworks. They translate and decide nothing: [`crate::decide`] does.

#[cfg(feature = "actix")]
pub mod actix;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "tower")]
pub mod tower;

use std::net::IpAddr;

pub use crate::request::Scheme;

/// A request extension that tells the peer's address, where the framework has no word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);
