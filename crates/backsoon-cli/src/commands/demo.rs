//! `backsoon demo`: a sample site behind the gate, to try everything out.

use anyhow::Result;
use backsoon::Instance;

use super::serve::{log, options};
use crate::cli::Demo;
use crate::config::Config;
use crate::exit::Exit;
use crate::output::{self, GOOD, paint};

use crate::serve::{Gate, Shutdown, sample};

/// Runs it.
pub(super) async fn run(demo: &Demo) -> Result<Exit> {
    log();
    let folder = std::env::temp_dir().join(format!("backsoon-demo-{}", std::process::id()));
    let url = format!("file:{}", folder.display());
    let store = backsoon::store::open(&url).await?;
    let site = sample::start().await?;

    let mut config = Config::default();
    config.gate.upstream = Some(format!("http://{}", site).parse()?);
    config.gate.listen = demo.listen;
    let gate = match Gate::bind(&config.gate).await {
        Ok(gate) => gate,
        Err(_) => {
            config.gate.listen.set_port(0);
            Gate::bind(&config.gate).await?
        }
    };
    let mut join = options(&config, &url);
    join.copy = None;
    let instance = Instance::join(store, join).await;

    let shutdown = Shutdown::on_signals()?;
    let program = std::env::current_exe().ok();
    let here = std::env::current_dir().ok();
    let program = program.as_deref().map_or_else(
        || "backsoon".into(),
        |path| {
            let short = here
                .and_then(|here| path.strip_prefix(here).ok().map(|rest| format!("./{}", rest.display())));
            short.unwrap_or_else(|| path.display().to_string())
        },
    );
    output::line(format_args!("open   {}", paint(GOOD, format!("http://{}/", gate.address()))));
    output::line(format_args!("close  {program} on --store {url} --message 'Back in ten minutes' --for 10m"));
    output::line(format_args!("reopen {program} off --store {url}"));

    gate.run(instance.clone(), shutdown).await;
    instance.leave().await;
    // It is the demo's own, made above under this process's number.
    let _ = std::fs::remove_dir_all(&folder);
    Ok(Exit::Done)
}
