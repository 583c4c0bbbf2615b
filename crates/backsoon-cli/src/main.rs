//! `backsoon`: the maintenance switch for every server that a site runs on.

use std::process::ExitCode;

use backsoon_cli::{cli::Cli, commands, output};
use clap::Parser;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => ExitCode::from(output::code(commands::run(&cli))),
        Err(said) => output::usage(&said),
    }
}
