//! The document as a whole: `apply` and `rollback`.

use std::path::PathBuf;

use clap::Args;

/// `backsoon apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// The TOML file
    pub file: PathBuf,
    /// Show the difference and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `backsoon rollback`.
#[derive(Debug, Args)]
pub struct Rollback {
    /// The revision, as `backsoon history` shows it
    pub revision: u64,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
