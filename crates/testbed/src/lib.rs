//! Real servers for tests, started privately on free ports and stopped with the test, and a network that can fail.
//!
//! Nothing here is published. A test that needs a server which is not installed fails and says which package brings it:
//! `scripts/test` installs them all, and skips none.

mod ground;
pub mod mariadb;
pub mod port;
pub mod postgres;
pub mod proxy;
pub mod redis;
pub mod s3;
pub mod server;

pub use mariadb::MariaDb;
pub use postgres::Postgres;
pub use proxy::{Fault, Proxy};
pub use redis::Redis;
pub use s3::S3;
pub use server::Server;
