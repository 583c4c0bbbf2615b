//! What is printed: colour and tables on a terminal, plain text otherwise, JSON when asked for.

use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use serde::Serialize;

use crate::exit::Exit;

/// What is good.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What somebody should know about.
pub const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// What is closed, or wrong.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What is said in passing.
pub const DIM: Style = Style::new().dimmed();

/// `text` in `style`; the streams below strip it where nobody would see it (no terminal, `NO_COLOR`).
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Prints one line. A reader that has gone away (`| head`) is no error.
pub fn line(text: impl std::fmt::Display) {
    let _ = std::io::Write::write_fmt(&mut anstream::stdout(), format_args!("{text}\n"));
}

/// Prints one line for people, where it does not mix with what programs read.
pub fn note(text: impl std::fmt::Display) {
    let _ = std::io::Write::write_fmt(&mut anstream::stderr(), format_args!("{text}\n"));
}

/// Prints a warning.
pub fn warn(text: impl std::fmt::Display) {
    note(format_args!("{} {text}", paint(WARN, "warning:")));
}

/// Prints a value as JSON.
///
/// # Errors
/// When it does not serialise.
pub fn json(value: &impl Serialize) -> Result<()> {
    line(serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Prints rows in columns, the first row being the heading.
pub fn table<const COLUMNS: usize>(heading: [&str; COLUMNS], rows: &[[String; COLUMNS]]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| visible(&row[column]));
        cells.chain([heading[column].len()]).max().unwrap_or(0)
    };
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let render = |cells: [&str; COLUMNS]| {
        let padded = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - visible(cell))));
        format!("  {}", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    line(paint(DIM, render(heading)));
    for row in rows {
        line(render(std::array::from_fn(|column| row[column].as_str())));
    }
}

/// Ends the process as `done` says, after printing what went wrong.
pub fn exit(done: Result<Exit>) -> ExitCode {
    let exit = done.unwrap_or_else(|error| {
        note(format_args!("{} {error:#}", paint(BAD, "error:")));
        Exit::of(&error)
    });
    ExitCode::from(exit as u8)
}

/// How many characters of `text` are seen, colours left out.
fn visible(text: &str) -> usize {
    anstream::adapter::strip_str(text).to_string().chars().count()
}
