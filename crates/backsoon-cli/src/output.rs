//! What is printed: colour, tables and lines that fit on a terminal, plain text otherwise, JSON when asked for.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};
use anyhow::{Context as _, Result, anyhow};
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

/// Why standard output took no more, the first time that it did not.
static UNPRINTED: OnceLock<io::Error> = OnceLock::new();

/// What is said of it.
const UNPRINTABLE: &str = "the answer cannot be printed";

/// Where the text behind a label begins.
const LABEL: usize = 12;

/// On a terminal narrower than this, lines are left to it.
const NARROWEST: usize = 40;

/// `text` in `style`; the streams below strip it where nobody would see it (no terminal, `NO_COLOR`).
pub fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// `text` without anything that would make a terminal do more than show it. Messages, notes and names come from
/// other people and other machines.
pub fn plain(text: &str) -> String {
    let acts = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().fold(String::with_capacity(text.len()), |mut plain, c| {
        if acts(c) {
            plain.extend(c.escape_default())
        } else {
            plain.push(c)
        }
        plain
    })
}

/// `1 site`, `2 sites`.
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Prints one line. If it cannot be printed, [`code`] says so at the end.
pub fn line(text: impl Display) {
    print(&fit(&text.to_string(), 2));
}

/// Prints a label and what belongs to it, below the line that it is a part of.
pub fn field(label: &str, text: impl Display) {
    print(&fit(&format!("  {label:<10}{text}"), LABEL));
}

/// Prints a label and what belongs to it for people, where a command of theirs prints its own.
pub fn aside(label: &str, text: impl Display) {
    note(format_args!("  {label:<10}{text}"));
}

/// Prints one line for people, where it does not mix with what programs read.
pub fn note(text: impl Display) {
    let _ = anstream::stderr().write_fmt(format_args!("{text}\n"));
}

/// Prints a warning.
pub fn warn(text: impl Display) {
    note(format_args!("{} {text}", paint(WARN, "warning:")));
}

/// Prints a value as JSON.
///
/// # Errors
/// When it does not serialise; also as [`verbatim`].
pub fn json(value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    verbatim(&text)
}

/// Prints what programs read, as it is.
///
/// # Errors
/// When standard output takes nothing more; a reader that has gone away is no error.
pub fn verbatim(text: &[u8]) -> Result<()> {
    heard(io::stdout().write_all(text).and_then(|()| io::stdout().flush())).context(UNPRINTABLE)
}

/// Prints what the parser of the command line says: help where it was asked for, on standard output, or what was wrong.
pub fn usage(said: &clap::Error) -> ExitCode {
    let code = u8::try_from(said.exit_code()).unwrap_or(Exit::Usage.code());
    match heard(said.print().and_then(|()| io::stdout().flush())).context(UNPRINTABLE) {
        Err(error) if !said.use_stderr() => ExitCode::from(self::code(Err(error))),
        _ => ExitCode::from(code),
    }
}

/// Prints rows in columns below their heading; on a terminal the last column is as wide as is left.
pub fn table<const COLUMNS: usize>(heading: [&str; COLUMNS], rows: &[[String; COLUMNS]]) {
    for row in columns(heading, rows) {
        print(&row);
    }
}

/// `text`, with its colours only where standard output shows them: for what does not go through a stream of ours.
pub fn coloured(text: &str) -> String {
    match anstream::AutoStream::choice(&io::stdout()) {
        anstream::ColorChoice::Never => anstream::adapter::strip_str(text).to_string(),
        _ => text.to_owned(),
    }
}

/// Rows in columns below their heading, as [`table`] prints them.
pub fn columns<const COLUMNS: usize>(heading: [&str; COLUMNS], rows: &[[String; COLUMNS]]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| visible(&row[column]));
        cells.chain([heading[column].len()]).max().unwrap_or(0)
    };
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let before_last: usize = widths[..COLUMNS - 1].iter().map(|width| width + 2).sum();
    let render = |cells: [&str; COLUMNS]| {
        let padded = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - visible(cell))));
        fit(format!("  {}", padded.collect::<Vec<_>>().join("  ")).trim_end(), before_last + 2)
    };
    let rows = rows.iter().map(|row| render(std::array::from_fn(|column| row[column].as_str())));
    std::iter::once(paint(DIM, render(heading))).chain(rows).collect()
}

/// The number that the process is to end with, after printing what went wrong. Who has not said what was done has
/// failed, whatever came of it.
pub fn code(done: Result<Exit>) -> u8 {
    let failed = |error: anyhow::Error| {
        note(format_args!("{} {}", paint(BAD, "error:"), sentence(&error)));
        Exit::of(&error)
    };
    let exit = done.unwrap_or_else(failed);
    let exit = match UNPRINTED.get() {
        Some(why) => failed(anyhow!("{UNPRINTABLE}: {why}")),
        None => exit,
    };
    exit.code()
}

/// The whole chain of causes, each said once: many errors repeat theirs.
pub fn sentence(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |said, cause| match cause.to_string() {
        cause if said.is_empty() => cause,
        cause if said.contains(&cause) => said,
        cause => format!("{said}: {cause}"),
    })
}

/// Prints one line as it is, and remembers if it could not.
fn print(line: &str) {
    let mut out = anstream::stdout();
    let printed = heard(out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush()));
    // What comes after the first loss adds nothing.
    let _ = printed.map_err(|why| UNPRINTED.set(why));
}

/// A reader that has gone away (`| head`) is no error.
fn heard(printed: io::Result<()>) -> io::Result<()> {
    printed.or_else(|why| if why.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(why) })
}

/// Breaks a line between words so that it fits on the terminal, and begins what follows at column `indent`. What is
/// not shown on a terminal stays one line.
fn fit(text: &str, indent: usize) -> String {
    let width = io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    match width.map(|(width, _)| usize::from(width.0)) {
        Some(width) if width >= NARROWEST => {
            wrap(text, width, if indent + NARROWEST / 2 <= width { indent } else { LABEL })
        }
        _ => text.to_owned(),
    }
}

fn wrap(text: &str, width: usize, indent: usize) -> String {
    let mut wrapped = String::new();
    let mut column = 0;
    for word in text.split_inclusive(' ') {
        let length = visible(word.trim_end());
        if column > indent && column + length > width {
            let end = wrapped.trim_end().len();
            wrapped.truncate(end);
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            column = indent;
        }
        wrapped.push_str(word);
        column += visible(word);
    }
    wrapped
}

/// How many characters of `text` are seen, colours left out.
fn visible(text: &str) -> usize {
    anstream::adapter::strip_str(text).to_string().chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_breaks_between_words_and_goes_on_below_its_text() {
        assert_eq!(
            wrap("  store     file:/a, revision 7", 26, 12),
            "  store     file:/a,\n            revision 7"
        );
        assert_eq!(wrap("  store     file:/a, revision 7", 31, 12), "  store     file:/a, revision 7");
        // A word that fits nowhere is the terminal's to break, and colours take no room.
        assert_eq!(wrap("aaaaaaaaaaaa b", 5, 2), "aaaaaaaaaaaa\n  b");
        assert_eq!(wrap(&format!("a {} c", paint(BAD, "b")), 5, 0), format!("a {} c", paint(BAD, "b")));
    }

    #[test]
    fn nobodys_text_moves_the_cursor() {
        assert_eq!(plain("Back\u{1b}[2J at\nnoon\u{202e}"), "Back\\u{1b}[2J at\\nnoon\\u{202e}");
        assert_eq!(plain("Zurück um 12 – “bald”"), "Zurück um 12 – “bald”");
    }

    #[test]
    fn a_cause_that_the_error_names_itself_is_said_once() {
        let error = anyhow::anyhow!("disk full").context("writing: disk full").context("the store is away");
        assert_eq!(sentence(&error), "the store is away: writing: disk full");
    }
}
