//! What closing, amending and reopening do to a State: the same for every face that can be asked for it.

use std::time::Duration;

use super::{Hold, Host, Mode, NeverInForce, Source, State, Window, WindowId};
use crate::time::Timestamp;

/// A start that lies further back is a slip of the pen, and would close the site at once.
const LATE_START: Duration = Duration::from_secs(60);

/// A closing as somebody asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// How strict.
    pub mode: Mode,
    /// From when on; none: at once.
    pub at: Option<Timestamp>,
    /// Until when.
    pub ends: Ends,
    /// Limits of waiting, for [`Mode::Hold`].
    pub hold: Hold,
    /// How long earlier requests may go on running; none: as long as they take.
    pub cut_after: Option<Duration>,
    /// What visitors are told.
    pub message: Option<String>,
    /// Why, for operators only.
    pub note: String,
}

/// When a closing ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ends {
    /// Never.
    #[default]
    Never,
    /// At this time.
    At(Timestamp),
    /// So long after its start.
    After(Duration),
}

/// Why a closing cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAClosing {
    /// Its start is past.
    #[error("the start {start} is past, it is {now}; leave it out to close at once")]
    StartsInThePast {
        /// The start asked for.
        start: Timestamp,
        /// The time of the question.
        now: Timestamp,
    },
    /// It could never be in force.
    #[error(transparent)]
    NeverInForce(#[from] NeverInForce),
}

/// What became of a window that was to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// It is there now.
    New(Window),
    /// An operator's window that does the same was there already.
    Already(Window),
}

/// Whether a reopening ends scheduled windows, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheduled {
    /// They stay.
    #[default]
    Stay,
    /// They end, too.
    End,
}

/// What is to change about a window; what is none stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Amendment {
    /// Another end; of the inner option none: until it is ended.
    pub end: Option<Option<Timestamp>>,
    /// So much later than now agreed, or than now if that is over.
    pub extend: Option<Duration>,
    /// Another message; of the inner option none: no message.
    pub message: Option<Option<String>>,
    /// Another reason.
    pub note: Option<String>,
}

/// Why a window was not amended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAmended {
    /// There is no such window.
    #[error("{0}")]
    NoWindow(String),
    /// What has no end cannot be extended.
    #[error("window {0} has no end that could be put off; give it one")]
    NoEnd(WindowId),
    /// It could never be in force.
    #[error(transparent)]
    NeverInForce(#[from] NeverInForce),
}

// === impl Closing ===

impl Closing {
    /// A closing at once, until somebody ends it.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            at: None,
            ends: Ends::Never,
            hold: Hold::default(),
            cut_after: None,
            message: None,
            note: String::new(),
        }
    }

    /// The window that does it, asked for by `by` at `now`. Each site gets one with a name of its own.
    ///
    /// # Errors
    /// When it starts in the past, or could never be in force.
    pub fn window(&self, by: &str, now: Timestamp) -> Result<Window, NotAClosing> {
        let mut window = Window::new(self.mode);
        window.start = self.at.map(Timestamp::whole_seconds);
        window.end = match self.ends {
            Ends::Never => None,
            Ends::At(end) => Some(end.whole_seconds()),
            // Up to the next whole second, so that the shortest closing is one.
            Ends::After(span) => {
                Some((self.at.unwrap_or(now) + span + Duration::from_millis(999)).whole_seconds())
            }
        };
        window.hold = self.hold;
        window.cut_after_ms = self.cut_after.map(|after| after.as_millis().try_into().unwrap_or(u64::MAX));
        window.source = if self.at.is_some_and(|at| at > now) { Source::Schedule } else { Source::Operator };
        (window.by, window.note, window.message) = (by.to_owned(), self.note.clone(), self.message.clone());
        if let Some(start) = window.start.filter(|start| now.since(*start) > LATE_START) {
            return Err(NotAClosing::StartsInThePast { start, now });
        }
        window.check(now.whole_seconds())?;
        Ok(window)
    }

    /// The line for the history.
    pub fn line(&self, sites: &[Host]) -> String {
        let hosts: Vec<_> = sites.iter().map(Host::as_str).collect();
        let when = if self.at.is_some() { ", scheduled" } else { "" };
        let why = if self.note.is_empty() { String::new() } else { format!(": {}", self.note) };
        format!("{} {}{when}{why}", self.mode, hosts.join(", "))
    }
}

// === impl Added ===

impl Added {
    /// The window that is there now.
    pub fn window(&self) -> &Window {
        match self {
            Self::New(window) | Self::Already(window) => window,
        }
    }
}

// === impl Window ===

impl Window {
    /// Whether an operator has added it and so may be expected to end it.
    pub fn is_operators(&self) -> bool {
        matches!(self.source, Source::Operator | Source::Schedule)
    }
}

// === impl State ===

impl State {
    /// Adds a window like `wanted`, under a name of its own, to the site of exactly `host`, unless an operator's window
    /// there does the same already.
    pub fn close(&mut self, host: &Host, wanted: &Window, now: Timestamp) -> Added {
        let same = |window: &&Window| {
            window.is_operators()
                && (window.mode, window.end, window.hold) == (wanted.mode, wanted.end, wanted.hold)
                && window.cut_after_ms == wanted.cut_after_ms
                && (&window.message, &window.note) == (&wanted.message, &wanted.note)
                && (window.start == wanted.start || wanted.start.is_none() && window.in_force(now))
        };
        let mut windows = self.site(host).into_iter().flat_map(|site| &site.windows);
        if let Some(there) = windows.find(same) {
            return Added::Already(there.clone());
        }
        let window = Window { id: WindowId::random(), ..wanted.clone() };
        self.site_mut(host).windows.push(window.clone());
        Added::New(window)
    }

    /// Takes the operators' windows of exactly this site: those in force, and those to come if `scheduled` says so.
    pub fn reopen(&mut self, host: &Host, scheduled: Scheduled, now: Timestamp) -> Vec<Window> {
        if self.site(host).is_none() {
            return Vec::new();
        }
        let ends = |window: &mut Window| {
            window.is_operators()
                && (scheduled == Scheduled::End || window.in_force(now))
                && !window.is_over(now)
        };
        self.site_mut(host).windows.extract_if(.., ends).collect()
    }

    /// Changes what `amendment` names about the window called `id`, and gives it back with its site.
    ///
    /// # Errors
    /// When there is no such window, it has no end to put off, or it could never be in force then.
    pub fn amend(
        &mut self,
        id: &WindowId,
        amendment: &Amendment,
        now: Timestamp,
    ) -> Result<(Host, Window), NotAmended> {
        let (host, mut window) = self.window(id).ok_or_else(|| NotAmended::NoWindow(self.no_window(id)))?;
        if let Some(end) = amendment.end {
            window.end = end.map(Timestamp::whole_seconds);
        }
        if let Some(span) = amendment.extend {
            let end = window.end.ok_or_else(|| NotAmended::NoEnd(id.clone()))?;
            window.end = Some((end.max(now.whole_seconds()) + span).whole_seconds());
        }
        if let Some(message) = &amendment.message {
            window.message.clone_from(message);
        }
        if let Some(note) = &amendment.note {
            window.note.clone_from(note);
        }
        if amendment.end.is_some() || amendment.extend.is_some() {
            window.check(now)?;
        }
        let there = self.site_mut(&host).windows.iter_mut().find(|there| there.id == *id);
        there.into_iter().for_each(|there| there.clone_from(&window));
        Ok((host, window))
    }

    /// Puts the windows, rules and pages of `then` in force again. Passes stay: one that was revoked is not to come back.
    pub fn restore(&mut self, then: &Self) {
        (self.default, self.sites) = (then.default.clone(), then.sites.clone());
    }

    /// The window called `id`, and its site.
    pub fn window(&self, id: &WindowId) -> Option<(Host, Window)> {
        self.sites().find_map(|(host, site)| {
            let window = site.windows.iter().find(|window| window.id == *id)?;
            Some((host, window.clone()))
        })
    }

    /// The sentence for a window that is not there, with those that are.
    pub fn no_window(&self, id: &WindowId) -> String {
        let all = self
            .sites()
            .flat_map(|(host, site)| site.windows.iter().map(move |w| format!("{} on {host}", w.id)));
        let known: Vec<_> = all.collect();
        let known = if known.is_empty() {
            "there are none".into()
        } else {
            format!("there are {}", known.join(", "))
        };
        format!("there is no window `{id}`; {known}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn a_closing_that_is_there_is_not_added_again_and_a_programs_is_not_taken() {
        let mut state = State::new();
        let closing = Closing { ends: Ends::After(Duration::from_secs(60)), ..Closing::new(Mode::On) };
        let wanted = closing.window("ann", at(10)).unwrap();
        assert!(matches!(state.close(&Host::any(), &wanted, at(10)), Added::New(_)));
        assert!(matches!(state.close(&Host::any(), &wanted, at(11)), Added::Already(_)));
        state.default.windows.push(Window { source: Source::Run, ..Window::new(Mode::On) });
        assert_eq!(state.reopen(&Host::any(), Scheduled::Stay, at(11)).len(), 1);
        assert_eq!(state.default.windows.len(), 1);
    }

    #[test]
    fn an_end_is_put_off_from_where_it_was_and_never_into_the_past() {
        let mut state = State::new();
        let closing = Closing { ends: Ends::At(at(100)), ..Closing::new(Mode::On) };
        let id =
            state.close(&Host::any(), &closing.window("ann", at(10)).unwrap(), at(10)).window().id.clone();
        let extend = Amendment { extend: Some(Duration::from_secs(15)), ..Amendment::default() };
        assert_eq!(state.amend(&id, &extend, at(20)).unwrap().1.end, Some(at(115)));
        let past = Amendment { end: Some(Some(at(5))), ..Amendment::default() };
        assert!(matches!(state.amend(&id, &past, at(20)), Err(NotAmended::NeverInForce(_))));
        assert_eq!(state.default.windows[0].end, Some(at(115)));
        let endless =
            Amendment { end: Some(None), message: Some(Some("soon".into())), ..Amendment::default() };
        assert_eq!(state.amend(&id, &endless, at(20)).unwrap().1.message.as_deref(), Some("soon"));
        assert_eq!(state.amend(&id, &extend, at(20)), Err(NotAmended::NoEnd(id)));
    }
}
