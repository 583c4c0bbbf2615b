//! What one look at the door costs: `try_admit` and letting go of the permit.
//!
//! Without arguments it prints nanoseconds. `count CASE TIMES` runs one case for a counter of instructions, which
//! looks at the function `measured` alone; the case `nothing` is the loop around it. `cases` lists them.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod measure;

use std::error::Error;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use backsoon::decide::Local;
use backsoon::document::Mode;
use backsoon::time::Timestamp;
use backsoon::{Host, Instance, Marks, Request, Rule, State, Window};
use http::HeaderMap;

/// A site that is open or closed, and who asks for what.
struct Case {
    name: String,
    instance: Option<Arc<Instance>>,
    hosts: Vec<String>,
    headers: HeaderMap,
}

/// Exceptions such as operators write. None of them is met by a visitor who asks for `/cart`.
const TEN_RULES: &str = r#"[
    {"name": "office", "then": "open", "when": {"network": ["10.20.0.0/16", "2001:db8:20::/48"]}},
    {"name": "monitor", "then": "open", "when": {"path": {"exact": "/status"}, "method": ["GET", "HEAD"]}},
    {"name": "static", "then": "open", "when": {"path": {"prefix": "/static"}}},
    {"name": "hooks", "then": "open", "when": {"path": {"prefix": "/hooks"}, "method": "POST"}},
    {"name": "images", "then": "open", "when": {"path": {"glob": "/media/**/*.png"}}},
    {"name": "invoices", "then": "open", "when": {"path": {"regex": "/invoices/[0-9]{4}/[a-z]+"}}},
    {"name": "admin", "then": "closed", "when": {"path": {"prefix": "/admin"}}},
    {"name": "partner", "then": "open", "when": {"path": {"prefix": "/api/partner"}, "network": "192.0.2.128/25"}},
    {"name": "deletes", "then": "closed", "when": {"method": "DELETE"}},
    {"name": "legal", "then": "open", "when": {"path": [{"exact": "/imprint"}, {"exact": "/privacy"}]}}
]"#;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let cases = cases()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["cases"] => cases.iter().for_each(|case| println!("{}", case.name)),
        ["count", name, times] => {
            let case =
                cases.iter().find(|case| case.name == name).ok_or("no such case: `cases` lists them")?;
            measured(case, times.parse()?);
        }
        [] => {
            let took = measure::rounds(cases.len(), |which, times| measured(&cases[which], times));
            let loops = took[0].median;
            println!("{:<34} {:>8} {:>8} {:>8}  ns", "", "median", "least", "most");
            for (case, took) in cases.iter().zip(&took).skip(1) {
                let [median, least, most] = [took.median, took.least, took.most].map(|took| took - loops);
                println!("{:<34} {median:>8.1} {least:>8.1} {most:>8.1}", case.name);
            }
        }
        _ => return Err("usage: admit [cases | count CASE TIMES]".into()),
    }
    Ok(())
}

#[inline(never)]
fn measured(case: &Case, times: usize) {
    let peer = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)));
    let hosts = case.hosts.iter().cycle();
    for host in hosts.take(times) {
        let mut request = Request::new("GET", host, "/cart", &case.headers);
        request.peer = peer;
        match &case.instance {
            Some(instance) => drop(black_box(instance.try_admit(black_box(&request)))),
            None => drop(black_box(&request)),
        }
    }
}

fn cases() -> Result<Vec<Case>, Box<dyn Error>> {
    let mut cases = vec![Case::new("nothing", 1, &State::new())?];
    cases[0].instance = None;
    for sites in [1, 10, 100, 1000] {
        cases.push(Case::new(&format!("off-{sites}-sites"), sites, &State::new())?);
    }
    let rules: Arc<[Rule]> = serde_json::from_str(TEN_RULES)?;
    for (name, mode) in [("off", Mode::Off), ("on", Mode::On)] {
        let mut state = State::new();
        if mode > Mode::Off {
            state.default.windows.push(Window::new(mode).message("We are moving house."));
            cases.push(Case::new(name, 1, &state)?);
        }
        state.default.rules = Some(Arc::clone(&rules));
        cases.push(Case::new(&format!("{name}-past-ten-rules"), 1, &state)?);
    }
    Ok(cases)
}

// === impl Case ===

impl Case {
    /// A visitor of each of `sites` sites, one after another; one site is `*`.
    fn new(name: &str, sites: usize, state: &State) -> Result<Self, Box<dyn Error>> {
        let hosts: Vec<String> = (0..sites).map(|n| format!("shop{n}.example.com")).collect();
        let mut state = state.clone();
        if sites > 1 {
            for host in &hosts {
                let host: Host = host.parse()?;
                state.site_mut(&host);
            }
        }
        let instance = Instance::new(Local::default(), Marks::new());
        instance.apply(&state, Timestamp::now());
        let mut headers = HeaderMap::new();
        // As Firefox sends it.
        headers.insert("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8".parse()?);
        headers.insert("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0)".parse()?);
        headers.insert("accept-language", "en-GB,en;q=0.5".parse()?);
        Ok(Self { name: name.to_owned(), instance: Some(instance), hosts, headers })
    }
}
