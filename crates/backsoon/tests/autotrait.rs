//! Every public type can be sent to and shared between threads: a field added without thought would take that away
//! from everybody who stores one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::Path;

/// Checks the types where they are compiled, and lists their names.
macro_rules! shared_between_threads {
    ($($(#[$when:meta])? $module:path => $($name:ident $(<$of:tt>)?),* ;)*) => {
        const LISTED: &[&str] = &[$($(stringify!($name),)*)*];

        #[test]
        fn every_listed_type_is_send_and_sync() {
            fn check<T: Send + Sync>() {}
            $($(#[$when])? {
                #[allow(clippy::wildcard_imports, reason = "the list names what it takes from there")]
                use $module as module;
                $(check::<module::$name $(<$of>)?>();)*
            })*
        }
    };
}

shared_between_threads! {
    backsoon::request => Request<'_>, Effect, Identity, Scheme, User, UserKind;
    backsoon::rules => Rule, Condition, Method, NotAMethod, Network, NotANetwork, TrustedProxies, Client, Because,
        Path<'_>, PathPattern, NotAPattern, Marks;
    backsoon::document => State, Lineage, Change, Site, Health, Unreadable, Host, NotAHost, Mode, NotAMode, Window,
        WindowId, NotAWindow, NeverInForce, Source, Hold, Page, Status, NotARefusal, RetryAfterForm, Redirect,
        NotARedirect, Template, NotATemplate, Pass, PassId, NotAPass, SecretHash, Keys, Key, Closing, Ends, NotAClosing,
        Added, Scheduled, Amendment, NotAmended, Colour, NotAColour, LanguageTag, NotALanguage, Logo, NotALogo, Palette,
        Origin, NotAnOrigin, Robots;
    backsoon::pass => Passes, Invitation, NotInvited, Link, NotAPlace;
    backsoon::decide => Local, Policy, Decision<'_>, Reason<'_>, Cause;
    backsoon::accept => Form;
    backsoon::reply => Reply;
    backsoon::reply::rehearse => Occasion, Rehearsed, Unfit;
    backsoon::snapshot => Snapshot, Settled, Closed;
    backsoon::inspect => Flaw;
    backsoon::store => Entry, Version, PutMode, Error, MemoryStore;
    #[cfg(feature = "file")] backsoon::store => FileStore;
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))] backsoon::store => SqlStore;
    #[cfg(feature = "redis")] backsoon::store => RedisStore;
    #[cfg(feature = "object")] backsoon::store => ObjectStore;
    #[cfg(feature = "http")] backsoon::store => HttpStore;
    backsoon::control => Control, Found, Opens, Outcome, Error;
    backsoon::during => Kept;
    backsoon::fleet => Report, Kind, Place, Roster, Member, Life, Lease, Lookout, OnLost, Holding, NotForgotten, NotClaimed,
        UnknownSite, Counts;
    backsoon::running => Running, Cut;
    backsoon::tally => Tally, Seen, Waits;
    backsoon::impact => Impact, PassUse;
    backsoon::receipt => Expect, Lost, Receipt, Verdict, Server, ServerCut, Ended, Late;
    backsoon::instance => Instance, Admission, Permit, HandedOn, Applied, Standing, JobRefused, Hesitation, Upcoming;
    backsoon::join => Options, OnUnknown, TakesEffect;
    backsoon::time => Timestamp, NotATime;
    backsoon::adapters => Peer;
    #[cfg(feature = "tower")] backsoon::adapters::tower => MaintenanceLayer, Maintenance<()>, ResponseBody<()>, CutShort;
    #[cfg(feature = "axum")] backsoon::adapters::axum => Closable;
    #[cfg(feature = "actix")] backsoon::adapters::actix => Maintenance;
    #[cfg(feature = "testing")] backsoon::testing::behaviour => Case, Sent, Answer;
    #[cfg(feature = "testing")] backsoon::testing::store => Failure;
}

/// They stay on the thread of their connection or of their worker, as the frameworks want it.
const STAY_AT_HOME: &[&str] = &["ResponseFuture", "MaintenanceMiddleware", "Body"];

fn public_types(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            public_types(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                let line = line.trim_start();
                let rest = ["pub struct ", "pub enum "].iter().find_map(|start| line.strip_prefix(start));
                found.extend(
                    rest.map(|rest| rest.chars().take_while(|c| c.is_alphanumeric()).collect::<String>()),
                );
            }
        }
    }
}

#[test]
fn every_public_type_is_listed() {
    let mut found = BTreeSet::new();
    public_types(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let listed: BTreeSet<String> = LISTED.iter().chain(STAY_AT_HOME).map(|name| (*name).to_owned()).collect();
    assert_eq!(found, listed);
}

/// What is awaited in a server's task must be able to move between threads with it.
#[test]
fn what_is_awaited_can_move() {
    use backsoon::request::NO_HEADERS;
    use backsoon::{Control, Host, Instance, Marks, Mode, Request, Window};

    fn check<T: Send>(_: T) {}
    let instance = Instance::new(Default::default(), Marks::new());
    let request = Request::new("GET", "any", "/", &NO_HEADERS);
    check(instance.admit(&request));
    check(instance.drained());
    check(instance.closed());
    let store = std::sync::Arc::new(backsoon::store::MemoryStore::new());
    check(Instance::join(store.clone(), Default::default()));
    let control = Control::new(store, "test");
    check(control.read());
    check(control.update("", |_| Ok::<_, String>(())));
    let host = Host::any();
    check(control.during(&host, Window::new(Mode::On), async {}));
}
