//! A moment on the wall clock. Decisions never read the clock: a [`Timestamp`] is handed to them.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A moment in time with nanosecond precision, shown and parsed as RFC 3339.
///
/// ```
/// use backsoon::time::Timestamp;
/// let noon: Timestamp = "2026-11-20T12:00:00Z".parse()?;
/// assert_eq!((noon + std::time::Duration::from_secs(90)).to_string(), "2026-11-20T12:01:30Z");
/// # Ok::<(), backsoon::time::NotATime>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(jiff::Timestamp);

/// The text is not an RFC 3339 time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a time; write it as RFC 3339, for example 2026-11-20T23:30:00Z or 2026-11-20T23:30:00+01:00"
)]
pub struct NotATime(String);

// === impl Timestamp ===

impl Timestamp {
    /// What the system's clock says.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now())
    }

    /// From whole milliseconds since 1970-01-01T00:00:00Z; out of range is the nearest moment in range.
    pub fn from_millis(millis: i64) -> Self {
        let nearest = if millis < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        Self(jiff::Timestamp::from_millisecond(millis).unwrap_or(nearest))
    }

    /// Whole milliseconds since 1970-01-01T00:00:00Z.
    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::try_from(self.0.duration_since(earlier.0)).unwrap_or(Duration::ZERO)
    }

    /// The same moment without fractions of a second.
    pub fn whole_seconds(self) -> Self {
        Self(jiff::Timestamp::from_second(self.0.as_second()).unwrap_or(self.0))
    }

    /// As an HTTP-date (RFC 9110 §5.6.7): `Fri, 20 Nov 2026 12:00:00 GMT`.
    pub fn http_date(self) -> String {
        self.0.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// For people who read English: `20 November 2026, 14:30 UTC`.
    pub fn plain(self) -> String {
        self.by_pattern("%-d %B %Y, %H:%M UTC")
    }

    /// In UTC, by a pattern of `strftime`; the names of months and days are English.
    pub(crate) fn by_pattern(self, pattern: &str) -> String {
        self.0.strftime(pattern).to_string()
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    /// Saturates at the ends of the calendar.
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span).unwrap_or(jiff::Timestamp::MAX))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    /// Saturates at the ends of the calendar.
    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(span).unwrap_or(jiff::Timestamp::MIN))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::MAX))
    }
}

impl FromStr for Timestamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        text.parse().map(Self).map_err(|_| NotATime(text.to_owned()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
