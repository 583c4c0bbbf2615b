//! What has changed but windows.

use std::collections::BTreeSet;

use backsoon::{Host, State};

/// What has changed but windows.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) sites: BTreeSet<Host>,
    pub(super) what: BTreeSet<&'static str>,
}

// === impl Settings ===

impl Settings {
    pub(crate) fn between(before: &State, after: &State) -> Self {
        let mut settings = Self::default();
        let sites = before.sites().chain(after.sites()).map(|(site, _)| site).collect::<BTreeSet<_>>();
        for host in sites {
            let then = before.site(&host).cloned().unwrap_or_default();
            let now = after.site(&host).cloned().unwrap_or_default();
            let differs = [
                ("rules", then.rules != now.rules),
                ("page", then.page != now.page),
                ("health paths", then.health != now.health),
            ];
            for (what, _) in differs.into_iter().filter(|(_, differs)| *differs) {
                settings.what.insert(what);
                settings.sites.insert(host.clone());
            }
        }
        let one = |a: &State, b: &State| {
            let gone =
                a.passes.iter().filter(|pass| !b.passes.contains(pass) && !pass.is_over(after.change.at));
            gone.map(|pass| pass.site.clone()).collect::<Vec<_>>()
        };
        for site in one(before, after).into_iter().chain(one(after, before)) {
            settings.what.insert("passes");
            settings.sites.insert(site);
        }
        settings
    }
}
