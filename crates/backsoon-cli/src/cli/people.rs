//! Who may use the console: `user` and `token`.

use std::time::Duration;

use clap::{Args, Subcommand};

use crate::when;

/// `backsoon user`.
#[derive(Debug, Args)]
pub struct User {
    /// What to do.
    #[command(subcommand)]
    pub verb: UserVerb,
}

/// What can be done about users.
#[derive(Debug, Subcommand)]
pub enum UserVerb {
    /// Add a user; the password is asked for, or read from standard input
    Add {
        /// Their name: 1 to 64 letters, digits, `.`, `_`, `-`, `+` and `@`
        name: backsoon_console::people::UserName,
        /// What they may do: viewer, operator or admin
        #[arg(long, value_name = "ROLE", default_value = "viewer")]
        role: backsoon_console::Role,
        /// They sign in at a trusted proxy alone
        #[arg(long)]
        no_password: bool,
    },
    /// Give a user another role or password; their sessions end
    Set {
        /// Their name
        name: backsoon_console::people::UserName,
        /// What they may do: viewer, operator or admin
        #[arg(long, value_name = "ROLE", required_unless_present = "password")]
        role: Option<backsoon_console::Role>,
        /// Ask for a new password, or read it from standard input
        #[arg(long)]
        password: bool,
    },
    /// Show everybody who may sign in
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a user; their sessions end
    Remove {
        /// Their name
        name: backsoon_console::people::UserName,
    },
    /// Print a link that makes the first admin, once, within 15 minutes
    Link,
    /// Show what became of users and tokens: who, from where, when; the newest first
    History {
        /// How many changes at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// `backsoon token`.
#[derive(Debug, Args)]
pub struct Token {
    /// What to do.
    #[command(subcommand)]
    pub verb: TokenVerb,
}

/// What can be done about tokens.
#[derive(Debug, Subcommand)]
pub enum TokenVerb {
    /// Make a token; it is shown this once, alone on standard output
    New {
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        name: String,
        /// What its bearer may do: viewer, server, operator or admin
        #[arg(long, value_name = "ROLE", default_value = "viewer")]
        role: backsoon_console::Role,
        /// For how long it is valid: 90d (for ever)
        #[arg(long = "for", value_name = "DURATION", value_parser = when::duration, allow_hyphen_values = true)]
        lasts: Option<Duration>,
    },
    /// Show every token, without its secret
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End a token
    Revoke {
        /// Its id, as `backsoon token list` shows it
        id: String,
    },
}
