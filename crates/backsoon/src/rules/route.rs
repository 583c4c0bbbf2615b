//! Marks that an application sets on its own routes, where it declares them.

use std::fmt;

use crate::request::Effect;
use crate::rules::Path;

/// A table of the routes that an application always keeps open, or always closed.
///
/// It is filled while the router is built, so the layer can stand outside the whole router and still know the marks:
///
/// ```
/// use backsoon::rules::{Effect, Marks};
/// let mut marks = Marks::new();
/// // axum: .route(marks.open("/hooks/{id}"), post(hook)).route(marks.closed("/reports"), get(reports))
/// assert_eq!(marks.open("/hooks/{id}"), "/hooks/{id}");
/// marks.closed("/reports");
/// assert_eq!(marks.find("/hooks/7"), Some(Effect::Open));
/// assert_eq!(marks.find("/"), None);
/// ```
///
/// Patterns are those of axum 0.8: `{name}` is one segment, `{*name}` the rest. A mark holds for every path that its
/// pattern matches; where a more special route without a mark lies inside it, say so with [`Marks::unmarked`].
#[derive(Default, Clone)]
pub struct Marks {
    table: matchit::Router<Option<Effect>>,
    listed: Vec<(String, Option<Effect>)>,
}

impl Marks {
    /// No marks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Marks `path` as always open, and hands it back for the router.
    ///
    /// # Panics
    /// When `path` is no pattern or contradicts an earlier mark, as axum's router does: a mistake in the program,
    /// found when it starts.
    #[track_caller]
    pub fn open<'p>(&mut self, path: &'p str) -> &'p str {
        self.mark(path, Some(Effect::Open))
    }

    /// Marks `path` as always closed, and hands it back for the router.
    ///
    /// # Panics
    /// As [`Marks::open`].
    #[track_caller]
    pub fn closed<'p>(&mut self, path: &'p str) -> &'p str {
        self.mark(path, Some(Effect::Closed))
    }

    /// Notes that `path` has no mark although a wider marked pattern matches it, and hands it back.
    ///
    /// # Panics
    /// As [`Marks::open`].
    #[track_caller]
    pub fn unmarked<'p>(&mut self, path: &'p str) -> &'p str {
        self.mark(path, None)
    }

    /// Adds the marks of a router that is nested below `prefix`.
    ///
    /// # Panics
    /// As [`Marks::open`].
    #[track_caller]
    pub fn nest(&mut self, prefix: &str, inner: &Marks) {
        for (path, effect) in &inner.listed {
            let whole = format!("{}{}", prefix.trim_end_matches('/'), path);
            self.mark(&whole, *effect);
        }
    }

    /// The mark on the route of `path`, a path as sent. An odd path (see [`Path::is_odd`]) never finds an open mark.
    #[inline]
    pub fn find(&self, path: &str) -> Option<Effect> {
        if self.listed.is_empty() { None } else { self.look_up(path) }
    }

    /// The patterns that are always open.
    pub fn opened(&self) -> impl Iterator<Item = String> {
        let open = self.listed.iter().filter(|(_, effect)| *effect == Some(Effect::Open));
        open.map(|(path, _)| path.clone())
    }

    fn look_up(&self, path: &str) -> Option<Effect> {
        let path = Path::read(path);
        let marked =
            |effect, reading: &str| self.table.at(reading).is_ok_and(|found| *found.value == Some(effect));
        [Effect::Closed, Effect::Open]
            .into_iter()
            .find(|&effect| path.any(effect, |reading| marked(effect, reading)))
    }

    #[track_caller]
    fn mark<'p>(&mut self, path: &'p str, effect: Option<Effect>) -> &'p str {
        match self.table.insert(path, effect) {
            Ok(()) => self.listed.push((path.to_owned(), effect)),
            Err(_) if self.listed.iter().any(|(p, e)| p == path && *e == effect) => {}
            Err(error) => panic!("the route `{path}` cannot be marked: {error}"),
        }
        path
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.listed.iter().map(|(path, effect)| (path, effect))).finish()
    }
}
