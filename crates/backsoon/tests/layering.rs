//! Which module may use which: the arrows of ARCHITECTURE.md, read from the sources.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Every module with those that it uses. A module may only use what stands above it, so there are no circles.
///
/// A new arrow is a decision: add it here only if the reader of both modules would expect it. `store` knows bytes and
/// so knows nobody; `join` is the one place where what is asked for and what is served meet; nobody knows `testing`.
const ARROWS: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("request", &[]),
    ("store", &[]),
    ("accept", &["request"]),
    ("rules", &["request"]),
    ("document", &["rules", "time"]),
    ("pass", &["document", "request", "time"]),
    ("tally", &["document"]),
    ("decide", &["document", "pass", "request", "rules"]),
    ("reply", &["accept", "document", "request", "time"]),
    ("snapshot", &["decide", "document", "pass", "reply", "request", "rules", "tally", "time"]),
    ("grant", &["decide", "document", "pass", "reply", "request", "snapshot", "time"]),
    ("running", &["document", "tally"]),
    ("inspect", &["decide", "document", "reply", "request", "snapshot", "time"]),
    ("fleet", &["document", "running", "store", "tally", "time"]),
    ("control", &["document", "fleet", "inspect", "pass", "store", "time"]),
    ("during", &["control", "document", "fleet", "store", "time"]),
    ("receipt", &["control", "decide", "document", "fleet", "rules", "running", "snapshot", "store", "time"]),
    ("queue", &["document", "tally"]),
    ("impact", &["control", "document", "fleet", "store", "tally", "time"]),
    (
        "instance",
        &[
            "decide", "document", "grant", "queue", "reply", "request", "rules", "running", "snapshot",
            "tally", "time",
        ],
    ),
    ("join", &["control", "decide", "document", "fleet", "instance", "request", "rules", "store", "time"]),
    ("adapters", &["decide", "instance", "pass", "reply", "request"]),
    ("testing", &["decide", "document", "instance", "request", "rules", "store", "time"]),
];

/// These decide, render and settle by what they are given: no clock, no runtime, no files, no network.
const PURE: &[&str] = &[
    "accept", "decide", "document", "grant", "inspect", "pass", "reply", "request", "rules", "snapshot",
    "tally",
];

/// What would make them impure. `std::net` is not among them: addresses are data.
const IMPURE: &[&str] = &[
    "tokio",
    "Instant",
    "SystemTime",
    "Timestamp::now",
    "std::fs",
    "std::env",
    "std::thread",
    "TcpStream",
    "UdpSocket",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// The code of every module: without comments, and without the tests that stand at a file's end or in a `tests.rs`.
fn code() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    let mut modules = BTreeMap::<String, String>::new();
    for path in paths {
        let inside = path.strip_prefix(&root).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().take_while(|line| !line.trim_start().starts_with("#[cfg(test)]"));
        let code = lines.filter(|line| !line.trim_start().starts_with("//"));
        let whole = modules.entry(module.to_owned()).or_default();
        code.for_each(|line| *whole += &format!("{line}\n"));
    }
    modules.remove("lib");
    modules
}

/// The modules named after `crate::` in `code`.
fn used(code: &str) -> BTreeSet<&str> {
    let name = |rest: &str| rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    code.split("crate::").skip(1).map(|rest| &rest[..name(rest)]).collect()
}

#[test]
fn every_module_uses_what_the_table_says_and_nothing_else() {
    let code = code();
    let listed: BTreeSet<&str> = ARROWS.iter().map(|(module, _)| *module).collect();
    let there: BTreeSet<&str> = code.keys().map(String::as_str).collect();
    assert_eq!(there, listed, "the modules that there are, and those in the table");
    let mut wrong = Vec::new();
    for (module, allowed) in ARROWS {
        let mut used = used(&code[*module]);
        used.remove(module);
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        // An empty name is `use crate::{…}`, which hides what is used.
        wrong.extend(used.difference(&allowed).map(|other| format!("`{module}` must not use `{other}`")));
        wrong.extend(allowed.difference(&used).map(|other| format!("`{module}` no longer uses `{other}`")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_no_circles() {
    for (place, (module, allowed)) in ARROWS.iter().enumerate() {
        let above: Vec<&str> = ARROWS[..place].iter().map(|(module, _)| *module).collect();
        for other in *allowed {
            assert!(above.contains(other), "`{module}` uses `{other}`, which does not stand above it");
        }
    }
}

#[test]
fn pure_modules_have_no_clock_and_do_nothing() {
    let code = code();
    let mut wrong = Vec::new();
    for module in PURE {
        let (_, allowed) = ARROWS.iter().find(|(name, _)| name == module).unwrap();
        let all = PURE.iter().chain(&["time"]);
        let pure: BTreeSet<&&str> = all.collect();
        wrong.extend(
            allowed.iter().filter(|other| !pure.contains(other)).map(|o| format!("`{module}` uses `{o}`")),
        );
        let found = IMPURE.iter().filter(|word| code[*module].contains(*word));
        wrong.extend(found.map(|word| format!("`{module}` mentions `{word}`")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_sources_sees_what_there_is_to_see() {
    assert_eq!(
        used("use crate::rules::Path; let x = crate::time::now(); use crate::{a};"),
        BTreeSet::from(["", "rules", "time"])
    );
    let code = code();
    assert!(code["rules"].contains("struct Condition") && code["store"].contains("struct FileStore"));
    assert!(!code["document"].contains("mod tests"));
}
