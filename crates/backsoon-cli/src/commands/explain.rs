//! `backsoon explain`: what would be done with a request, and why.

use anyhow::Result;
use backsoon::decide::{Decision, Reason, decide};
use backsoon::request::{Identity, UserKind};
use backsoon::rules::{Because, Client};
use backsoon::snapshot::Snapshot;
use backsoon::time::Timestamp;
use backsoon::{Request, User};
use serde::Serialize;

use super::{Desk, local};
use crate::cli::Explain;
use crate::exit::{Exit, usage};
use crate::output::{self, BAD, GOOD, WARN, paint};

#[derive(Serialize)]
struct Explanation {
    decision: &'static str,
    because: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<String>,
    site: String,
    client: Option<std::net::IpAddr>,
    client_because: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<String>,
}

/// Runs it.
pub(super) async fn run(desk: &Desk, explain: &Explain) -> Result<Exit> {
    let host = explain.url.authority().ok_or_else(|| {
        usage(format!(
            "--url {}: write the whole URL, for example https://shop.example.com/cart",
            explain.url
        ))
    })?;
    let now = explain.at.unwrap_or_else(Timestamp::now);
    let local_part = desk.config.local();
    let snapshot = Snapshot::settle(&desk.state().await?, &local_part, now, None);
    let site = snapshot.site(host.as_str());

    let mut request = Request::new(&explain.method, host.as_str(), explain.url.path(), &explain.headers);
    request.peer = explain.from;
    request.user = explain.user.map_or(Identity::Unasked, |kind| Identity::Known(user(kind)));
    let client = local_part.proxies.client(&request);
    let decision = decide(site.policy(), &request);
    let reply = match decision {
        Decision::Refuse(reason) | Decision::Hold(reason) => Some(site.reply(&request, reason, now)),
        _ => None,
    };
    let explanation = Explanation {
        decision: word(decision),
        because: because(decision, now, &snapshot, explain),
        rule: decision.reason().and_then(|reason| reason.rule()).map(|rule| rule.name.to_string()),
        window: match decision.reason() {
            Some(Reason::Mode(_, window)) => window.map(ToString::to_string),
            _ => None,
        },
        site: site.host().to_string(),
        client: client.address,
        client_because: believed(client).to_owned(),
        status: reply.as_ref().map(|reply| reply.status.as_u16()),
        retry_after: reply
            .and_then(|reply| reply.retry_after)
            .and_then(|value| value.to_str().ok().map(str::to_owned)),
    };
    if explain.json {
        output::json(&explanation)?;
        return Ok(Exit::Done);
    }
    let style = match decision {
        Decision::Admit(_) => GOOD,
        Decision::Refuse(_) => BAD,
        _ => WARN,
    };
    output::line(format_args!("{}: {}", paint(style, explanation.decision), explanation.because));
    output::line(format_args!("  site      {} (most specific for {host})", explanation.site));
    let address = client.address.map_or_else(|| "unknown".into(), |address| address.to_string());
    output::line(format_args!("  client    {address}: {}", explanation.client_because));
    if let Some(status) = explanation.status {
        let retry =
            explanation.retry_after.map(|value| format!(", Retry-After: {value}")).unwrap_or_default();
        output::line(format_args!("  reply     {status}{retry}"));
    }
    Ok(Exit::Done)
}

fn word(decision: Decision<'_>) -> &'static str {
    match decision {
        Decision::Admit(_) => "admitted",
        Decision::Refuse(_) => "refused",
        Decision::Hold(_) => "held",
        _ => "it depends on the user",
    }
}

fn because(decision: Decision<'_>, now: Timestamp, snapshot: &Snapshot, explain: &Explain) -> String {
    let Some(reason) = decision.reason() else {
        return "a rule asks who the user is; say it with --user anonymous, authenticated, staff or superuser".into();
    };
    match reason {
        Reason::Local(rule) => format!("rule `{}` of this server ({})", rule.name, rule.when),
        Reason::Site(rule) => format!("rule `{}` of the site ({})", rule.name, rule.when),
        Reason::Health => "the built-in rule keeps health paths open".into(),
        Reason::Mode(mode, None) => format!("the site is {mode}, and no rule says otherwise"),
        Reason::Mode(mode, Some(id)) => {
            let host = explain.url.authority().map(|authority| authority.as_str()).unwrap_or_default();
            let site = snapshot.site(host);
            let until = match site.reopens() {
                Some(at) => format!(", until {}", local(at)),
                None => String::new(),
            };
            let by = site
                .window()
                .filter(|window| !window.by.is_empty())
                .map(|window| format!(" of {}", window.by));
            let at = if explain.at.is_some() { format!(" at {}", local(now)) } else { String::new() };
            format!("the site is {mode}{at} because of window {id}{}{until}", by.unwrap_or_default())
        }
        _ => "the application's own mark on the route".into(),
    }
}

fn believed(client: Client) -> &'static str {
    match client.because {
        Because::NoPeer => "no address was given (--from)",
        Because::UntrustedPeer => {
            "the peer itself; it is no trusted proxy, so X-Forwarded-For is not believed"
        }
        Because::NothingForwarded => "the peer itself; it is a trusted proxy, but forwarded nobody",
        Because::Forwarded { .. } => "from X-Forwarded-For, written by trusted proxies",
        Because::Malformed => "the last trusted proxy; what it forwarded is not an address",
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
