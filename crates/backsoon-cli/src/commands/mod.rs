//! The verbs, one per file, and the desk at which an operator uses them.

#[cfg(feature = "console")]
mod admin;
mod apply;
mod check;
mod child;
mod closed;
mod demo;
mod desk;
mod explain;
mod exposed;
mod fleet;
mod guard;
mod history;
mod impact;
mod mirror;
mod off;
mod on;
mod page;
mod pass;
mod rollback;
mod run;
mod serve;
mod signals;
mod standing;
mod status;
#[cfg(feature = "console")]
mod token;
#[cfg(feature = "console")]
mod user;
mod wait;
#[cfg(feature = "webhooks")]
mod webhook;
mod words;
mod written;

use anyhow::{Context, Result};
use clap::CommandFactory;

use self::desk::Desk;
use crate::cli::{Cli, Verb};
use crate::exit::Exit;
use crate::output;

/// Runs the verb.
///
/// # Errors
/// In sentences that name what is wrong and the way out.
pub fn run(cli: &Cli) -> Result<Exit> {
    if let Verb::Completions(completions) = &cli.verb {
        let mut script = Vec::new();
        clap_complete::generate(completions.shell, &mut Cli::command(), "backsoon", &mut script);
        output::verbatim(&script)?;
        return Ok(Exit::Done);
    }
    let mut runtime = match cli.verb {
        // One thread needs no others to hand work to.
        Verb::Serve(_) | Verb::Demo(_)
            if std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) =>
        {
            tokio::runtime::Builder::new_multi_thread()
        }
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    runtime.enable_all().build().context("cannot start")?.block_on(async {
        match &cli.verb {
            Verb::On(on) => on::run(&Desk::open(cli).await?, on).await,
            Verb::Run(run) => run::run(cli, run).await,
            Verb::Guard(guard) => guard::run(cli, guard).await,
            Verb::Off(off) => off::run(&Desk::open_existing(cli).await?, off).await,
            Verb::Pass(pass) => pass::run(cli, pass).await,
            Verb::Status(status) => status::run(cli, status).await,
            Verb::Fleet(fleet) => fleet::run(&Desk::open_existing(cli).await?, fleet).await,
            Verb::Explain(explain) => explain::run(cli, explain).await,
            Verb::History(history) => history::run(&Desk::open_existing(cli).await?, history).await,
            Verb::Rollback(rollback) => rollback::run(&Desk::open_existing(cli).await?, rollback).await,
            Verb::Apply(apply) => apply::run(cli, apply).await,
            Verb::Page(page) => page::run(cli, page).await,
            Verb::Check => check::run(cli).await,
            #[cfg(feature = "webhooks")]
            Verb::Webhook(webhook) => webhook::run(cli, webhook).await,
            Verb::Mirror(mirror) => mirror::run(cli, mirror).await,
            Verb::Serve(serve) => serve::run(cli, serve).await,
            #[cfg(feature = "console")]
            Verb::User(user) => user::run(cli, user).await,
            #[cfg(feature = "console")]
            Verb::Token(token) => token::run(cli, token).await,
            Verb::Demo(demo) => demo::run(demo).await,
            Verb::Completions(_) => Ok(Exit::Done),
        }
    })
}
