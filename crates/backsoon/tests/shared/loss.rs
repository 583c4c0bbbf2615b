//! What a fleet does when its store forgets, goes back in time, holds garbage or is killed: it keeps what it knows, says
//! so, and the next `on` or `off` repairs everything.

use std::sync::Arc;
use std::time::Duration;

use backsoon::receipt::{Expect, Verdict};
use backsoon::request::NO_HEADERS;
use backsoon::store::{PutMode, Store};
use backsoon::{Admission, Control, Host, Instance, Mode, Request, State};

use super::bed::{Bed, on_all, restore};
use super::fleet::{control, eventually, join, off, on, open};

on_all! {
    an_emptied_store_opens_nobody;
    a_joiner_comes_up_closed_while_the_store_is_empty;
    an_old_backup_is_not_followed;
    garbage_is_not_followed;
}

on_all! {
    lasting:
    a_closing_outlives_a_killed_server;
}

async fn fleet(url: &str) -> [Arc<Instance>; 2] {
    [join(&open(url).await, "web-1").await, join(&open(url).await, "web-2").await]
}

async fn are(fleet: &[Arc<Instance>], mode: Mode) {
    eventually(&format!("all are {mode}"), async || fleet.iter().all(|one| one.mode("*") == mode)).await;
}

/// All of them say so in their reports.
async fn say(fleet: &[Arc<Instance>], what: &str) {
    let says = |one: &Arc<Instance>| {
        one.report().is_some_and(|report| report.troubles.iter().any(|trouble| trouble.contains(what)))
    };
    eventually(&format!("all say: {what}"), async || fleet.iter().all(says)).await;
}

/// The next `off` and `on` number above everything, all follow, and nobody complains any more.
async fn is_repaired(operator: &Control, fleet: &[Arc<Instance>], last: &State) {
    let opened = off(operator).await;
    assert!(opened.revision > last.revision, "{} after {}", opened.revision, last.revision);
    are(fleet, Mode::Off).await;
    let closed = on(operator).await;
    assert!(closed.revision > opened.revision, "{} after {}", closed.revision, opened.revision);
    let expect = Expect { sites: vec![Host::any()], instances: fleet.len(), ..Expect::default() };
    let receipt = operator.wait(&closed, &expect, Duration::from_secs(60), |_| {}).await.expect("a receipt");
    assert_eq!(receipt.verdict, Verdict::Confirmed, "{receipt:?}");
    are(fleet, Mode::On).await;
    eventually("nobody complains", async || {
        fleet.iter().all(|one| one.report().is_some_and(|report| report.troubles.is_empty()))
    })
    .await;
}

async fn an_emptied_store_opens_nobody(bed: Bed) {
    let url = bed.url("emptied").await;
    let (operator, fleet) = (control(&open(&url).await), fleet(&url).await);
    let closed = on(&operator).await;
    are(&fleet, Mode::On).await;
    bed.empty(&url).await;
    say(&fleet, "the store is empty; the last known state stays").await;
    are(&fleet, Mode::On).await;
    is_repaired(&operator, &fleet, &closed).await;
}

async fn a_joiner_comes_up_closed_while_the_store_is_empty(bed: Bed) {
    let url = bed.url("joiner").await;
    let (operator, fleet) = (control(&open(&url).await), fleet(&url).await);
    on(&operator).await;
    are(&fleet, Mode::On).await;
    bed.empty(&url).await;
    // Perhaps before anybody has noticed.
    let early = join(&open(&url).await, "early").await;
    let direct = open(&url).await;
    eventually("they hand over what they hold", async || !kept(&direct).await.is_empty()).await;
    let late = join(&open(&url).await, "late").await;
    assert_eq!(late.mode("*"), Mode::On);
    eventually("the early one has it as well", async || early.mode("*") == Mode::On).await;
}

async fn kept(store: &Arc<dyn Store>) -> Vec<backsoon::store::Entry> {
    store.list("kept/").await.unwrap_or_default()
}

async fn an_old_backup_is_not_followed(bed: Bed) {
    let url = bed.url("backup").await;
    let direct = open(&url).await;
    let (operator, fleet) = (control(&direct), fleet(&url).await);
    on(&operator).await;
    let opened = off(&operator).await;
    are(&fleet, Mode::Off).await;
    let mut backup = direct.list("").await.expect("a backup");
    backup.retain(|entry| !entry.key.starts_with("roster/"));
    let closed = on(&operator).await;
    are(&fleet, Mode::On).await;

    bed.empty(&url).await;
    restore(&direct, backup).await;
    let there = operator.read().await.expect("a state").expect("it is there");
    assert_eq!(there.revision, opened.revision, "the store went back");
    say(&fleet, &format!("went back to revision {}; revision {} stays", opened.revision, closed.revision))
        .await;
    are(&fleet, Mode::On).await;
    // The backup has no reports: whoever writes before they are there again does not know of the fleet.
    eventually("all are back on the roster", async || {
        direct.list("roster/").await.is_ok_and(|reports| reports.len() == fleet.len())
    })
    .await;
    is_repaired(&operator, &fleet, &closed).await;
}

async fn garbage_is_not_followed(bed: Bed) {
    let url = bed.url("garbage").await;
    let direct = open(&url).await;
    let (operator, fleet) = (control(&direct), fleet(&url).await);
    let mut last = on(&operator).await;
    are(&fleet, Mode::On).await;
    for garbage in [&b""[..], b"null", b"{\"schema\": 1}", b"\xff\x00{", &[b'['; 100_000]] {
        direct.put("state", garbage.to_vec().into(), PutMode::Overwrite).await.expect("garbage");
        say(&fleet, "the state in the store was not applied").await;
        are(&fleet, Mode::On).await;
        is_repaired(&operator, &fleet, &last).await;
        last = operator.read().await.expect("a state").expect("it is there");
        let aside = direct.list("damaged/").await.expect("a list");
        assert!(aside.iter().any(|entry| entry.value == garbage), "the bytes are kept");
    }
}

async fn a_closing_outlives_a_killed_server(mut bed: Bed) {
    let url = bed.url("killed").await;
    let (operator, fleet) = (control(&open(&url).await), fleet(&url).await);
    for round in 0..2 {
        // A request that runs keeps the closing pending.
        let running = fleet[0].try_admit(&Request::new("GET", "any", "/", &NO_HEADERS));
        assert!(matches!(running, Some(Admission::Admitted(_))), "round {round}");
        let closed = on(&operator).await;
        are(&fleet, Mode::On).await;
        let expect = Expect { sites: vec![Host::any()], instances: 2, ..Expect::default() };
        let pending = operator.wait(&closed, &expect, Duration::from_secs(1), |_| {}).await;
        assert_eq!(pending.expect("a receipt").verdict, Verdict::NotConfirmed);

        bed.kill().await;
        drop(running);
        let away = operator.wait(&closed, &expect, Duration::from_secs(1), |_| {}).await;
        assert!(away.is_err(), "nothing is confirmed while the store is away: {away:?}");
        bed.start_again().await;
        eventually("the store is back", async || operator.read().await.is_ok()).await;
        assert_eq!(operator.read().await.expect("a state").as_ref(), Some(&closed), "nothing was lost");
        let receipt = operator.wait(&closed, &expect, Duration::from_secs(60), |_| {}).await;
        assert_eq!(receipt.expect("a receipt").verdict, Verdict::Confirmed);
        off(&operator).await;
        are(&fleet, Mode::Off).await;
    }
}
