//! The command line, for `python -m backsoon` and `manage.py maintenance`.

use backsoon_cli::cli::Cli;
use backsoon_cli::{commands, output};
use clap::Parser as _;
use pyo3::prelude::*;

/// Runs `backsoon` with `arguments`, of which the first is the program's name, and returns its exit code. `typed` is what is
/// typed to come here again, where that is something else.
#[pyfunction]
#[pyo3(signature = (arguments, typed = None))]
pub(crate) fn command(py: Python<'_>, arguments: Vec<String>, typed: Option<String>) -> u8 {
    py.detach(|| match Cli::try_parse_from(arguments) {
        Ok(mut cli) => {
            cli.program = typed;
            output::code(commands::run(&cli))
        }
        Err(error) => {
            // Standard output or error may be gone; there is nowhere left to say so.
            let _ = error.print();
            u8::try_from(error.exit_code()).unwrap_or(2)
        }
    })
}
