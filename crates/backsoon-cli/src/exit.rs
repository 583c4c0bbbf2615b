//! Exit codes, by which scripts tell endings apart.

use std::fmt;

use backsoon::{control, store};

/// How a command ended, other than by doing all that it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything was done.
    Done,
    /// It failed; the message says why.
    Failed,
    /// The command line itself was wrong.
    Usage,
    /// It was done, but what was asked for is not so yet; the message says what is in the way.
    NotConfirmed,
    /// The store is away, so nothing is known, or nobody knows whether a write landed.
    StoreAway,
    /// `status --exit-code`: the site is closed.
    Closed,
    /// `guard`: the site is not open, so the command was not started; another time it may be.
    NotNow,
    /// What `run` and `guard` pass on: the command's own code, or what a shell says of a command that a signal ended
    /// (128 and its number) or that could not be started (126, 127).
    Passed(u8),
}

/// An error that carries its own exit code.
#[derive(Debug)]
pub struct Ends(pub Exit, pub String);

// === impl Exit ===

impl Exit {
    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotConfirmed => 3,
            Self::StoreAway => 4,
            Self::Closed => 10,
            // EX_TEMPFAIL of sysexits.h: whoever started it, cron say, may try again.
            Self::NotNow => 75,
            Self::Passed(code) => code,
        }
    }

    /// The code of an error.
    pub fn of(error: &anyhow::Error) -> Self {
        for cause in error.chain() {
            if let Some(Ends(exit, _)) = cause.downcast_ref() {
                return *exit;
            }
            let away = match cause.downcast_ref::<control::Error>() {
                Some(control::Error::Unknown { .. }) => true,
                Some(control::Error::Store(store)) => matches!(store, store::Error::Away { .. }),
                _ => matches!(cause.downcast_ref(), Some(store::Error::Away { .. })),
            };
            if away {
                return Self::StoreAway;
            }
            if let Some(store::Error::Url(_)) = cause.downcast_ref() {
                return Self::Usage;
            }
        }
        Self::Failed
    }
}

// === impl Ends ===

/// An error for something wrong on the command line.
pub fn usage(message: impl Into<String>) -> anyhow::Error {
    Ends(Exit::Usage, message.into()).into()
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.1)
    }
}

impl std::error::Error for Ends {}
