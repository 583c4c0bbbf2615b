//! `backsoon explain`: what would be done with a request, and why.

use std::net::IpAddr;

use anyhow::Result;
use backsoon::decide::{Decision, Reason, decide};
use backsoon::request::{Identity, UserKind};
use backsoon::rules::{Because, Client};
use backsoon::snapshot::{Settled, Snapshot};
use backsoon::store::open_existing;
use backsoon::time::Timestamp;
use backsoon::{Request, State, User};
use serde::Serialize;

use super::Desk;
use super::words::{local, of};
use crate::cli::{Cli, Explain};
use crate::config::Config;
use crate::exit::{Exit, usage};
use crate::output::{self, BAD, GOOD, WARN, paint, plain};

#[derive(Serialize)]
struct Explanation {
    decision: &'static str,
    because: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<String>,
    site: String,
    at: Timestamp,
    client: Option<IpAddr>,
    client_because: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<String>,
}

/// Runs it.
pub(super) async fn run(cli: &Cli, explain: &Explain) -> Result<Exit> {
    let host = explain.url.host().filter(|host| !host.is_empty()).ok_or_else(|| {
        usage(format!(
            "--url {}: write the whole URL, for example https://shop.example.com/cart",
            explain.url
        ))
    })?;
    let config = Config::load(cli.config.as_deref())?;
    let url = config.store_url(cli.store_flag())?;
    let state = match open_existing(&url).await? {
        Some(store) => Desk::at(store, cli).state().await?,
        // The rules of this server hold even where nobody has closed anything yet.
        None => State::default(),
    };
    let now = explain.at.unwrap_or_else(Timestamp::now);
    let own = config.local();
    let snapshot = Snapshot::settle(&state, &own, now, None);
    let site = snapshot.site(host);

    let mut request = Request::new(explain.method.as_str(), host, explain.url.path(), &explain.headers);
    request.peer = explain.from;
    request.user = explain.user.map_or(Identity::Unasked, |kind| Identity::Known(user(kind)));
    let client = own.proxies.client(&request);
    let decision = decide(site.policy(), &request);
    if explain.url.path().starts_with(backsoon::pass::PREFIX) {
        return Err(usage(
            "--url is the link of a pass, which Backsoon answers by itself: no rule and no mode decides about it, and the application is never asked",
        ));
    }
    let reply = match decision {
        Decision::Refuse(reason) | Decision::Hold(reason) => Some(site.reply(&request, reason, now)),
        _ => None,
    };
    let explanation = Explanation {
        decision: word(decision),
        because: because(decision, &state, site),
        rule: decision.reason().and_then(|reason| reason.rule()).map(|rule| rule.name.to_string()),
        window: match decision.reason() {
            Some(Reason::Mode(_, window)) => window.map(ToString::to_string),
            _ => None,
        },
        site: site.host().to_string(),
        at: now,
        client: client.address,
        client_because: believed(client),
        status: reply.as_ref().map(|reply| reply.status.as_u16()),
        retry_after: reply
            .and_then(|reply| reply.retry_after)
            .and_then(|value| value.to_str().ok().map(str::to_owned)),
    };
    if explain.json {
        output::json(&explanation)?;
    } else {
        say(&explanation, decision, explain, host, site);
    }
    Ok(Exit::Done)
}

fn say(explanation: &Explanation, decision: Decision<'_>, explain: &Explain, host: &str, site: &Settled) {
    let style = match decision {
        Decision::Admit(_) => GOOD,
        Decision::Refuse(_) => BAD,
        _ => WARN,
    };
    output::line(format_args!("{}: {}", paint(style, explanation.decision), explanation.because));
    if explain.at.is_some() {
        output::field("at", local(explanation.at));
    }
    output::field("site", format_args!("{}, the most special for {}", explanation.site, plain(host)));
    let address = explanation.client.map_or_else(|| "unknown".into(), |address| address.to_string());
    output::field("client", format_args!("{address}: {}", explanation.client_because));
    if let Some(status) = explanation.status {
        let retry = explanation.retry_after.as_ref().map(|value| format!(", Retry-After: {value}"));
        let wait = match decision {
            Decision::Hold(_) => {
                let longest = site.window().map(|window| crate::when::plain(window.hold.max_wait()));
                format!(", after {} of waiting", longest.unwrap_or_default())
            }
            _ => String::new(),
        };
        output::field("reply", format_args!("{status}{}{wait}", retry.unwrap_or_default()));
    }
}

fn word(decision: Decision<'_>) -> &'static str {
    match decision {
        Decision::Admit(_) => "admitted",
        Decision::Refuse(_) => "refused",
        Decision::Hold(_) => "held",
        _ => "it depends on the user",
    }
}

fn because(decision: Decision<'_>, state: &State, site: &Settled) -> String {
    let Some(reason) = decision.reason() else {
        return "a rule asks who the user is; say it with --user anonymous, authenticated, staff or superuser"
            .into();
    };
    match reason {
        Reason::Mode(mode, Some(id)) => {
            let window = site.window();
            let by = window.map(|window| of(&window.by)).unwrap_or_default();
            let is_there = |windows: &[backsoon::Window]| windows.iter().any(|window| window.id == *id);
            let wide = state.sites().find(|(_, site)| is_there(&site.windows)).map(|(host, _)| host);
            let on = wide.filter(|wide| wide != site.host()).map(|wide| format!(" on {wide}"));
            let until = window.and_then(|window| window.end).map(|at| format!(", until {}", local(at)));
            let (on, until) = (on.unwrap_or_default(), until.unwrap_or_default());
            format!("the mode is {mode} because of window {id}{by}{on}{until}")
        }
        other => plain(&other.to_string()),
    }
}

fn believed(client: Client) -> String {
    match client.because {
        Because::NoPeer => "no address was given (--from)".into(),
        Because::UntrustedPeer => {
            "the peer itself; it is no trusted proxy, so X-Forwarded-For is not believed".into()
        }
        Because::NothingForwarded => "the peer itself; it is a trusted proxy, but forwarded nobody".into(),
        Because::Forwarded { hops } => {
            format!("from X-Forwarded-For, vouched for by {}", proxies(hops))
        }
        Because::Malformed => "the last trusted proxy; what it forwarded is not an address".into(),
    }
}

fn proxies(hops: usize) -> String {
    match hops {
        1 => "1 trusted proxy".into(),
        hops => format!("{hops} trusted proxies"),
    }
}

fn user(kind: UserKind) -> User {
    match kind {
        UserKind::Anonymous => User::ANONYMOUS,
        UserKind::Authenticated => User::AUTHENTICATED,
        UserKind::Staff => User::STAFF,
        UserKind::Superuser => User::SUPERUSER,
    }
}
