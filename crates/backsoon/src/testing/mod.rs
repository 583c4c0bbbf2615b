//! The contracts of this crate as code that anyone can run (feature `testing`).

pub mod store;
