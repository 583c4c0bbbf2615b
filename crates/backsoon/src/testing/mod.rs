//! What those need who write a store or a face: the contract of stores, and the behaviour table.

pub mod behaviour;
pub mod store;
