//! `backsoon` as a program that runs until the test ends.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::place::{Place, words};

/// A running program; killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    /// What stands behind the words that were waited for.
    pub(crate) said: String,
}

// === impl Program ===

impl Program {
    /// Starts `backsoon` with `flags` and waits until it says `ready`.
    pub(crate) fn start(place: &Place, flags: &str, ready: &str) -> Self {
        let mut command = place.backsoon();
        command.args(words(flags)).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said =
            line.split_once(ready).unwrap_or_else(|| panic!("backsoon {flags} said {line:?}")).1.to_owned();
        Self { child, said }
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) fn stop(mut self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        assert!(self.child.wait().unwrap().success(), "it ends well");
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
