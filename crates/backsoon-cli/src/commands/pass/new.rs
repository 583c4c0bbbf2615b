//! `backsoon pass new`: a link for somebody.

use std::time::Duration;

use anyhow::Result;
use backsoon::Host;
use backsoon::fleet::Roster;
use backsoon::pass::Invitation;
use backsoon::time::Timestamp;
use serde::Serialize;

use super::Shown;
use crate::cli::{Cli, PassNew};
use crate::commands::Desk;
use crate::commands::desk::operator;
use crate::commands::words::local;
use crate::commands::written::Written;
use crate::exit::{Exit, usage};
use crate::output::{self, GOOD, paint, plain};
use crate::when;

/// What `pass new --json` prints: the link is shown here, and never again.
#[derive(Serialize)]
struct Made<'a> {
    #[serde(flatten)]
    pass: Shown<'a>,
    /// The whole link, if it is known where the site is.
    link: Option<&'a str>,
    /// The same without scheme and host.
    path: &'a str,
    store: String,
    revision: u64,
}

/// Runs it.
pub(super) async fn run(cli: &Cli, new: &PassNew) -> Result<Exit> {
    let site = new.site.clone().unwrap_or_else(Host::any);
    let base = base(new, &site)?;
    let invitation = Invitation::new(&new.bearer, site.clone(), &operator(), Timestamp::now(), new.expires)
        .map_err(|error| usage(format!("--for: {error}")))?;
    let path = match &new.to {
        Some(to) => invitation.link.leading_to(to).map_err(|error| usage(format!("--to: {error}")))?,
        None => invitation.link.path(),
    };
    let link = base.map(|base| format!("{base}{path}"));
    // Only now: what is refused makes no store.
    let desk = &Desk::open(cli).await?;
    let written = desk
        .update(&invitation.note(), |state| {
            invitation.put_into(state);
            Ok::<_, String>(())
        })
        .await?;
    let pass = &invitation.pass;
    if new.json {
        let revision = written.state().revision;
        let store = desk.store().url();
        output::json(&Made { pass: Shown::of(pass), link: link.as_deref(), path: &path, store, revision })?;
        return Ok(written.exit());
    }
    let left = when::plain(new.expires);
    let what = paint(GOOD, format!("pass {}", pass.id));
    output::line(format_args!("{what} for {}, until {} ({left})", plain(&pass.bearer), local(pass.expires)));
    output::field("link", link.as_deref().unwrap_or(&path));
    output::field("opens", opens(&site));
    if link.is_none() {
        output::field("note", "put https:// and one of these hosts before it, or say --base-url");
    }
    output::field("revoke", desk.command(&format!("pass revoke {}", pass.id)));
    written.say();
    warn_of_strangers(desk, &written, &site).await?;
    Ok(written.exit())
}

/// Where the bearer reaches the site: as the operator says, or by https on the one host.
fn base(new: &PassNew, site: &Host) -> Result<Option<String>> {
    let Some(url) = &new.base_url else {
        let is_one = !site.as_str().starts_with('*');
        return Ok(is_one.then(|| format!("https://{site}")));
    };
    let scheme = url.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"));
    let (Some(scheme), Some(authority), "/") = (scheme, url.authority(), url.path()) else {
        return Err(usage(format!(
            "--base-url {url}: write scheme and host, as in https://shop.example.com"
        )));
    };
    let host = authority.host().parse::<Host>().map_err(|error| usage(format!("--base-url: {error}")))?;
    if !site.covers(&host) {
        return Err(usage(format!(
            "--base-url {url}: a pass for {site} does not open {host}; say --site {host}"
        )));
    }
    Ok(Some(format!("{scheme}://{authority}")))
}

fn opens(site: &Host) -> String {
    match site.as_str().strip_prefix("*.") {
        _ if site.is_any() => "every host of this store".into(),
        Some(suffix) => format!("every host below {suffix}"),
        None => site.to_string(),
    }
}

/// A slip of the pen makes a link that opens nothing. Where nobody lists sites, every host is as good as another.
async fn warn_of_strangers(desk: &Desk, written: &Written, site: &Host) -> Result<()> {
    let state = written.state();
    if !state.sites.is_empty() {
        let roster = Roster::observe(&**desk.store(), Duration::ZERO).await?;
        roster.knows(state, site).err().iter().for_each(output::warn);
    }
    Ok(())
}
