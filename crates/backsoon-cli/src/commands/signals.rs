//! The signals that ask a program to end, for verbs that run a command: they are passed on to it.

use anyhow::{Context as _, Result};
use rustix::process::{Pid, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::exit::Exit;

/// Everything that may ask us to end, as long as this is there; without it they just end us.
pub(super) struct Signals {
    interrupt: Option<Stream>,
    quit: Option<Stream>,
    hang_up: Option<Stream>,
    terminate: Option<Stream>,
    /// Signals of the keyboard so far.
    typed: usize,
}

/// One signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Interrupt,
    Quit,
    HangUp,
    Terminate,
}

// === impl Signals ===

impl Signals {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Self> {
        let ignored = ignored();
        // Whoever starts us under nohup, or in the background of a script, has said that we need not hear of it.
        let listen = |kind: SignalKind| {
            let is_ignored = ignored >> (kind.as_raw_value() - 1) & 1 == 1;
            if is_ignored { Ok(None) } else { signal(kind).map(Some) }
        };
        let all = || {
            Ok::<_, std::io::Error>(Self {
                interrupt: listen(SignalKind::interrupt())?,
                quit: listen(SignalKind::quit())?,
                hang_up: listen(SignalKind::hangup())?,
                terminate: listen(SignalKind::terminate())?,
                typed: 0,
            })
        };
        all().context("the system delivers no signals")
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            () = next(&mut self.interrupt) => Signal::Interrupt,
            () = next(&mut self.quit) => Signal::Quit,
            () = next(&mut self.hang_up) => Signal::HangUp,
            () = next(&mut self.terminate) => Signal::Terminate,
        }
    }

    /// Passes `signal` on to the process `pid`, a child of ours that nobody has waited for yet.
    ///
    /// The terminal sends what is typed to its whole foreground, the command included, so the first of these is not
    /// sent twice.
    pub(super) fn pass(&mut self, signal: Signal, pid: u32) {
        if matches!(signal, Signal::Interrupt | Signal::Quit) {
            self.typed += 1;
            if self.typed == 1 && is_in_the_foreground() {
                return;
            }
        }
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            // One that has just ended needs no signal.
            let _ = kill_process(pid, signal.raw());
        }
    }
}

async fn next(stream: &mut Option<Stream>) {
    match stream {
        Some(stream) => drop(stream.recv().await),
        None => std::future::pending().await,
    }
}

/// The mask of signals that were ignored when we started (proc(5)); where nobody can tell, none.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Whether what is typed on our terminal reaches our whole process group.
fn is_in_the_foreground() -> bool {
    let terminal = std::fs::File::open("/dev/tty");
    terminal.is_ok_and(|terminal| tcgetpgrp(&terminal).is_ok_and(|group| group == getpgrp()))
}

// === impl Signal ===

impl Signal {
    /// The exit code of whoever ends because of it.
    pub(super) fn exit(self) -> Exit {
        Exit::Passed(u8::try_from(128 + self.raw().as_raw()).unwrap_or(u8::MAX))
    }

    fn raw(self) -> rustix::process::Signal {
        match self {
            Self::Interrupt => rustix::process::Signal::INT,
            Self::Quit => rustix::process::Signal::QUIT,
            Self::HangUp => rustix::process::Signal::HUP,
            Self::Terminate => rustix::process::Signal::TERM,
        }
    }
}
