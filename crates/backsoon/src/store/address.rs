//! The URL of a store on another machine: a host, a path, and options behind a `?`.

use url::Url;

use super::{Error, Result, without_secrets};

/// A URL whose options are known ones.
#[derive(Clone)]
pub(super) struct Address {
    /// Without the options.
    pub(super) url: Url,
    options: Vec<(String, String)>,
}

// === impl Address ===

impl Address {
    /// Reads a URL that may have the options in `known`, each of them once.
    pub(super) fn read(text: &str, known: &[&str]) -> Result<Self> {
        let mut url = Url::parse(text).map_err(|error| refuse(text, &error.to_string()))?;
        if url.fragment().is_some() {
            return Err(refuse(text, "there is nothing behind a `#`; write `%23` for one in a name"));
        }
        let mut options: Vec<(String, String)> = Vec::new();
        for (name, value) in url.query_pairs() {
            if !known.contains(&&*name) {
                return Err(refuse(text, &unknown(&name, known)));
            }
            if options.iter().any(|(other, _)| *other == name) {
                return Err(refuse(text, &format!("the option `{name}` is there twice")));
            }
            if value.is_empty() {
                return Err(refuse(text, &format!("the option `{name}` has no value")));
            }
            options.push((name.into_owned(), value.into_owned()));
        }
        url.set_query(None);
        Ok(Self { url, options })
    }

    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
    }

    /// The URL with its options, without the password.
    pub(super) fn shown(&self) -> String {
        let mut shown = self.url.clone();
        // It fails only where there can be no password.
        let _ = shown.set_password(None);
        if !self.options.is_empty() {
            shown.query_pairs_mut().extend_pairs(&self.options);
        }
        shown.into()
    }
}

/// An error that names the URL without its secrets.
pub(super) fn refuse(url: &str, why: &str) -> Error {
    Error::Url(format!("`{}`: {why}", without_secrets(url)))
}

fn unknown(name: &str, known: &[&str]) -> String {
    let near = known.iter().map(|known| (strsim::damerau_levenshtein(known, name), known));
    let meant = near.filter(|(distance, _)| *distance <= 3).min();
    let meant = meant.map_or(String::new(), |(_, meant)| format!(", did you mean `{meant}`?"));
    let list = known.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ");
    format!("there is no option `{name}`{meant} (there are {list})")
}
