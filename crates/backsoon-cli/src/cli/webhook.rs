//! Whether webhooks arrive: `webhook`.

use clap::Subcommand;

/// `backsoon webhook`.
#[derive(Debug, Subcommand)]
pub enum Webhook {
    /// Send a test to a webhook, and say what came back
    Test {
        /// Its name in backsoon.toml
        name: String,
    },
    /// Show for each webhook what was delivered last, what waits, and what was given up
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}
