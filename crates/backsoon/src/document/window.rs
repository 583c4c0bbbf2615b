//! One closing.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::document::Mode;
use crate::time::Timestamp;

/// One closing of a site: how strict, from when to when, by whom and why.
///
/// A site's mode is the strictest window in force. Whoever closes adds a window and later ends only that one, so
/// overlapping closings never undo each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The name by which it is ended; visitors see it in `Backsoon-Window`.
    pub id: WindowId,
    /// How strict.
    pub mode: Mode,
    /// The first moment at which it is in force; none: already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// The first moment at which it is over; none: until it is ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// Limits of waiting, for [`Mode::Hold`].
    #[serde(default, skip_serializing_if = "Hold::is_default")]
    pub hold: Hold,
    /// So many milliseconds after it came into force at a server, what still runs there from before is ended, by
    /// servers that can; none: it may take its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_after_ms: Option<u64>,
    /// What kind of closer added it.
    #[serde(default)]
    pub source: Source,
    /// Who added it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// Why, for operators only.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// What visitors are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What visitors are told about a window, or operators among themselves, has at most so many characters: it goes to
/// every visitor, every server, and onto every line of the history.
pub const MOST_CHARACTERS: usize = 2000;

/// The name of a window: 1 to 64 of `a-z A-Z 0-9 - _`, so that it can stand in a header and on a command line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WindowId(String);

/// The text cannot name a window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a window's name; it has 1 to 64 letters, digits, `-` and `_`")]
pub struct NotAWindow(String);

/// Why a window could never be in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NeverInForce {
    /// It ends before it starts.
    #[error("the window would end at {end}, which is not after its start at {start}")]
    EndsFirst {
        /// The start.
        start: Timestamp,
        /// The end.
        end: Timestamp,
    },
    /// It has ended.
    #[error("the window would end at {end}, and it is {now} already")]
    Past {
        /// The end.
        end: Timestamp,
        /// The time of the check.
        now: Timestamp,
    },
}

/// What kind of closer added a window, and so who may be expected to end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// An operator, for now.
    #[default]
    Operator,
    /// An operator, for a time to come.
    Schedule,
    /// A command that runs behind the switch.
    Run,
    /// A block of code.
    Code,
}

/// How long and how many requests may wait in [`Mode::Hold`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hold {
    /// The longest that one request waits, in milliseconds.
    pub max_wait_ms: u64,
    /// How many wait at once in one instance; more are refused.
    pub max_held: usize,
    /// How many go on per second and instance after the reopening; none: all at once, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_per_s: Option<std::num::NonZeroU32>,
}

// === impl Window ===

impl Window {
    /// A new window that is in force at once and until it is ended.
    pub fn new(mode: Mode) -> Self {
        Self {
            id: WindowId::random(),
            mode,
            start: None,
            end: None,
            hold: Hold::default(),
            cut_after_ms: None,
            source: Source::default(),
            by: String::new(),
            note: String::new(),
            message: None,
        }
    }

    /// The same window with a message for visitors.
    #[must_use]
    pub fn message(mut self, text: impl Into<String>) -> Self {
        self.message = Some(text.into());
        self
    }

    /// The same window, ending at `end`.
    #[must_use]
    pub fn until(mut self, end: Timestamp) -> Self {
        self.end = Some(end);
        self
    }

    /// The same window, starting at `start`.
    #[must_use]
    pub fn from(mut self, start: Timestamp) -> Self {
        self.start = Some(start);
        self
    }

    /// The same window, ending what still runs `after` it came into force.
    #[must_use]
    pub fn cut_after(mut self, after: Duration) -> Self {
        self.cut_after_ms = Some(after.as_millis().try_into().unwrap_or(u64::MAX));
        self
    }

    /// Checks that it can ever be in force from `now` on.
    ///
    /// # Errors
    /// When it ends before it starts, or has ended.
    pub fn check(&self, now: Timestamp) -> Result<(), NeverInForce> {
        match (self.start, self.end) {
            (Some(start), Some(end)) if end <= start => Err(NeverInForce::EndsFirst { start, end }),
            (_, Some(end)) if end <= now => Err(NeverInForce::Past { end, now }),
            _ => Ok(()),
        }
    }

    /// Whether it is in force at `now`: its start has come and its end has not.
    pub fn in_force(&self, now: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= now) && !self.is_over(now)
    }

    /// Whether its end has come.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.end.is_some_and(|end| end <= now)
    }
}

/// The strictest of `windows` in force at `now`; of several, the one that ends last, and no end is last.
pub(crate) fn strictest<'a>(
    windows: impl IntoIterator<Item = &'a Window>,
    now: Timestamp,
) -> Option<&'a Window> {
    let last = |window: &Window| (window.end.is_none(), window.end);
    windows
        .into_iter()
        .filter(|window| window.mode > Mode::Off && window.in_force(now))
        .max_by(|a, b| (a.mode, last(a), &a.id).cmp(&(b.mode, last(b), &b.id)))
}

/// The first moment from `now` on at which no known window as strict as `least` is in force; none if one of them
/// has no end.
pub(crate) fn opens<'a, W>(windows: W, least: Mode, now: Timestamp) -> Option<Timestamp>
where
    W: IntoIterator<Item = &'a Window> + Clone,
{
    let mut moment = now;
    // Each round leaves at least one window behind for good, so there are no more rounds than windows.
    loop {
        let mut ends = None;
        for window in windows.clone() {
            if window.mode >= least && window.mode > Mode::Off && window.in_force(moment) {
                ends = ends.max(Some(window.end?));
            }
        }
        match ends {
            Some(end) => moment = end,
            None => return Some(moment),
        }
    }
}

// === impl WindowId ===

impl WindowId {
    /// A new name that no other window has: `w-` and eight letters and digits that are hard to mistake.
    pub fn random() -> Self {
        const LETTERS: &[u8] = b"23456789abcdefghjkmnpqrstuvwxyz";
        let name = (0..8).map(|_| char::from(LETTERS[fastrand::usize(..LETTERS.len())]));
        Self("w-".chars().chain(name).collect())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WindowId {
    type Err = NotAWindow;

    fn from_str(text: &str) -> Result<Self, NotAWindow> {
        let valid = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if valid { Ok(Self(text.to_owned())) } else { Err(NotAWindow(text.to_owned())) }
    }
}

impl TryFrom<String> for WindowId {
    type Error = NotAWindow;

    fn try_from(text: String) -> Result<Self, NotAWindow> {
        text.parse()
    }
}

impl From<WindowId> for String {
    fn from(id: WindowId) -> Self {
        id.0
    }
}

impl fmt::Display for WindowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

// === impl Hold ===

impl Hold {
    /// The longest that one request waits.
    pub fn max_wait(&self) -> Duration {
        Duration::from_millis(self.max_wait_ms)
    }

    /// The time between two requests that go on.
    pub(crate) fn gap(&self) -> Option<Duration> {
        self.release_per_s.map(|rate| Duration::from_secs(1) / rate.get())
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Hold {
    /// 30 seconds, under the 60 that proxies in front commonly wait; 1,000 requests.
    fn default() -> Self {
        Self { max_wait_ms: 30_000, max_held: 1_000, release_per_s: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn window(id: &str, mode: Mode, start: Option<i64>, end: Option<i64>) -> Window {
        let mut window = Window::new(mode);
        (window.id, window.start, window.end) = (id.parse().unwrap(), start.map(at), end.map(at));
        window
    }

    #[test]
    fn a_window_holds_from_its_start_up_to_but_not_at_its_end() {
        let window = window("w", Mode::On, Some(10), Some(20));
        let in_force: Vec<bool> = [9, 10, 19, 20].map(|s| window.in_force(at(s))).to_vec();
        assert_eq!(in_force, [false, true, true, false]);
    }

    #[test]
    fn the_strictest_window_speaks_and_of_equals_the_one_that_ends_last() {
        let windows = [
            window("short", Mode::On, None, Some(20)),
            window("long", Mode::On, None, Some(30)),
            window("endless", Mode::ReadOnly, None, None),
        ];
        assert_eq!(strictest(&windows, at(1)).unwrap().id.as_str(), "long");
        assert_eq!(strictest(&windows, at(30)).unwrap().id.as_str(), "endless");
    }

    #[test]
    fn a_site_opens_when_the_last_of_a_chain_of_windows_ends() {
        let windows = [
            window("a", Mode::On, None, Some(20)),
            window("b", Mode::On, Some(15), Some(40)),
            window("c", Mode::ReadOnly, Some(40), Some(50)),
            window("later", Mode::On, Some(60), None),
        ];
        assert_eq!(opens(&windows, Mode::Hold, at(1)), Some(at(40)));
        assert_eq!(opens(&windows, Mode::ReadOnly, at(1)), Some(at(50)));
        assert_eq!(opens(&windows, Mode::Hold, at(60)), None);
    }
}
