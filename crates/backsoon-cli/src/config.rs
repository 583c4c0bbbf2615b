//! `backsoon.toml`: what is true of this server alone. What is true of the site lies in the store.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use backsoon::decide::Local;
use backsoon::document::Health;
use backsoon::fleet::OnLost;
use backsoon::join::OnUnknown;
use backsoon::rules::Rule;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::exit::usage;
use crate::serve;

/// What the file says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The store's URL; a relative path is relative to the file.
    pub store: Option<String>,
    /// Rules that come before every site's own, on this server only.
    pub rules: Vec<Rule>,
    /// `off` turns the built-in rules off on this server: for health paths, `/robots.txt` and the logo.
    pub health: Health,
    /// What the gate does when neither the store nor the local copy can be read; closed unless said otherwise.
    pub on_unknown: Option<OnUnknown>,
    /// What the gate does when it cannot say that it lives; it keeps serving by the last known state unless said otherwise.
    pub on_lost: OnLost,
    /// The gate.
    pub gate: serve::Options,
    /// The console.
    #[cfg(feature = "console")]
    pub admin: backsoon_console::Options,
    /// The console of whoever has one: this build has none, and may read the same file.
    #[cfg(not(feature = "console"))]
    #[serde(rename = "admin")]
    _admin: serde::de::IgnoredAny,
    /// Who is told what happens.
    #[cfg(feature = "webhooks")]
    pub webhook: Vec<serve::webhooks::Options>,
    /// The webhooks of whoever sends any: this build sends none, and may read the same file.
    #[cfg(not(feature = "webhooks"))]
    pub webhook: Vec<serde::de::IgnoredAny>,
    /// Where it was read from.
    #[serde(skip)]
    pub path: Option<PathBuf>,
}

/// Names the store where no flag does.
const STORE: &str = "BACKSOON_STORE";

/// Where the file is looked for when no flag names it.
const PLACES: [&str; 2] = ["backsoon.toml", "/etc/backsoon/backsoon.toml"];

// === impl Config ===

impl Config {
    /// Reads the file that `flag` names, or the first that is there, or none.
    ///
    /// # Errors
    /// When the named file cannot be read, or a file is not what it should be: position and way out are named.
    pub fn load(flag: Option<&Path>) -> Result<Self> {
        let found = PLACES.iter().map(PathBuf::from).find(|path| path.is_file());
        let Some(path) = flag.map(Path::to_owned).or(found) else { return Ok(Self::default()) };
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut config: Self = parse(&text)
            .with_context(|| format!("{} is not used (--config names another file)", path.display()))?;
        config.store = config.store.map(|url| beside(&url, &path));
        #[cfg(feature = "webhooks")]
        for hook in &mut config.webhook {
            let folder = path.parent().unwrap_or(Path::new(""));
            hook.secret_file = hook.secret_file.take().map(|file| folder.join(file));
        }
        config.path = Some(path);
        Ok(config)
    }

    /// This server's own part of every decision.
    pub fn local(&self) -> Local {
        Local {
            rules: self.rules.clone().into(),
            proxies: self.gate.trusted_proxies.clone().into(),
            health: self.health,
        }
    }

    /// The store's URL: the flag's, or that of `BACKSOON_STORE`, the file's, or a folder in the user's state directory.
    ///
    /// # Errors
    /// When the variable is set to nothing, the store would not stay, or no home is known for the last.
    pub fn store_url(&self, flag: Option<&str>) -> Result<String> {
        let variable = std::env::var_os(STORE).map(|url| url.to_string_lossy().into_owned());
        if flag.is_none() && variable.as_deref() == Some("") {
            // Whoever meant to name a store must not end up with another one.
            return Err(usage(format!(
                "{STORE} is set to nothing; unset it, or name a store: {STORE}=file:./state"
            )));
        }
        let url = match flag.or(variable.as_deref()).or(self.store.as_deref()) {
            Some(url) => url.to_owned(),
            None => format!("file:{}", state_folder()?.join("store").display()),
        };
        if url.split(':').next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("memory")) {
            return Err(usage(format!(
                "`{url}` would be gone at the end of this command, and no server could follow it; name a store that stays, for example --store file:./state"
            )));
        }
        Ok(url)
    }
}

/// A store's URL with an absolute path, as the store says it itself once it is open.
pub fn in_full(url: &str) -> String {
    let named = url.split_once(':').map(|(scheme, path)| (scheme.to_ascii_lowercase(), path));
    match named {
        Some((scheme, path)) if matches!(scheme.as_str(), "file" | "sqlite") => {
            let path = path.strip_prefix("//").unwrap_or(path);
            let full =
                std::path::absolute(path).map_or_else(|_| path.to_owned(), |full| full.display().to_string());
            format!("{scheme}:{full}")
        }
        _ => url.to_owned(),
    }
}

/// The user's state directory for this program (XDG Base Directory Specification).
///
/// # Errors
/// When neither `XDG_STATE_HOME` nor `HOME` is set.
pub fn state_folder() -> Result<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    let folder = state.ok_or_else(|| {
        anyhow!("no store is named and HOME is not set; name one with --store file:./state")
    })?;
    Ok(folder.join("backsoon"))
}

/// Reads TOML; a key that nobody knows comes back with the one that may be meant.
///
/// # Errors
/// With the position in the text.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let message = error.to_string();
        let message = &discreet(message.trim_end());
        match suggestion(message) {
            Some(meant) => anyhow!("{message}; did you mean `{meant}`?"),
            None => anyhow!("{message}"),
        }
    })
}

/// The message without the values of lines that it quotes where those are meant to be secrets, or addresses that may
/// have one in them.
fn discreet(message: &str) -> String {
    let hide = |line: &str| {
        let (head, _) = line.split_once('=')?;
        let (number, key) = head.split_once(" | ")?;
        let is_quoted = number.trim().bytes().all(|b| b.is_ascii_digit());
        let key = key.trim().trim_matches(['"', '\'']);
        let is_secret =
            nearest(key, ["secret", "url"]).is_some() && !["secret_env", "secret_file"].contains(&key);
        (is_quoted && is_secret).then(|| format!("{head}= ***"))
    };
    message.lines().map(|line| hide(line).unwrap_or_else(|| line.to_owned())).collect::<Vec<_>>().join("\n")
}

/// From "unknown field `a`, expected one of `b`, `c`" the nearest of the expected ones.
fn suggestion(message: &str) -> Option<&str> {
    let (_, told) =
        ["unknown field `", "unknown variant `"].iter().find_map(|start| message.split_once(start))?;
    let mut quoted = told.split('`').step_by(2);
    let given = quoted.next()?;
    nearest(given, told.split('`').skip(2).step_by(2))
}

/// The name in `known` that is most like `given`, if one is like it at all.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |name: &str| strsim::jaro_winkler(given, name);
    known.into_iter().filter(|name| likeness(name) > 0.7).max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
}

fn beside(url: &str, file: &Path) -> String {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    match (url.split_once(':'), folder) {
        (Some((scheme @ ("file" | "sqlite"), path)), Some(folder)) if Path::new(path).is_relative() => {
            format!("{scheme}:{}", folder.join(path).display())
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_comes_back_with_the_one_that_is_meant() {
        let why = parse::<Config>("[gate]\nlistn = \"127.0.0.1:80\"").unwrap_err().to_string();
        assert!(why.contains("line 2") && why.ends_with("did you mean `listen`?"), "{why}");
        let why =
            parse::<Config>("[[rules]]\nname='a'\nthen='opn'\nwhen={path='/a'}").unwrap_err().to_string();
        assert!(why.ends_with("did you mean `open`?"), "{why}");
    }

    #[test]
    fn a_relative_store_lies_beside_the_file() {
        assert_eq!(
            beside("file:./state", Path::new("/etc/backsoon/backsoon.toml")),
            "file:/etc/backsoon/./state"
        );
        assert_eq!(beside("sqlite:b.db", Path::new("backsoon.toml")), "sqlite:b.db");
        assert_eq!(beside("file:/var/state", Path::new("/etc/b.toml")), "file:/var/state");
    }
    #[test]
    fn a_store_in_full_is_named_as_it_names_itself() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(in_full("file:./state"), format!("file:{}", here.join("state").display()));
        assert_eq!(in_full("SQLITE:b.db"), format!("sqlite:{}", here.join("b.db").display()));
        assert_eq!(in_full("file:///srv/state"), "file:/srv/state");
    }
}
