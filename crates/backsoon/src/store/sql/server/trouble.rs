//! What the server refused, as a sentence with the way out.

use std::io;

use sqlx::error::DatabaseError;

use super::super::super::Error;

/// What a code of the server means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Trouble {
    Credentials,
    NoDatabase,
    Forbidden,
    ReadOnly,
    Full,
    Crowded,
    Starting,
    Locked,
    #[cfg(feature = "mysql")]
    Packet,
    Unknown,
}

// === impl Trouble ===

impl Trouble {
    fn way_out(self) -> &'static str {
        match self {
            Self::Credentials => {
                "look at the user and the password in the store's URL, and whether the server lets this user in from this machine"
            }
            Self::NoDatabase => "create that database, or name another one in the store's URL",
            Self::Forbidden => {
                "let an owner make the table backsoon_entries, and grant this user SELECT, INSERT, UPDATE and DELETE on it"
            }
            Self::ReadOnly => {
                "this server takes no writes: name the primary in the store's URL, or end its read-only state"
            }
            Self::Full => "the old value is still there: free some space on the server, and try again",
            Self::Crowded => "let the server take more connections, or end some of them",
            Self::Starting => "try again in a moment",
            Self::Locked => {
                "a transaction of another client holds the row or the table: end that one, and try again"
            }
            #[cfg(feature = "mysql")]
            Self::Packet => "set max_allowed_packet of the server to 32M",
            Self::Unknown => "look at the server's log, or choose another store with --store",
        }
    }
}

/// The error of the store at `url`; `product` and `code` say who said so.
pub(in super::super) fn away(
    url: &str,
    doing: &str,
    error: &sqlx::Error,
    told: impl FnOnce(&dyn DatabaseError) -> (String, Trouble),
) -> Error {
    let sentence = match error {
        sqlx::Error::Database(error) => {
            let (code, trouble) = told(&**error);
            format!("{} ({code}); {}", error.message(), trouble.way_out())
        }
        sqlx::Error::Tls(error) => format!(
            "no encrypted connection: {error}; look at the server's certificate, or at `sslmode` in the store's URL"
        ),
        sqlx::Error::PoolTimedOut => {
            "no connection within 3 s; look whether the server runs, is not overloaded, and lets this machine connect"
                .to_owned()
        }
        sqlx::Error::Io(error) => {
            format!("{error}; look whether the server runs and lets this machine connect")
        }
        error => format!("{error}; {}", Trouble::Unknown.way_out()),
    };
    let kind = match error {
        sqlx::Error::Io(error) => error.kind(),
        sqlx::Error::PoolTimedOut => io::ErrorKind::TimedOut,
        _ => io::ErrorKind::Other,
    };
    Error::Away {
        store: url.to_owned(),
        doing: doing.to_owned(),
        source: io::Error::new(kind, sentence).into(),
    }
}
