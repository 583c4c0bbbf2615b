//! Stores that many machines share, on real servers: the contract, what a crash leaves, what is refused, and how a fleet
//! follows. The servers are started privately and end with the test.

#![allow(clippy::expect_used, reason = "in a test, to panic is to fail")]

mod bed;
mod crowd;
mod faults;
mod fleet;
mod full;
mod loss;
mod redis_contract;
mod redis_line;
mod redis_loss;
mod redis_refused;
mod rights;
mod s3;
mod sql_bed;
mod sql_contract;
mod sql_fleet;
mod sql_loss;
mod sql_refused;
mod sql_tls;
