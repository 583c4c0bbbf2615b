//! Passes over time and against hostile shapes: what the behaviour table, which knows one moment and whole cookies,
//! cannot say.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::time::Duration;

use backsoon::control::{Control, Error};
use backsoon::decide::Local;
use backsoon::document::{MOST_PASSES, Mode, Pass, PassId, SCHEMA, State, Window};
use backsoon::instance::Applied;
use backsoon::pass::{Invitation, PREFIX, redacted};
use backsoon::request::Request;
use backsoon::snapshot::Snapshot;
use backsoon::time::Timestamp;
use backsoon::{Admission, Host, Instance, Marks, store};
use proptest::prelude::*;

const HOUR: Duration = Duration::from_secs(3600);

fn invitation(site: &str, now: Timestamp) -> Invitation {
    Invitation::new("Ann", site.parse().unwrap(), "the tests", now, HOUR).unwrap()
}

/// A closed state that has the passes of `invitations`.
fn closed(invitations: &[&Invitation]) -> State {
    let mut state = State { revision: 1, ..State::new() };
    state.default.windows.push(Window::new(Mode::On));
    invitations.iter().for_each(|invitation| invitation.put_into(&mut state));
    state
}

fn door(state: &State) -> Arc<Instance> {
    let instance = Instance::new(Local::default(), Marks::new());
    assert_eq!(instance.apply(state, Timestamp::now()), Applied::Now);
    instance
}

/// The same wishes with `edit`, as the next revision.
fn next(state: &State, edit: impl FnOnce(&mut State)) -> State {
    let mut state = State { revision: state.revision + 1, ..state.clone() };
    edit(&mut state);
    state
}

fn answer(instance: &Instance, host: &str, path: &str, cookies: &[Vec<u8>]) -> Admission {
    let headers: Vec<(&str, Vec<u8>)> = cookies.iter().map(|cookie| ("cookie", cookie.clone())).collect();
    instance.try_admit(&Request::new("GET", host, path, &headers)).unwrap()
}

/// The pass by which a request with `cookie` is let through.
fn through(instance: &Instance, host: &str, cookie: &str) -> Option<PassId> {
    match answer(instance, host, "/", &[cookie.as_bytes().to_vec()]) {
        Admission::Admitted(permit) => permit.pass().map(|pass| pass.parse().unwrap()),
        Admission::Refused(..) => None,
    }
}

/// The cookie that the link sets, if it sets one.
fn open(instance: &Instance, host: &str, path: &str) -> Option<String> {
    let Admission::Refused(reply, cause) = answer(instance, host, path, &[]) else {
        panic!("{path} was admitted")
    };
    assert_eq!(cause.by, "link");
    let set = reply.headers.get("set-cookie")?.to_str().unwrap();
    Some(set.split(';').next().unwrap().to_owned())
}

#[test]
fn a_cookie_opens_what_its_link_was_made_for() {
    let invitation = invitation("*.example.com", Timestamp::now());
    let instance = door(&closed(&[&invitation]));
    let cookie = open(&instance, "shop.example.com", &invitation.link.path()).unwrap();
    assert_eq!(through(&instance, "shop.example.com", &cookie), Some(invitation.pass.id.clone()));
    assert_eq!(through(&instance, "blog.example.com:8443", &cookie), Some(invitation.pass.id.clone()));
    assert_eq!(through(&instance, "example.com", &cookie), None);
    assert_eq!(open(&instance, "example.com", &invitation.link.path()), None);
}

#[test]
fn a_pass_ends_at_its_expiry_without_any_write() {
    let now = Timestamp::now();
    let invitation = invitation("*", now);
    let state = closed(&[&invitation]);
    let instance = door(&state);
    let cookie = open(&instance, "a.example", &invitation.link.path()).unwrap();
    assert_eq!(instance.next_edge(), Some(invitation.pass.expires), "somebody wakes up for it");
    instance.turn_edge(invitation.pass.expires - Duration::from_millis(1));
    assert!(through(&instance, "a.example", &cookie).is_some());
    instance.turn_edge(invitation.pass.expires);
    assert_eq!(through(&instance, "a.example", &cookie), None);
    assert_eq!(open(&instance, "a.example", &invitation.link.path()), None);
}

#[test]
fn a_pass_ends_with_the_revision_that_revokes_it_or_changes_it() {
    let now = Timestamp::now();
    let (mine, other) = (invitation("*", now), invitation("*", now));
    let before = closed(&[&mine, &other]);
    let instance = door(&before);
    let cookie = open(&instance, "a.example", &mine.link.path()).unwrap();
    let others = open(&instance, "a.example", &other.link.path()).unwrap();

    let longer = next(&before, |state| state.passes[0].expires = state.passes[0].expires + HOUR);
    let moved = next(&before, |state| state.passes[0].site = "*.example".parse().unwrap());
    let revoked = next(&before, |state| assert!(state.revoke(&mine.pass.id).is_some()));
    for changed in [longer, moved, revoked] {
        let instance = door(&changed);
        assert_eq!(through(&instance, "a.example", &cookie), None);
        assert!(through(&instance, "a.example", &others).is_some(), "one of another's is as it was");
    }
}

#[test]
fn with_the_last_pass_go_the_keys() {
    let first = invitation("*", Timestamp::now());
    let before = closed(&[&first]);
    let cookie = open(&door(&before), "a.example", &first.link.path()).unwrap();
    // The very same pass again, in a document with another key.
    let mut again = closed(&[&invitation("*", Timestamp::now())]);
    again.passes = vec![first.pass.clone()];
    assert_eq!(through(&door(&again), "a.example", &cookie), None);
}

#[test]
fn a_pass_is_no_reason_to_drain_and_closes_nothing() {
    let invitation = invitation("*", Timestamp::now());
    let before = closed(&[&invitation]);
    let instance = door(&before);
    let cookie = open(&instance, "a.example", &invitation.link.path()).unwrap();
    let running = answer(&instance, "a.example", "/", &[cookie.into_bytes()]);
    assert!(matches!(running, Admission::Admitted(_)));
    let _ = instance.apply(&next(&before, |state| state.passes.clear()), Timestamp::now());
    assert!(instance.draining().is_empty(), "whoever was let in may finish");
    drop(running);
}

#[test]
fn a_site_that_no_pass_opens_stays_the_same_site() {
    let mut state = closed(&[]);
    state.site_mut(&"shop.example.com".parse().unwrap());
    let now = Timestamp::now();
    let before = Snapshot::settle(&state, &Local::default(), now, None);
    invitation("blog.example.com", now).put_into(&mut state);
    let after = Snapshot::settle(&state, &Local::default(), now, Some(&before));
    assert!(Arc::ptr_eq(before.site("shop.example.com"), after.site("shop.example.com")));
    assert!(!Arc::ptr_eq(before.site("blog.example.com"), after.site("blog.example.com")));
}

#[test]
fn a_document_shows_its_keys_to_the_store_alone() {
    let state = closed(&[&invitation("*", Timestamp::now())]);
    let kept: serde_json::Value = serde_json::from_slice(&state.to_bytes()).unwrap();
    let key = kept["keys"].as_object().unwrap().values().next().unwrap().as_str().unwrap();
    assert_eq!(key.len(), 64);
    for shown in [serde_json::to_string(&state).unwrap(), format!("{state:?}")] {
        assert!(!shown.contains(key), "{shown}");
    }
    assert_eq!(State::from_bytes(&state.to_bytes()).unwrap(), state, "and reads them again");
    let text = String::from_utf8(state.to_bytes()).unwrap().replace(key, "5ecret");
    let why = State::from_bytes(text.as_bytes()).unwrap_err().to_string();
    assert!(why.contains("64 hexadecimal digits") && !why.contains("5ecret"), "{why}");
}

#[test]
fn what_is_shown_of_an_invitation_has_no_secret() {
    let invitation = invitation("*", Timestamp::now());
    let secret = invitation.link.path().rsplit('.').next().unwrap().to_owned();
    assert_eq!(secret.len(), 40);
    for shown in
        [format!("{invitation:?}"), invitation.note(), redacted(&invitation.link.path()).into_owned()]
    {
        assert!(!shown.contains(&secret), "{shown}");
    }
}

#[test]
fn no_spelling_of_a_link_brings_its_secret_into_a_log() {
    let link = "/.well-known/backsoon/pass/p-x.5ec2e7";
    for spelled in [
        link.to_owned(),
        format!("{link}?to=/cart"),
        format!("/{link}"),
        format!("{link}/../../../../cart"),
        format!("/shop{link}"),
        format!("/shop/..{link}"),
        link.replace("pass/", "pass%2f"),
        link.replace("pass/", "pass%252F"),
        link.replace("pass/", "pass\\"),
        link.replace("pass/", "pass;"),
        link.replace("pass/", "pass//"),
        link.replace("/backsoon", ";a=b/backsoon"),
        link.replace("well-known", "%77ell%2Dknown"),
        link.replace('.', "%2E"),
    ] {
        assert_eq!(redacted(&spelled), format!("{PREFIX}…"), "{spelled}");
    }
    for plain in ["/", "/cart?to=/.well-known/backsoon/pass/", "/.well-known/security.txt", "/100%25", "//a"]
    {
        assert_eq!(redacted(plain), plain);
    }
}

#[tokio::test]
async fn only_a_document_with_passes_needs_a_newer_reader() {
    let control = Control::new(store::open("memory:").await.unwrap(), "ann");
    control.begin(&Host::any(), Window::new(Mode::On)).await.unwrap();
    let schema = async || control.read().await.unwrap().unwrap().schema;
    assert_eq!(schema().await, 1);
    let invitation = invitation("*", Timestamp::now());
    control.invite(&invitation).await.unwrap();
    assert_eq!(schema().await, SCHEMA);
    control.revoke(&invitation.pass.id).await.unwrap();
    assert_eq!(schema().await, 1);
    assert!(control.read().await.unwrap().unwrap().keys.is_empty());
}

#[tokio::test]
async fn passes_that_are_over_go_with_the_next_change_of_anybody() {
    let control = Control::new(store::open("memory:").await.unwrap(), "ann");
    let (past, valid) = (Timestamp::now() - HOUR - HOUR, Timestamp::now());
    control.invite(&invitation("*", valid)).await.unwrap();
    // As if it had been made two hours ago: the writer of it drops it at once.
    control.invite(&invitation("*", past)).await.unwrap();
    assert_eq!(control.read().await.unwrap().unwrap().passes.len(), 1);
}

#[tokio::test]
async fn there_are_only_so_many_passes_at_once() {
    let control = Control::new(store::open("memory:").await.unwrap(), "ann");
    let now = Timestamp::now();
    control
        .update("many", |state| {
            let first = invitation("*", now);
            first.put_into(state);
            let more = (1..MOST_PASSES).map(|_| Pass { id: PassId::random(), ..first.pass.clone() });
            state.passes.extend(more);
            Ok::<_, String>(())
        })
        .await
        .unwrap();
    let one_more = control.invite(&invitation("*", now)).await;
    let Err(Error::Refused(why)) = one_more else { panic!("{one_more:?}") };
    assert!(why.contains("1001 passes") && why.contains("pass revoke"), "{why}");
}

/// A site whose pass is known, and a valid cookie for it.
fn bed() -> (Arc<Instance>, String) {
    let invitation = invitation("shop.example.com", Timestamp::now());
    let instance = door(&closed(&[&invitation]));
    let cookie = open(&instance, "shop.example.com", &invitation.link.path()).unwrap();
    (instance, cookie)
}

proptest! {
    #[test]
    fn no_header_is_a_pass_that_nobody_has_signed(fields in prop::collection::vec(any::<Vec<u8>>(), 0..4)) {
        let (instance, _) = bed();
        let refused = matches!(answer(&instance, "shop.example.com", "/", &fields), Admission::Refused(..));
        prop_assert!(refused);
    }

    #[test]
    fn a_cookie_with_any_byte_changed_is_none(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (instance, cookie) = bed();
        let mut changed = cookie.clone().into_bytes();
        let at = at.index(changed.len());
        prop_assume!(changed[at] != byte);
        changed[at] = byte;
        let refused = matches!(answer(&instance, "shop.example.com", "/", &[changed]), Admission::Refused(..));
        prop_assert!(refused);
    }

    #[test]
    fn a_cookie_cut_anywhere_is_none(at in any::<prop::sample::Index>()) {
        let (instance, cookie) = bed();
        let cut = cookie.as_bytes()[..at.index(cookie.len())].to_vec();
        let refused = matches!(answer(&instance, "shop.example.com", "/", &[cut]), Admission::Refused(..));
        prop_assert!(refused);
    }

    #[test]
    fn whatever_host_is_asked_for_a_pass_opens_its_own_alone(host in ".{0,40}") {
        let (instance, cookie) = bed();
        let named = host.to_ascii_lowercase().contains("shop.example.com");
        prop_assert!(named || through(&instance, &host, &cookie).is_none());
    }

    #[test]
    fn a_path_below_the_links_never_reaches_the_application(rest in ".{0,80}") {
        let invitation = invitation("*", Timestamp::now());
        let mut open = closed(&[&invitation]);
        open.default.windows.clear();
        let path = format!("{PREFIX}{rest}");
        let refused = matches!(answer(&door(&open), "a.example", &path, &[]), Admission::Refused(..));
        prop_assert!(refused);
    }

    #[test]
    fn a_link_leads_nowhere_but_to_a_path_of_the_same_host(to in ".{0,60}") {
        let invitation = invitation("*", Timestamp::now());
        let path = format!("{}?to={to}", invitation.link.path());
        let answer = answer(&door(&closed(&[&invitation])), "a.example", &path, &[]);
        let Admission::Refused(reply, _) = answer else { panic!("{path} was admitted") };
        let location = reply.headers["location"].to_str().unwrap();
        prop_assert!(location.starts_with('/') && !location.starts_with("//"), "{location}");
        prop_assert!(location.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\'), "{location}");
    }
}
