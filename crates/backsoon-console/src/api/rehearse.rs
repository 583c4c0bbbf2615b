//! `POST /rehearse`: what a closing would do, found out by the very functions that do it. Nothing is written.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State as Desks;
use backsoon::decide::{Decision, Local, Reason, decide};
use backsoon::fleet::Roster;
use backsoon::receipt::Receipt;
use backsoon::rules::Effect;
use backsoon::snapshot::{Settled, Snapshot};
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, Request, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::state::ModeName;
use super::windows::CloseBody;
use crate::caller::Viewer;
use crate::console::Desk;
use crate::form::Json as Body;
use crate::problem::{Problem, Result};

/// What the built-in rule for health keeps open, and a probe may ask for.
const HEALTH: [&str; 3] = ["/healthz", "/livez", "/readyz"];
/// The most paths that are tried at once.
const MOST_PATHS: usize = 20;

/// A closing to be rehearsed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RehearseBody {
    /// What would be asked for.
    pub(crate) closing: CloseBody,
    /// Paths to try as the caller, beside `/`.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub(crate) paths: Vec<String>,
    /// The address to try from; the caller's own unless given.
    #[schema(value_type = Option<String>)]
    pub(crate) from: Option<IpAddr>,
}

/// What would happen.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RehearsalView {
    /// What would become of each site, those that the closing reaches from above included.
    pub(crate) sites: Vec<SiteRehearsal>,
    /// The address that was tried.
    #[schema(value_type = String)]
    pub(crate) address: IpAddr,
    /// Whether that address would be refused or held somewhere on `/`.
    pub(crate) locked_out: bool,
    /// Whether that address could look at `/` everywhere, and somewhere change nothing: a POST would be refused or held.
    pub(crate) read_only: bool,
    /// What a visitor of the first site would get.
    pub(crate) reply: ReplyView,
    /// What else is worth knowing before.
    pub(crate) warnings: Vec<String>,
}

/// A change that is tried out: the State before and after it, and the moments at which each is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Trial<'a> {
    pub(crate) before: &'a State,
    pub(crate) after: &'a State,
    /// The sites that are meant.
    pub(crate) sites: &'a [Host],
    pub(crate) now: Timestamp,
    pub(crate) then: Timestamp,
}

/// One site.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SiteRehearsal {
    #[schema(value_type = String)]
    pub(crate) site: Host,
    /// The mode now.
    #[schema(value_type = ModeName)]
    pub(crate) before: Mode,
    /// The mode then.
    #[schema(value_type = ModeName)]
    pub(crate) after: Mode,
    /// What would be let in all the same by the State's rules, as the receipt will say it.
    pub(crate) stays_open: Vec<String>,
    /// What would be let in all the same by the rules of this server alone; other servers have their own.
    pub(crate) by_this_server: Vec<String>,
    /// What this server would do with a visitor from the address, path by path: with GET, and with POST where that is
    /// something else. Nothing is sent along: no pass, no field and no user is considered.
    pub(crate) you: Vec<TriedView>,
    /// What this server would do with health probes.
    pub(crate) health: Vec<TriedView>,
}

/// A request that was tried.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TriedView {
    /// GET or POST.
    #[schema(value_type = String)]
    pub(crate) method: &'static str,
    pub(crate) path: String,
    /// admitted, refused, held, or depends (on the user).
    #[schema(value_type = String)]
    pub(crate) decision: &'static str,
    /// Why.
    pub(crate) because: String,
}

/// What a refused visitor gets.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct ReplyView {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) html: String,
    pub(crate) json: String,
    pub(crate) text: String,
}

/// What a closing would do: who would be refused, what stays open, what visitors would see.
#[utoipa::path(post, path = "/api/v1/rehearse", operation_id = "rehearse", tag = "windows", request_body = RehearseBody,
    responses((status = 200, body = RehearsalView)))]
pub(crate) async fn rehearse(
    Desks(desk): Desks<Arc<Desk>>,
    Viewer(caller): Viewer,
    Body(body): Body<RehearseBody>,
) -> Result<Json<RehearsalView>> {
    if body.paths.len() > MOST_PATHS
        || body.paths.iter().any(|path| !path.starts_with('/') || path.len() > 2048)
    {
        return Err(Problem::unprocessable(format!("name at most {MOST_PATHS} paths; each begins with /")));
    }
    let address = body.from.unwrap_or(caller.from);
    Ok(Json(desk.rehearse(&caller.signature(), body, address).await?))
}

// === impl Desk ===

impl Desk {
    /// Closes a copy of the State, and tries requests against it.
    pub(crate) async fn rehearse(
        &self,
        by: &str,
        body: RehearseBody,
        address: IpAddr,
    ) -> Result<RehearsalView> {
        let now = Timestamp::now();
        let (closing, sites) = body.closing.read()?;
        let wanted = closing.window(by, now).map_err(|why| Problem::unprocessable(why.to_string()))?;
        let (before, _) = self.state().await?;
        let mut after = before.clone();
        for host in &sites {
            after.close(host, &wanted, now);
        }
        // As at its first moment.
        let then = wanted.start.map_or(now, |start| start.max(now));
        let trial = Trial { before: &before, after: &after, sites: &sites, now, then };
        let roster = self.looks.recent(&*self.store).await.map(|look| look.roster).unwrap_or_default();
        let mut view = trial.view(&self.options.local, &roster, &body.paths, address);
        view.warnings.splice(0..0, self.strangers(&before, &sites).await);
        Ok(view)
    }

    /// Which of `sites` no server has heard of, and whether there is any server at all.
    pub(crate) async fn strangers(&self, state: &State, sites: &[Host]) -> Vec<String> {
        let Ok(roster) = Roster::observe(&*self.store, Duration::ZERO).await else { return Vec::new() };
        let unknown = sites.iter().filter_map(|host| roster.knows(state, host).err());
        let mut warnings: Vec<String> = unknown.map(|why| why.to_string()).collect();
        if roster.is_empty() {
            warnings.push("nobody follows this store: no server closes because of it".to_owned());
        }
        warnings
    }
}

// === impl Trial ===

impl Trial<'_> {
    /// What would be done with requests on both sides of the change.
    pub(crate) fn view(
        &self,
        local: &Local,
        roster: &Roster,
        paths: &[String],
        address: IpAddr,
    ) -> RehearsalView {
        let Self { before, after, sites, now, then } = *self;
        let (old, new) =
            (Snapshot::settle(before, local, now, None), Snapshot::settle(after, local, then, None));
        let paths: Vec<&str> = std::iter::once("/").chain(paths.iter().map(String::as_str)).collect();
        let reached = after.sites().filter(|(host, _)| sites.iter().any(|site| site.covers(host)));
        let mut views = Vec::new();
        let mut reply = None;
        for (host, _) in reached {
            let Some(site) = new.exactly(&host) else { continue };
            let name = host.as_str().replace('*', "any");
            let shut = site.mode() > Mode::Off;
            let own = local.rules.iter().filter(|rule| shut && rule.then == Effect::Open);
            views.push(SiteRehearsal {
                before: old.exactly(&host).map_or_else(|| old.site(&name).mode(), |site| site.mode()),
                after: site.mode(),
                stays_open: Receipt::admits(after, &BTreeMap::from([(host.clone(), site.mode())]), roster),
                by_this_server: own.map(|rule| rule.name.to_string()).collect(),
                you: paths.iter().flat_map(|path| as_visitor(site, &name, path, address)).collect(),
                health: HEALTH.iter().map(|path| try_it(site, &name, "GET", path, None)).collect(),
                site: host.clone(),
            });
            if reply.is_none() && sites.contains(&host) {
                reply = Some(replies(site, &name, then));
            }
        }
        let is_shut = |method: &str| {
            let is_shut = |tried: &TriedView| {
                (tried.method, tried.path.as_str()) == (method, "/") && tried.decision != "admitted"
            };
            views.iter().flat_map(|site| &site.you).any(is_shut)
        };
        let locked_out = is_shut("GET");
        let read_only = !locked_out && is_shut("POST");
        let refused = |site: &SiteRehearsal| site.health.iter().any(|tried| tried.decision != "admitted");
        let mut warnings = Vec::new();
        if views.iter().any(refused) {
            warnings.push(
                "health paths would be refused: whatever probes them may restart the servers".to_owned(),
            );
        }
        let reply = reply.unwrap_or_default();
        RehearsalView { sites: views, address, locked_out, read_only, reply, warnings }
    }
}

/// A look at the path, and a change there if that is another matter.
fn as_visitor(site: &Settled, host: &str, path: &str, from: IpAddr) -> Vec<TriedView> {
    let tried = |method| try_it(site, host, method, path, Some(from));
    let (look, change) = (tried("GET"), tried("POST"));
    let is_other = look.decision != change.decision;
    std::iter::once(look).chain(is_other.then_some(change)).collect()
}

fn try_it(site: &Settled, host: &str, method: &'static str, path: &str, from: Option<IpAddr>) -> TriedView {
    let mut request = Request::new(method, host, path, &backsoon::request::NO_HEADERS);
    request.peer = from;
    let decision = decide(site.policy(), &request);
    TriedView {
        method,
        path: path.to_owned(),
        decision: match decision {
            Decision::Admit(_) => "admitted",
            Decision::Refuse(_) => "refused",
            Decision::Hold(_) => "held",
            _ => "depends",
        },
        because: decision
            .reason()
            .map_or_else(|| "a rule asks who the user is".to_owned(), |reason| reason.to_string()),
    }
}

/// The refusal in all its forms.
fn replies(site: &Settled, host: &str, at: Timestamp) -> ReplyView {
    let reason = Reason::Mode(site.mode(), site.window().map(|window| &window.id));
    let as_text = |accept: &'static str| {
        let headers = [("accept", accept)];
        let reply = site.reply(&Request::new("GET", host, "/", &headers), reason, at);
        (String::from_utf8_lossy(&reply.body).into_owned(), reply)
    };
    let (html, reply) = as_text("text/html");
    ReplyView {
        status: reply.status.as_u16(),
        retry_after: reply.retry_after.and_then(|value| value.to_str().ok().map(str::to_owned)),
        html,
        json: as_text("application/json").0,
        text: as_text("text/plain").0,
    }
}
