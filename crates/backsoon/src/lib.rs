//! Backsoon
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
