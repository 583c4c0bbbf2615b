//! How things stand, for whoever ends a verb in its middle: what was written stays written, and he must hear of it.

use std::cell::RefCell;

use anyhow::Result;

use super::Desk;
use super::signals::Signals;
use crate::cli::Wait;
use crate::exit::Exit;
use crate::output;

/// How things stand at this moment, in a sentence.
pub(super) struct Standing(RefCell<String>);

// === impl Standing ===

impl Standing {
    pub(super) fn new() -> Self {
        Self(RefCell::new("nothing was written".into()))
    }

    /// This is how they stand from now on.
    pub(super) fn now(&self, sentence: String) {
        self.0.replace(sentence);
    }

    /// From now on a write may land.
    pub(super) fn writing(&self, desk: &Desk) {
        self.now(format!("nobody can say whether it was written; `{}` shows it", desk.command("status")));
    }

    /// It has landed; who waits is told so at once, for that may be long.
    pub(super) fn written(&self, wait: &Wait, landed: &[String], sentence: String) {
        if wait.wait.is_some() {
            landed.iter().for_each(|line| output::note(format_args!("waiting: {line}")));
        }
        self.now(sentence);
    }

    /// Does `work`, unless a signal asks to end first; then the last line says how things stand.
    pub(super) async fn told(&self, work: impl Future<Output = Result<Exit>>) -> Result<Exit> {
        let mut signals = Signals::listen()?;
        tokio::select! {
            done = work => done,
            signal = signals.next() => {
                output::note(format_args!("told to stop: {}", self.0.borrow()));
                Ok(signal.exit())
            }
        }
    }
}
