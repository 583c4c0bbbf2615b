//! `backsoon user`: who may sign in to the console.

use std::io::{IsTerminal as _, Read as _};

use anyhow::{Context, Result};
use backsoon::time::Timestamp;
use backsoon_console::people::{LINK_VALID, UserName};
use backsoon_console::{People, Role, first_path};
use serde::Serialize;

use super::Desk;
use super::words::local;
use crate::cli::{Cli, User, UserVerb};
use crate::config::Config;
use crate::exit::{Exit, usage};
use crate::output::{self, GOOD, paint, plain};
use crate::when;

/// The most that is read as a password from standard input, in bytes.
const LONGEST: u64 = 4096;

/// A user, for programs.
#[derive(Serialize)]
struct Shown {
    name: UserName,
    role: Role,
    has_password: bool,
    created: Timestamp,
    created_by: String,
}

/// Runs it.
pub(super) async fn run(cli: &Cli, user: &User) -> Result<Exit> {
    let desk = match &user.verb {
        UserVerb::Add { .. } | UserVerb::Link => Desk::open(cli).await?,
        _ => Desk::open_existing(cli).await?,
    };
    let people = People::new(desk.store().clone());
    let by = format!("{} by the command line", desk.control.by());
    match &user.verb {
        UserVerb::Add { name, role, no_password } => {
            let password = if *no_password { None } else { Some(password(name)?) };
            let user = people.add(name.clone(), *role, password, &by).await?;
            output::line(format_args!(
                "{}: {} may sign in as {}",
                paint(GOOD, "added"),
                user.name,
                user.role
            ));
        }
        UserVerb::Set { name, role, password: asks } => {
            let password = if *asks { Some(password(name)?) } else { None };
            let user = people.change(name, *role, password, &by).await?;
            output::line(format_args!(
                "{}: {} is {}; their sessions have ended",
                paint(GOOD, "changed"),
                user.name,
                user.role
            ));
        }
        UserVerb::List { json } => list(&people, *json).await?,
        UserVerb::Remove { name } => {
            people.remove(name, &by).await?;
            output::line(format_args!("{}: {name}; their sessions have ended", paint(GOOD, "removed")));
        }
        UserVerb::History { limit, json } => history(&people, *limit, *json).await?,
        UserVerb::Link => {
            let path = first_path(people.first_link().await?.reveal());
            output::line(link(&Config::load(cli.config.as_deref())?, &path));
            output::note(format_args!(
                "it makes the first admin, once, within {}; whoever has it can",
                when::plain(LINK_VALID)
            ));
        }
    }
    Ok(Exit::Done)
}

async fn history(people: &People, limit: usize, json: bool) -> Result<()> {
    let records = people.history().page(None, limit).await?;
    if json {
        return output::json(&records);
    }
    if records.is_empty() {
        output::line("nobody was ever added, changed or removed");
        return Ok(());
    }
    let rows: Vec<_> = records
        .iter()
        .map(|record| [local(record.at), plain(&record.sentence()), plain(&record.by)])
        .collect();
    output::table(["when", "what", "by"], &rows);
    Ok(())
}

async fn list(people: &People, json: bool) -> Result<()> {
    let users = people.list().await?;
    if json {
        let shown = users.into_iter().map(|user| Shown {
            has_password: user.password.is_some(),
            name: user.name,
            role: user.role,
            created: user.created,
            created_by: user.created_by,
        });
        return output::json(&shown.collect::<Vec<_>>());
    }
    if users.is_empty() {
        output::line("nobody can sign in yet; `backsoon user add NAME --role admin` adds somebody");
        return Ok(());
    }
    let rows: Vec<_> = users
        .iter()
        .map(|user| {
            let signs_in = if user.password.is_some() { "here" } else { "at a proxy" };
            [
                user.name.to_string(),
                user.role.to_string(),
                signs_in.to_owned(),
                local(user.created),
                plain(&user.created_by),
            ]
        })
        .collect();
    output::table(["name", "role", "signs in", "since", "added by"], &rows);
    Ok(())
}

/// From a terminal, twice and unseen; else the first line of standard input. Never an argument: everybody on the
/// machine can read those.
fn password(name: &UserName) -> Result<String> {
    if std::io::stdin().is_terminal() {
        let ask = |what: &str| rpassword::prompt_password(what).context("the password cannot be read");
        let password = ask(&format!("Password for {name}: "))?;
        if ask("Once more: ")? != password {
            return Err(usage("the two passwords differ; nothing was done"));
        }
        return Ok(password);
    }
    let mut text = String::new();
    let read = std::io::stdin().take(LONGEST).read_to_string(&mut text);
    read.context("the password cannot be read from standard input")?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// The whole URL, where the configuration says under which.
fn link(config: &Config, path: &str) -> String {
    match (config.admin.hosts.first(), config.admin.listen) {
        (Some(host), _) => format!("https://{host}{path}"),
        (None, Some(address)) => format!("http://{address}{path}"),
        (None, None) => format!("http://THE-CONSOLE{path}"),
    }
}
