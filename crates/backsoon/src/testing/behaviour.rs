//! The behaviour table (`spec/behaviour/*.json`), for faces to run.
//!
//! A face builds an [`Instance`] from each [`Case`], sends the case's request to an application behind it, and
//! hands the [`Answer`] to [`Case::check`]. The application answers 200 with the header `x-application: here`.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::decide::{Cause, Local};
use crate::document::{Health, Host, Keys, Lineage, Pass, Site, State};
use crate::instance::Instance;
use crate::request::User;
use crate::rules::{Marks, Rule, TrustedProxies};
use crate::time::Timestamp;

/// The header by which the application behind a face shows that it ran.
pub const APPLICATION: &str = "x-application";

/// One row of the table.
#[derive(Debug, Clone)]
pub struct Case {
    /// The sentence that the row stands for.
    pub name: String,
    /// What the request is.
    pub request: Sent,
    state: Value,
    local: Value,
    expect: Expect,
}

/// A request as a row writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// The method.
    pub method: String,
    /// The `Host` header.
    pub host: String,
    /// The path and the query, as sent.
    pub path: String,
    /// The address at the other end of the connection.
    pub peer: Option<std::net::IpAddr>,
    /// More header fields, in order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// What the application answers when asked for the user.
    user: Option<String>,
}

/// What a face saw.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Who decided, if the face knows.
    pub cause: Option<Cause>,
    /// How often the application was asked for the user, if the face counts.
    pub asked: Option<usize>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    decision: Verdict,
    because: Option<String>,
    rule: Option<String>,
    window: Option<String>,
    asked: Option<String>,
    status: Option<u16>,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    absent: Vec<String>,
    body: Option<String>,
    #[serde(default)]
    body_contains: Vec<String>,
    #[serde(default)]
    body_absent: Vec<String>,
    json: Option<Map<String, Value>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Admit,
    Refuse,
    Hold,
    /// The link of a pass: neither the application's answer nor a refusal.
    Grant,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[allow(dead_code, reason = "the sentence is for readers of the file; it has to be there")]
    about: String,
    cases: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    #[serde(default)]
    state: Value,
    #[serde(default)]
    local: Value,
    request: Sent,
    expect: Expect,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct LocalPart {
    rules: Vec<Rule>,
    trusted_proxies: TrustedProxies,
    health: Health,
    open: Vec<String>,
    closed: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct StatePart {
    default: Site,
    sites: std::collections::BTreeMap<Host, Site>,
    passes: Vec<Pass>,
    keys: Keys,
}

/// Reads every row of the table in `folder`, in the order of file names.
///
/// # Errors
/// When the folder or a file in it cannot be read, or a file is no table.
pub fn read(folder: &Path) -> Result<Vec<Case>, String> {
    let list = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = list.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let complain = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
        let bytes = std::fs::read(&path).map_err(|error| complain(&error))?;
        let file: File = serde_json::from_slice(&bytes).map_err(|error| complain(&error))?;
        cases.extend(file.cases.into_iter().map(|row| Case {
            name: row.name,
            request: row.request,
            state: row.state,
            local: row.local,
            expect: row.expect,
        }));
    }
    Ok(cases)
}

// === impl Case ===

impl Case {
    /// The State of the row, with its times worked out from `now`.
    ///
    /// # Errors
    /// When the row's state is none.
    pub fn state(&self, now: Timestamp) -> Result<State, String> {
        let mut written = self.state.clone();
        work_out_times(&mut written, now)?;
        let part: StatePart = if written.is_null() {
            StatePart::default()
        } else {
            serde_json::from_value(written).map_err(|error| format!("{}: state: {error}", self.name))?
        };
        let lineage = Lineage::try_from("table".to_owned())?;
        let StatePart { default, sites, passes, keys } = part;
        Ok(State { lineage, revision: 1, default, sites, passes, keys, ..State::new() })
    }

    /// This server's own part of the policy, and its marks.
    ///
    /// # Errors
    /// When the row's local part is none.
    pub fn local(&self) -> Result<(Local, Marks), String> {
        let part: LocalPart = if self.local.is_null() {
            LocalPart::default()
        } else {
            serde_json::from_value(self.local.clone())
                .map_err(|error| format!("{}: local: {error}", self.name))?
        };
        let mut marks = Marks::new();
        for path in &part.open {
            marks.open(path);
        }
        for path in &part.closed {
            marks.closed(path);
        }
        let proxies = Arc::new(part.trusted_proxies);
        Ok((Local { rules: part.rules.into(), proxies, health: part.health }, marks))
    }

    /// An instance that has the row's state in force.
    ///
    /// # Errors
    /// When the row's state or local part is none.
    pub fn instance(&self) -> Result<Arc<Instance>, String> {
        let (local, marks) = self.local()?;
        let instance = Instance::new(local, marks);
        let now = Timestamp::now();
        let _ = instance.apply(&self.state(now)?, now);
        Ok(instance)
    }

    /// Whether the answer is the one that the row expects.
    ///
    /// # Errors
    /// The first difference, in a sentence.
    pub fn check(&self, answer: &Answer) -> Result<(), String> {
        self.expect.check(answer).map_err(|why| format!("{}: {why}", self.name))
    }

    /// The members of the row that a face without users or routes of its own cannot express.
    pub fn needs(&self) -> Vec<&'static str> {
        let marks = |key: &str| self.local.get(key).is_some();
        let mut needs = Vec::new();
        if self.request.user.is_some() {
            needs.push("user");
        }
        if marks("open") || marks("closed") {
            needs.push("marks");
        }
        needs
    }
}

// === impl Sent ===

impl Sent {
    /// The application's answer when it is asked for the user.
    pub fn user(&self) -> User {
        match self.user.as_deref() {
            Some("authenticated") => User::AUTHENTICATED,
            Some("staff") => User::STAFF,
            Some("superuser") => User::SUPERUSER,
            _ => User::ANONYMOUS,
        }
    }
}

// === impl Expect ===

impl Expect {
    fn check(&self, answer: &Answer) -> Result<(), String> {
        let ran = answer.headers.contains_key(APPLICATION);
        if ran != (self.decision == Verdict::Admit) {
            let what = if ran { "reached" } else { "did not reach" };
            return Err(format!("the request {what} the application (status {})", answer.status));
        }
        if let Some(cause) = &answer.cause {
            same("because", self.because.as_deref(), Some(cause.by))?;
            same("rule", self.rule.as_deref(), cause.rule().map(|rule| &**rule))?;
        }
        if let (Some(expected), Some(asked)) = (&self.asked, answer.asked) {
            same("asked", Some(expected), Some(if asked > 0 { "yes" } else { "no" }))?;
        }
        if let Some(status) = self.status.filter(|status| *status != answer.status.as_u16()) {
            return Err(format!("the status is {}, not {status}", answer.status.as_u16()));
        }
        let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
        same("window", self.window.as_deref(), header("backsoon-window"))?;
        for (name, value) in &self.headers {
            let wanted =
                value.as_str().ok_or_else(|| format!("header {name}: write its value as a string"))?;
            let found = header(name).ok_or_else(|| format!("the header {name} is missing"))?;
            if !fits(found, wanted)? {
                return Err(format!("the header {name} is `{found}`, not `{wanted}`"));
            }
        }
        if let Some(name) = self.absent.iter().find(|name| answer.headers.contains_key(name.as_str())) {
            return Err(format!("the header {name} must not be there"));
        }
        self.check_body(&String::from_utf8_lossy(&answer.body))
    }

    fn check_body(&self, body: &str) -> Result<(), String> {
        if self.body.as_ref().is_some_and(|expected| expected != body) {
            return Err(format!("the body is {body:?}, not {:?}", self.body));
        }
        if let Some(piece) = self.body_contains.iter().find(|piece| !body.contains(piece.as_str())) {
            return Err(format!("the body lacks {piece:?}: {body}"));
        }
        if let Some(piece) = self.body_absent.iter().find(|piece| body.contains(piece.as_str())) {
            return Err(format!("the body must not contain {piece:?}: {body}"));
        }
        let Some(members) = &self.json else { return Ok(()) };
        let found: Map<String, Value> =
            serde_json::from_str(body).map_err(|error| format!("no JSON: {error}"))?;
        match members.iter().find(|(name, value)| found.get(*name) != Some(*value)) {
            Some((name, value)) => Err(format!("`{name}` is {:?}, not {value}", found.get(name))),
            None => Ok(()),
        }
    }
}

fn same(what: &str, expected: Option<&str>, found: Option<&str>) -> Result<(), String> {
    match expected {
        Some(expected) if found != Some(expected) => Err(format!("{what} is {found:?}, not {expected:?}")),
        _ => Ok(()),
    }
}

/// The forms of a header value that the table's README lists.
fn fits(found: &str, wanted: &str) -> Result<bool, String> {
    let number = |text: &str| text.parse::<i64>().map_err(|_| format!("`{text}` is no number"));
    if wanted == "*" {
        return Ok(true);
    }
    if let Some(most) = wanted.strip_prefix('~') {
        let most = number(most)?;
        return Ok((most - 5..=most).contains(&number(found)?));
    }
    if let Some(pattern) = wanted.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
        return regex::Regex::new(pattern)
            .map(|regex| regex.is_match(found))
            .map_err(|error| error.to_string());
    }
    if let Some((low, high)) = wanted.split_once("..")
        && let (Ok(low), Ok(high)) = (number(low), number(high))
    {
        return Ok((low..=high).contains(&number(found)?));
    }
    Ok(found == wanted)
}

/// Replaces `now`, `now+15m` and `now-2h` in `start`, `end` and `expires` by the times that they mean.
fn work_out_times(value: &mut Value, now: Timestamp) -> Result<(), String> {
    match value {
        Value::Array(list) => list.iter_mut().try_for_each(|item| work_out_times(item, now)),
        Value::Object(map) => map.iter_mut().try_for_each(|(key, item)| match item {
            Value::String(text)
                if matches!(key.as_str(), "start" | "end" | "expires") && text.starts_with("now") =>
            {
                *item = Value::String(work_out(text, now)?.to_string());
                Ok(())
            }
            item => work_out_times(item, now),
        }),
        _ => Ok(()),
    }
}

fn work_out(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let complain = || format!("`{text}` is no time");
    let offset = text.strip_prefix("now").ok_or_else(complain)?;
    if offset.is_empty() {
        return Ok(now);
    }
    let (sign, rest) = offset.split_at(1);
    let (digits, unit) = rest.split_at(rest.len().saturating_sub(1));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(complain()),
    };
    let span = std::time::Duration::from_secs(digits.parse::<u64>().map_err(|_| complain())? * seconds);
    match sign {
        "+" => Ok(now + span),
        "-" => Ok(now - span),
        _ => Err(complain()),
    }
}
