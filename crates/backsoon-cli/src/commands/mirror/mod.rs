//! `backsoon mirror`: files that a proxy reads, kept equal to the state.

mod file;
mod name;
mod picture;
mod tell;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use backsoon::fleet::{Counts, Kind};
use backsoon::join::TakesEffect;
use backsoon::{Host, Instance};

use self::file::Kept;
use self::picture::Picture;
use super::serve;
use crate::cli::{Cli, Mirror, sites};
use crate::config::Config;
use crate::exit::{Exit, usage};
use crate::output::{self, GOOD, paint, sentence};
use crate::serve::Shutdown;

/// How long a command may take that tells the proxy.
const COMMAND: Duration = Duration::from_secs(60);
/// The pause before what has failed is tried again.
const AGAIN: Duration = Duration::from_secs(2);
/// How often the files are looked at though nothing has changed: somebody else may have written or removed one.
const LOOK: Duration = Duration::from_secs(5);

/// Runs it.
pub(super) async fn run(cli: &Cli, mirror: &Mirror) -> Result<Exit> {
    serve::log();
    let hosts = sites(&mirror.sites);
    check(mirror, &hosts)?;
    let config = Config::load(cli.config.as_deref())?;
    let (store, mut options) = serve::store_and_options(cli, &config).await?;
    options.kind = Kind::Mirror;
    options.counts = Counts::Own;
    options.takes_effect = TakesEffect::WhenSaid;
    options.serves = hosts.clone();
    options.name = Some(name::of(mirror));
    let shutdown = Shutdown::on_signals()?;
    let instance = Instance::join(Arc::clone(&store), options).await;
    let mut keeper = Keeper { mirror, hosts, written: None, failed: false, said: None };
    let mut began = false;
    let mut changes = instance.changes();
    loop {
        changes.borrow_and_update();
        let carried = keeper.keep(&config, &instance).await;
        if !std::mem::replace(&mut began, true) {
            let what = paint(GOOD, if carried { "the mirror" } else { "the mirror (which has trouble)" });
            output::line(format_args!("{what} of {} follows {}", keeper.names(), store.url()));
        }
        let again = if carried { LOOK } else { AGAIN };
        tokio::select! {
            // The sender lives as long as the instance does.
            _ = changes.changed() => {}
            () = tokio::time::sleep(again) => {}
            () = shutdown.stopped() => break,
        }
    }
    instance.leave().await;
    Ok(Exit::Done)
}

/// Refuses what can mirror nothing, or not tell one site from another.
fn check(mirror: &Mirror, hosts: &[Host]) -> Result<()> {
    let per_site = mirror.file.is_some() || mirror.page.is_some() || mirror.problem.is_some();
    if !per_site && mirror.map.is_none() {
        return Err(usage("there is nothing to keep: name a file with --file, --map or --page"));
    }
    if per_site && hosts.len() > 1 {
        return Err(usage(
            "--file, --page and --problem are about one site: run one mirror for each, or use --map",
        ));
    }
    Ok(())
}

/// Keeps the files, and knows what stands in them.
struct Keeper<'a> {
    mirror: &'a Mirror,
    hosts: Vec<Host>,
    /// What was carried out last, the command included.
    written: Option<Picture>,
    /// Whether the last try to carry something out has failed.
    failed: bool,
    /// What the report says is wrong.
    said: Option<String>,
}

// === impl Keeper ===

impl Keeper<'_> {
    /// Makes everything equal to what is in force, and whether that is done.
    async fn keep(&mut self, config: &Config, instance: &Instance) -> bool {
        // Of one moment, so that a revision is never claimed with the closings of another.
        let (state, closings) = instance.state_and_closings();
        let picture = Picture::take(&self.hosts, state.as_deref(), &closings, config);
        let outcome = self.carry_out(&picture).await;
        let carried = outcome.is_ok();
        let trouble = outcome.err().map(|why| sentence(&why)).or_else(|| picture.complaint());
        self.failed = !carried;
        if carried {
            picture.say_ignored(self.written.as_ref());
            instance.carried_out(state.as_deref(), picture.claims.clone(), picture.ignores.clone());
            self.written = Some(picture);
        }
        if self.said != trouble {
            match &trouble {
                Some(trouble) => tracing::warn!("{trouble}"),
                None => tracing::info!("the files and the proxy are as they should be again"),
            }
            instance.complain(trouble.clone());
            self.said = trouble;
        }
        carried
    }

    async fn carry_out(&self, picture: &Picture) -> Result<()> {
        let is_same = self.written.as_ref().is_some_and(|written| written.says_the_same(picture));
        let (map, flag) = (picture.map(), picture.flag());
        // The page first: nobody is to be shown that of an earlier closing.
        let files = [
            (&self.mirror.page, Some(&*picture.page)),
            (&self.mirror.problem, Some(&*picture.problem)),
            (&self.mirror.map, Some(map.as_bytes())),
            (&self.mirror.file, flag.as_deref().map(str::as_bytes)),
        ];
        let mut kept = Kept::AsItWas;
        // Each time, whatever was written before: what is claimed is what stands there now.
        for (path, bytes) in files {
            if let Some(path) = path
                && file::keep(path, bytes)? == Kept::MadeSo
            {
                if is_same {
                    tracing::warn!(
                        "somebody else had changed {}; it is as it should be again",
                        path.display()
                    );
                }
                kept = Kept::MadeSo;
            }
        }
        match &self.mirror.exec {
            Some(command) if !is_same || self.failed || kept == Kept::MadeSo => {
                tell::proxy(command, picture.strictest(), COMMAND).await
            }
            _ => Ok(()),
        }
    }

    fn names(&self) -> String {
        self.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}
