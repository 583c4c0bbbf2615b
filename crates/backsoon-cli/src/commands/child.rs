//! The command that `run` and `guard` run.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::{Context as _, Result};
use tokio::process::{Child as Process, Command};

use super::signals::Signals;
use crate::exit::{Ends, Exit};
use crate::output::plain;

/// A command that runs with our own input and output.
pub(super) struct Child {
    process: Process,
    name: String,
}

/// How a command ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    status: ExitStatus,
    name: String,
}

// === impl Child ===

impl Child {
    /// Starts `words` with `variables` added to the environment.
    ///
    /// # Errors
    /// When it cannot be started, with the exit code that a shell would have.
    pub(super) fn start(words: &[OsString], variables: &[(&str, String)]) -> Result<Self> {
        let (program, arguments) = words.split_first().context("there is no command to run")?;
        let mut command = Command::new(program);
        command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
        let name = name(words);
        match command.spawn() {
            Ok(process) => Ok(Self { process, name }),
            Err(error) => Err(not_started(&name, &error)),
        }
    }

    /// Its process, while that runs.
    pub(super) fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Waits until it has ended, and passes signals on to it until then.
    pub(super) async fn ended(mut self, signals: &mut Signals) -> Result<Ended> {
        loop {
            let pid = self.process.id();
            tokio::select! {
                status = self.process.wait() => {
                    let status = status.with_context(|| format!("nobody can say how `{}` ended", self.name))?;
                    return Ok(Ended { status, name: self.name });
                }
                signal = signals.next() => {
                    if let Some(pid) = pid {
                        signals.pass(signal, pid);
                    }
                }
            }
        }
    }
}

/// Looks the program of `words` up as the system would, so that nothing is closed for one that is not there.
///
/// # Errors
/// When it cannot be started, with the exit code that a shell would have.
pub(super) fn look_up(words: &[OsString]) -> Result<()> {
    let program = words.first().context("there is no command to run")?;
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    let places: Vec<PathBuf> = match program.as_bytes() {
        [] => Vec::new(),
        path if path.contains(&b'/') => vec![program.into()],
        _ => std::env::split_paths(&path).map(|folder| folder.join(program)).collect(),
    };
    let mut why = io::Error::from(io::ErrorKind::NotFound);
    for place in places {
        match std::fs::metadata(&place) {
            Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => return Ok(()),
            // What is there and cannot be run is a better reason than what is not.
            Ok(_) => why = io::ErrorKind::PermissionDenied.into(),
            Err(_) => {}
        }
    }
    Err(not_started(&program.to_string_lossy(), &why))
}

fn not_started(name: &str, error: &io::Error) -> anyhow::Error {
    let (code, why) = match error.kind() {
        io::ErrorKind::NotFound => {
            (127, "there is no such program, or not the interpreter that it names".to_owned())
        }
        io::ErrorKind::PermissionDenied => (126, "it is there, and is nothing that may be run".to_owned()),
        _ => (126, error.to_string()),
    };
    Ends(Exit::Passed(code), format!("`{name}` cannot be started: {why}")).into()
}

/// What to call a command: its program, and none of its arguments, which may be secret.
pub(super) fn name(words: &[OsString]) -> String {
    let program = words.first().map(Path::new).unwrap_or(Path::new(""));
    plain(&program.file_name().unwrap_or(program.as_os_str()).to_string_lossy())
}

// === impl Ended ===

impl Ended {
    /// Whether it says that it has done its work.
    pub(super) fn well(&self) -> bool {
        self.status.success()
    }

    /// Its own exit code, or the one that a shell has for a command that was ended by a signal.
    pub(super) fn exit(&self) -> Exit {
        let code = self.status.code().or_else(|| self.status.signal().map(|signal| 128 + signal));
        Exit::Passed(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
    }

    /// In a sentence without its end: `migrate ended with 1`.
    pub(super) fn how(&self) -> String {
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("{} ended with {code}", self.name),
            (None, Some(signal)) => format!("{} was ended by signal {signal}", self.name),
            (None, None) => format!("{} ended", self.name),
        }
    }
}
