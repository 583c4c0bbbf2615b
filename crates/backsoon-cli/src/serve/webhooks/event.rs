//! One piece of news, as receivers read it.

use backsoon::document::{Lineage, Source, Window, WindowId};
use backsoon::fleet::Kind;
use backsoon::impact::Impact;
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, State};
use serde::{Deserialize, Serialize};

/// What kind of news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Type {
    /// Somebody has changed the State.
    Change,
    /// The time of a planned window has come, and its site is more closed than before.
    Closed,
    /// A server has not confirmed a closing, or is lost during one.
    Late,
    /// The program that added a window has gone.
    Lapsed,
    /// A window has ended, and its site is open.
    Reopened,
    /// Nothing has happened: somebody tries the hook out.
    #[serde(skip_deserializing)]
    Test,
}

/// One piece of news. Its id is the same whichever gate finds it out, so that it is sent once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Event {
    /// Without dots, for those part what is signed.
    pub(crate) id: String,
    pub(crate) r#type: Type,
    pub(crate) at: Timestamp,
    /// A sentence for people, with the characters escaped that chats read as markup.
    pub(crate) text: String,
    pub(crate) sites: Vec<Host>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lineage: Option<Lineage>,
    pub(crate) revision: u64,
    /// Who did it, where somebody did.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) by: String,
    /// Why, in that person's words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) why: String,
    pub(crate) windows: Vec<Closing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<Server>,
    /// What the closing has done to visitors that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) impact: Option<Impact>,
    /// The window that is over, and the State by which it is: for whoever asks for the impact.
    #[serde(skip)]
    pub(crate) over: Option<Box<Over>>,
}

/// A window that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Over {
    pub(crate) site: Host,
    pub(crate) window: Window,
    /// The State that has ended it. Of one that was over by its time: the State that was in force, as if it were of then.
    pub(crate) by: State,
    pub(crate) how: Ending,
}

/// How a window ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    BySomebody,
    ByTheClock,
}

/// One window that the news is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Closing {
    pub(crate) id: WindowId,
    pub(crate) site: Host,
    pub(crate) became: Became,
    pub(crate) mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<Timestamp>,
    pub(crate) source: Source,
    pub(crate) by: String,
    pub(crate) note: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

/// What has become of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Became {
    /// It is new.
    Added,
    /// It was there and is another one now: its end was moved, say.
    Changed,
    /// Its time has come.
    Begun,
    /// It is over.
    Ended,
    /// Nothing: it is as it was.
    Stayed,
}

/// The server that the news is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) problem: String,
}

// === impl Type ===

impl Type {
    /// What a hook can be told.
    pub(crate) const NEWS: [Self; 5] = [Self::Change, Self::Closed, Self::Late, Self::Lapsed, Self::Reopened];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Closed => "closed",
            Self::Late => "late",
            Self::Lapsed => "lapsed",
            Self::Reopened => "reopened",
            Self::Test => "test",
        }
    }
}

// === impl Closing ===

impl Closing {
    pub(crate) fn new(site: &Host, window: &Window, became: Became) -> Self {
        Self {
            id: window.id.clone(),
            site: site.clone(),
            became,
            mode: window.mode,
            start: window.start,
            end: window.end,
            source: window.source,
            by: window.by.clone(),
            note: window.note.clone(),
            message: window.message.clone(),
        }
    }

    /// Why, for operators; or else what visitors are told.
    pub(crate) fn why(&self) -> &str {
        if self.note.is_empty() { self.message.as_deref().unwrap_or_default() } else { &self.note }
    }

    /// Whether it will be in force only later than `now`.
    pub(crate) fn is_to_come(&self, now: Timestamp) -> bool {
        self.start.is_some_and(|start| start > now)
    }
}

// === impl Event ===

impl Event {
    /// The body of its delivery.
    pub(crate) fn body(&self) -> String {
        // An object of plain fields always serialises.
        serde_json::to_string(self).unwrap_or_default()
    }
}
