//! The path of a request, and the patterns that rules hold against it.
//!
//! 1. Patterns see the percent-decoded path, never the query.
//! 2. A path that two servers could read differently (an encoded slash, `.` or `..`, `//`, a backslash, `;`, a bare
//!    `#`, a control character, a broken or doubled escape) is *odd*. No `open` rule ever matches an odd path.
//! 3. A `closed` rule matches an odd path if it matches it as sent, decoded, or in its plainest reading, so no
//!    spelling of a closed path gets around the rule.

use std::borrow::Cow;
use std::fmt;

use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::request::Effect;

/// The path of one request, read once.
#[derive(Debug)]
pub struct Path<'a> {
    raw: &'a str,
    decoded: Cow<'a, str>,
    /// The plainest reading, if the path is odd.
    canonical: Option<String>,
}

/// What a rule says about paths. In files: a string is exact; `{ prefix = "/api" }`, `{ glob = "/img/*.png" }`
/// and `{ regex = "/v[0-9]+/.*" }` are what they say.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum PathPattern {
    /// Exactly this path.
    Exact(String),
    /// This path and everything below it, by whole segments: `/api` means `/api` and `/api/x`, not `/apix`.
    Prefix(String),
    /// `*` and `?` stay within a segment, `**` crosses segments.
    Glob(GlobMatcher),
    /// A regular expression, anchored at both ends whether it says so or not.
    Regex {
        /// As written.
        source: String,
        /// As matched.
        regex: Regex,
    },
}

/// The text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAPattern(String);

// === impl Path ===

impl<'a> Path<'a> {
    /// Reads a path as sent.
    pub fn read(sent: &'a str) -> Self {
        let raw = sent.split_once('?').map_or(sent, |(path, _)| path);
        let decoded = decode(raw);
        // No client may send a bare `#`, and some servers cut the path there.
        let cut = raw.split_once('#').map(|(path, _)| path);
        let odd =
            cut.is_some() || is_odd(raw) || is_odd(&decoded) || decoded.contains('%') || hides_a_slash(raw);
        let canonical = odd.then(|| canonical(&cut.map_or_else(|| Cow::Borrowed(&*decoded), decode)));
        Self { raw, decoded, canonical }
    }

    /// Whether two servers could read it differently.
    pub fn is_odd(&self) -> bool {
        self.canonical.is_some()
    }

    /// Whether `says` is true of a reading of this path that may decide for `effect`.
    pub(crate) fn any(&self, effect: Effect, says: impl Fn(&str) -> bool) -> bool {
        match (&self.canonical, effect) {
            (None, _) => says(&self.decoded),
            (Some(_), Effect::Open) => false,
            (Some(plain), Effect::Closed) => says(self.raw) || says(&self.decoded) || says(plain),
        }
    }
}

/// One round of percent-decoding; what is no valid escape stays as it is, and so shows up as a `%`.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, after @ ..]) => hex(*high).zip(hex(*low)).map(|(h, l)| (h * 16 + l, after)),
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((*first, tail));
        bytes.push(byte);
        rest = after;
    }
    Cow::Owned(match String::from_utf8(bytes) {
        Ok(decoded) => decoded,
        // U+FFFD is odd, see `is_odd`.
        Err(not_utf8) => String::from_utf8_lossy(not_utf8.as_bytes()).into_owned(),
    })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn hides_a_slash(raw: &str) -> bool {
    raw.as_bytes().windows(3).any(|w| w.eq_ignore_ascii_case(b"%2f") || w.eq_ignore_ascii_case(b"%5c"))
}

fn is_odd(path: &str) -> bool {
    let strange = |c: char| matches!(c, '\\' | ';' | '\u{fffd}') || c.is_control();
    !path.starts_with('/')
        || path.contains("//")
        || path.contains(strange)
        || path.contains("/.") && path.split('/').any(|segment| matches!(segment, "." | ".."))
}

/// The plainest reading: decoded until nothing changes, backslashes as slashes, parameters cut, dots resolved.
fn canonical(decoded: &str) -> String {
    let mut text = decoded.to_owned();
    // Bounded: nobody decodes more often than this, and an attacker must not make us.
    for _ in 0..4 {
        let again = decode(&text).into_owned();
        if again == text {
            break;
        }
        text = again;
    }
    let text: String =
        text.chars().filter(|c| !c.is_control()).map(|c| if c == '\\' { '/' } else { c }).collect();
    let mut segments: Vec<&str> = Vec::new();
    for segment in text.split('/').map(|s| s.split_once(';').map_or(s, |(name, _)| name)) {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    let slash = if text.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    format!("/{}{slash}", segments.join("/"))
}

// === impl PathPattern ===

impl PathPattern {
    /// Exactly `path`.
    ///
    /// # Errors
    /// When `path` does not start with a slash, or is written in a way that no decoded path has.
    pub fn exact(path: &str) -> Result<Self, NotAPattern> {
        plain(path).map(Self::Exact)
    }

    /// `path` and everything below it; a slash at its end makes no difference.
    ///
    /// # Errors
    /// As [`PathPattern::exact`].
    pub fn prefix(path: &str) -> Result<Self, NotAPattern> {
        plain(path).map(|path| Self::Prefix(path.trim_end_matches('/').to_owned()))
    }

    /// `*` and `?` stay within a segment, `**` crosses segments, `{a,b}` is either, `[a-z]` is one of.
    ///
    /// # Errors
    /// When `glob` does not start with a slash or is malformed.
    pub fn glob(glob: &str) -> Result<Self, NotAPattern> {
        plain(glob)?;
        let built = GlobBuilder::new(glob).literal_separator(true).backslash_escape(true).build();
        built
            .map(|glob| Self::Glob(glob.compile_matcher()))
            .map_err(|error| NotAPattern(format!("glob: {error}")))
    }

    /// A regular expression in the syntax of the `regex` crate; it has to match the whole path.
    ///
    /// # Errors
    /// When it does not parse (the message shows where) or is too large to compile.
    pub fn regex(source: &str) -> Result<Self, NotAPattern> {
        let complain = |error: regex::Error| NotAPattern(format!("regex: {error}"));
        // First alone: the position in the message is then the position in what was written.
        Regex::new(source).map_err(complain)?;
        let regex = Regex::new(&format!(r"\A(?:{source})\z")).map_err(complain)?;
        Ok(Self::Regex { source: source.to_owned(), regex })
    }

    /// Whether it matches `path` for a rule with this effect.
    pub fn matches(&self, path: &Path<'_>, effect: Effect) -> bool {
        path.any(effect, |reading| match self {
            Self::Exact(exact) => reading == exact,
            Self::Prefix(prefix) => reading
                .strip_prefix(prefix.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            Self::Glob(glob) => glob.is_match(reading),
            Self::Regex { regex, .. } => regex.is_match(reading),
        })
    }

    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Exact(path) => ("exact", path),
            Self::Prefix(path) if path.is_empty() => ("prefix", "/"),
            Self::Prefix(path) => ("prefix", path),
            Self::Glob(glob) => ("glob", glob.glob().glob()),
            Self::Regex { source, .. } => ("regex", source),
        }
    }
}

fn plain(path: &str) -> Result<String, NotAPattern> {
    if !path.starts_with('/') {
        return Err(NotAPattern(format!("`{path}` does not start with `/`; did you mean `/{path}`?")));
    }
    if path.contains(['%', ';', '#'])
        || path.contains("//")
        || path.split('/').any(|s| matches!(s, "." | ".."))
    {
        return Err(NotAPattern(format!(
            "`{path}` can never match: patterns see decoded paths without `%` escapes, `;`, `#`, `//` and dot segments"
        )));
    }
    Ok(path.to_owned())
}

impl PartialEq for PathPattern {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for PathPattern {}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            ("exact", path) => f.write_str(path),
            (kind, text) => write!(f, "{kind} {text}"),
        }
    }
}

impl Serialize for PathPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.parts() {
            ("exact", path) => serializer.serialize_str(path),
            (kind, text) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(kind, text)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for PathPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PatternVisitor)
    }
}

struct PatternVisitor;

impl<'de> Visitor<'de> for PatternVisitor {
    type Value = PathPattern;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path, or one of { prefix = … }, { glob = … }, { regex = … }")
    }

    fn visit_str<E: de::Error>(self, path: &str) -> Result<PathPattern, E> {
        PathPattern::exact(path).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PathPattern, A::Error> {
        let Some((kind, text)) = map.next_entry::<String, String>()? else {
            return Err(de::Error::invalid_length(0, &self));
        };
        let pattern = match kind.as_str() {
            "exact" => PathPattern::exact(&text),
            "prefix" => PathPattern::prefix(&text),
            "glob" => PathPattern::glob(&text),
            "regex" => PathPattern::regex(&text),
            other => return Err(de::Error::unknown_field(other, &["exact", "prefix", "glob", "regex"])),
        };
        match map.next_key::<String>()? {
            Some(_) => Err(de::Error::custom(
                "a path pattern is one of exact, prefix, glob and regex; write a list for several",
            )),
            None => pattern.map_err(de::Error::custom),
        }
    }
}
