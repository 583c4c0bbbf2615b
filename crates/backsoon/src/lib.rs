//! Backsoon
pub mod store;
