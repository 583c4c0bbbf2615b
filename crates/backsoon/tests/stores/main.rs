//! The store contract on every store, and what the contract alone cannot show: broken stores are caught, killed
//! writers leave whole values, damaged and unwritable places are told apart.

mod broken;
mod contract;
