//! What must hold for every request, every document and every spelling that anybody can think of.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use backsoon::decide::{Decision, Local, Policy, Reason, decide};
use backsoon::document::{
    Colour, Health, Hold, Host, LanguageTag, Logo, Mode, Origin, Page, Palette, Redirect, RetryAfterForm,
    Robots, Site, Source, State, Window,
};
use backsoon::request::{Effect, Headers, Identity, NO_HEADERS, Request, User, UserKind};
use backsoon::rules::{Condition, Path, PathPattern, Rule, TrustedProxies};
use backsoon::snapshot::Snapshot;
use backsoon::time::Timestamp;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn policy(mode: Mode, rules: Vec<Rule>) -> Policy {
    Policy {
        local: Local::default(),
        rules: rules.into(),
        health: Health::Off,
        page: Arc::default(),
        passes: Arc::default(),
        mode,
        window: None,
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn condition(path: PathPattern) -> Condition {
    Condition { path: vec![path], ..Condition::default() }
}

// === what there can be ===

fn modes() -> impl Strategy<Value = Mode> {
    select(&Mode::ALL[..])
}

fn addresses() -> impl Strategy<Value = IpAddr> {
    prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u8; 16]>().prop_map(IpAddr::from)]
}

fn users() -> impl Strategy<Value = Identity> {
    prop_oneof![
        Just(Identity::Unasked),
        select(vec![User::ANONYMOUS, User::AUTHENTICATED, User::STAFF, User::SUPERUSER])
            .prop_map(Identity::Known)
    ]
}

/// Paths as they come: tidy, odd, and plain noise.
fn paths() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z0-9._~-]{0,6}",
        select(vec![
            "/", "//", "..", ".", ";", "%", "%2", "%2f", "%5C", "%00", "%ff", "%25", "%2e", "\\", "#", "?"
        ])
        .prop_map(str::to_owned),
        "\\PC{0,3}",
    ];
    prop_oneof![vec(piece, 0..8).prop_map(|pieces| format!("/{}", pieces.concat())), any::<String>()]
}

fn segments() -> impl Strategy<Value = Vec<String>> {
    vec("[a-z]{1,5}", 1..4)
}

fn patterns() -> impl Strategy<Value = PathPattern> {
    prop_oneof![
        segments().prop_map(|s| PathPattern::exact(&format!("/{}", s.join("/"))).unwrap()),
        segments().prop_map(|s| PathPattern::prefix(&format!("/{}", s.join("/"))).unwrap()),
        Just(PathPattern::prefix("/").unwrap()),
        segments().prop_map(|s| PathPattern::glob(&format!("/{}/**", s.join("/*/"))).unwrap()),
        segments().prop_map(|s| PathPattern::regex(&format!("/({})(/.*)?", s.join("|"))).unwrap()),
        Just(PathPattern::regex("(?s).*").unwrap()),
        Just(PathPattern::glob("/**").unwrap()),
    ]
}

fn rules() -> impl Strategy<Value = Rule> {
    let kinds = vec![UserKind::Anonymous, UserKind::Authenticated, UserKind::Staff, UserKind::Superuser];
    let when = (
        vec(patterns(), 0..3),
        vec(select(vec!["GET", "POST", "PURGE"]), 0..2),
        vec(addresses(), 0..2),
        vec(select(kinds), 0..2),
    );
    let when = when.prop_filter_map("it says nothing", |(path, method, network, user)| {
        let method = method.iter().map(|name| name.parse().unwrap()).collect();
        let network = network.iter().map(|address| address.to_string().parse().unwrap()).collect();
        let when = Condition { path, method, network, user };
        (when != Condition::default()).then_some(when)
    });
    (any::<bool>(), "\\PC{0,8}", when)
        .prop_map(|(open, name, when)| if open { Rule::open(name, when) } else { Rule::closed(name, when) })
}

/// A window whose edges lie around the first seconds of 1970, and not on whole seconds.
fn windows() -> impl Strategy<Value = Window> {
    let sources = select(vec![Source::Operator, Source::Schedule, Source::Run, Source::Code]);
    let words = (any::<String>(), any::<String>(), option::of(any::<String>()));
    let holds = (any::<u64>(), any::<usize>(), option::of(any::<std::num::NonZeroU32>()));
    let edges = (option::of(-5_000..9_000_i64), option::of(1..9_000_i64));
    (modes(), edges, sources, words, holds).prop_map(
        |(mode, (start, span), source, (by, note, message), hold)| {
            let mut window = Window::new(mode);
            let end = span.map(|span| at(start.unwrap_or(0) + span));
            (window.start, window.end, window.source) = (start.map(at), end, source);
            (window.by, window.note, window.message) = (by, note, message);
            window.hold = Hold { max_wait_ms: hold.0, max_held: hold.1, release_per_s: hold.2 };
            window
        },
    )
}

fn pages() -> impl Strategy<Value = Page> {
    let redirect = select(vec!["/down", "https://status.example.com/x?y=1"]);
    let texts = (option::of(any::<String>()), option::of(any::<String>()), option::of("[^{}]{0,20}"));
    let retry = (option::of(any::<u32>()), any::<u32>(), any::<bool>());
    let colour = || option::of(any::<[u8; 3]>().prop_map(|[r, g, b]| Colour::rgb(r, g, b)));
    let palette = || {
        (colour(), colour(), colour()).prop_map(|(accent, background, text)| Palette {
            accent,
            background,
            text,
        })
    };
    let looks = (
        option::of(select(vec!["en", "pt-BR", "ar"])),
        option::of(any::<String>()),
        option::of(select(vec!["/logo.svg", "data:image/png;base64,AAAA"])),
        palette(),
        palette(),
        vec(select(vec!["*", "https://app.example.com"]), 0..3),
        any::<bool>(),
    );
    (400..=599_u16, texts, looks, retry, option::of((redirect, any::<bool>()))).prop_map(
        |(status, texts, looks, retry, redirect)| Page {
            status: status.try_into().unwrap(),
            title: texts.0,
            message: texts.1,
            language: looks.0.map(|tag| LanguageTag::try_from(tag.to_owned()).unwrap()),
            name: looks.1,
            logo: looks.2.map(|url| Logo::try_from(url.to_owned()).unwrap()),
            colours: looks.3,
            dark: looks.4,
            retry_after: retry.0,
            retry_jitter: retry.1,
            retry_after_form: if retry.2 { RetryAfterForm::Date } else { RetryAfterForm::Seconds },
            redirect: redirect.map(|(to, kept)| Redirect::new(to, if kept { 307 } else { 302 }).unwrap()),
            cors: looks.5.into_iter().map(|origin| Origin::try_from(origin.to_owned()).unwrap()).collect(),
            announce: retry.0,
            robots: if looks.6 { Robots::Open } else { Robots::Closed },
            html: texts.2.map(|source| source.try_into().unwrap()),
        },
    )
}

fn sites() -> impl Strategy<Value = Site> {
    let health = select(vec![Health::On, Health::Off]);
    let rules = option::of(vec(rules(), 0..3));
    (vec(windows(), 0..3), rules, option::of(pages()), option::of(health)).prop_map(
        |(windows, rules, page, health)| Site {
            windows,
            rules: rules.map(Into::into),
            page: page.map(Arc::new),
            health,
        },
    )
}

/// Few names, so that they often have to do with each other.
fn hosts() -> impl Strategy<Value = Host> {
    let labels = vec(select(vec!["a", "b", "c"]), 1..4).prop_map(|labels| labels.join("."));
    let texts =
        prop_oneof![4 => labels.clone(), 4 => labels.prop_map(|l| format!("*.{l}")), 1 => Just("*".into())];
    texts.prop_map(|text| text.parse().unwrap())
}

fn states() -> impl Strategy<Value = State> {
    (sites(), btree_map(hosts(), sites(), 0..4), any::<u64>(), any::<String>()).prop_map(
        |(default, mut sites, revision, note)| {
            sites.remove(&Host::any());
            let mut state = State { default, sites, revision, ..State::new() };
            state.change.note = note;
            state
        },
    )
}

// === decisions ===

proptest! {
    #[test]
    fn closed_and_no_rule_never_passes(
        method in "[A-Z]{1,7}|\\PC{0,5}", host in any::<String>(), path in paths(), peer in option::of(addresses()),
        user in users(), fields in vec(("[a-z-]{1,15}", any::<Vec<u8>>()), 0..4),
    ) {
        let mut request = Request::new(&method, &host, &path, &fields);
        (request.peer, request.user) = (peer, user);
        let on = policy(Mode::On, vec![]);
        prop_assert!(matches!(decide(&on, &request), Decision::Refuse(Reason::Mode(Mode::On, _))));
        let hold = policy(Mode::Hold, vec![]);
        prop_assert!(matches!(decide(&hold, &request), Decision::Hold(_)));
        let read_only = policy(Mode::ReadOnly, vec![]);
        let safe = ["GET", "HEAD", "OPTIONS", "TRACE"].contains(&method.as_str())
            && !fields.iter().any(|(name, _)| name == "upgrade");
        prop_assert_eq!(matches!(decide(&read_only, &request), Decision::Admit(_)), safe);
    }

    #[test]
    fn no_request_makes_a_decision_panic(
        state in states(), local in vec(rules(), 0..2), now in -9_000..9_000_i64,
        method in any::<String>(), host in prop_oneof![any::<String>(), hosts().prop_map(|h| h.to_string())],
        path in paths(), peer in option::of(addresses()), user in users(),
        fields in vec((select(vec!["accept", "x-forwarded-for", "upgrade", "host"]), any::<Vec<u8>>()), 0..4),
        trusted in vec(addresses(), 0..2),
    ) {
        let networks = trusted.iter().chain(&peer).map(|address| address.to_string().parse().unwrap()).collect();
        let local = Local { rules: local.into(), proxies: Arc::new(TrustedProxies(networks)), ..Local::default() };
        let snapshot = Snapshot::settle(&state, &local, at(now), None);
        let site = snapshot.site(&host);
        let mut request = Request::new(&method, &host, &path, &fields);
        (request.peer, request.user) = (peer, user);
        match decide(site.policy(), &request) {
            Decision::Ask => prop_assert_eq!(request.user, Identity::Unasked),
            Decision::Refuse(reason) | Decision::Hold(reason) => {
                let reply = site.reply(&request, reason, at(now));
                prop_assert!(reply.status.as_u16() >= 302);
                prop_assert!(reply.header_map()["cache-control"] == "no-store");
            }
            decision => prop_assert!(matches!(decision, Decision::Admit(_))),
        }
    }
}

// === paths ===

/// How a path is made odd: by a piece that two servers may read differently.
const ODD: &[&str] = &[
    "%2f", "%2F", "%5c", "%5C", "\\", "//", "/../", "/./", "/%2e%2e/", "/%2E/", "/.%2e/", ";", ";a=b", "%3b",
    "%00", "%0a", "%252f", "%25", "%c0%af", "%ff", "%2-", "%zz", "#",
];

/// One way of many to write a character.
#[derive(Debug, Clone, Copy)]
enum Spelling {
    Plain,
    Escaped,
    EscapedInCapitals,
    EscapedTwice,
}

fn spell(c: char, spelling: Spelling) -> String {
    let once = |capitals: bool| {
        let byte = u32::from(c);
        if capitals { format!("%{byte:02X}") } else { format!("%{byte:02x}") }
    };
    match spelling {
        Spelling::Plain => c.to_string(),
        Spelling::Escaped => once(false),
        Spelling::EscapedInCapitals => once(true),
        Spelling::EscapedTwice => format!("%25{}", &once(false)[1..]),
    }
}

/// What some server takes for a single slash.
const SLASHES: &[&str] = &[
    "/",
    "//",
    "/./",
    "/x/../",
    "\\",
    "%2f",
    "%2F",
    "%5c",
    "%252f",
    ";v=1/",
    "/%2e/",
    "/;/",
    "/x/%2e%2e/",
    "/.;/",
    "/x/..;/",
];

proptest! {
    #[test]
    fn no_open_rule_matches_an_odd_path(
        pattern in patterns(), path in "(/[a-z]{1,5}){1,4}", odd in select(ODD), place in any::<Index>(), query in "(\\?[a-z]{0,3})?",
    ) {
        let place = 1 + place.index(path.len());
        let path = format!("{}{odd}{}{query}", &path[..place], &path[place..]);
        prop_assert!(Path::read(&path).is_odd(), "{}", path);
        prop_assert!(!pattern.matches(&Path::read(&path), Effect::Open), "{}", path);
        let rules = vec![Rule::open("open", condition(pattern))];
        let request = Request::new("GET", "any", &path, &NO_HEADERS);
        prop_assert!(matches!(decide(&policy(Mode::On, rules), &request), Decision::Refuse(_)), "{}", path);
    }

    #[test]
    fn an_open_rule_never_looks_at_the_query(prefix in segments(), path in segments(), query in "\\PC{0,20}") {
        let (prefix, path) = (format!("/{}", prefix.join("/")), format!("/{}", path.join("/")));
        let pattern = PathPattern::prefix(&prefix).unwrap();
        let with_query = format!("{path}?{query}{prefix}");
        prop_assert_eq!(
            pattern.matches(&Path::read(&with_query), Effect::Open),
            pattern.matches(&Path::read(&path), Effect::Open)
        );
    }

    #[test]
    fn a_closed_prefix_cannot_be_spelled_around(
        prefix in segments(), rest in segments(),
        spellings in vec(select(vec![
            Spelling::Plain, Spelling::Plain, Spelling::Escaped, Spelling::EscapedInCapitals, Spelling::EscapedTwice,
        ]), 40),
        slashes in vec(select(SLASHES), 8), parameter in "(;[a-z]{0,3})?", tail in "(/|\\?x=1|#x)?",
    ) {
        let pattern = PathPattern::prefix(&format!("/{}", prefix.join("/"))).unwrap();
        let mut spellings = spellings.into_iter().cycle();
        let mut path = String::new();
        for (segment, slash) in prefix.iter().chain(&rest).zip(slashes) {
            // A request target begins with a slash; a parameter needs a segment before it.
            path.push_str(if path.is_empty() && !slash.starts_with('/') { "/" } else { slash });
            path.extend(segment.chars().map(|c| spell(c, spellings.next().unwrap())));
            path.push_str(&parameter);
        }
        path.push_str(&tail);
        let rules = vec![Rule::closed("closed", condition(pattern))];
        let request = Request::new("GET", "any", &path, &NO_HEADERS);
        prop_assert!(matches!(decide(&policy(Mode::Off, rules), &request), Decision::Refuse(_)), "{}", path);
    }
}

// === who the client is ===

fn forwarded(lines: &[String]) -> Vec<(&'static str, String)> {
    lines.iter().map(|line| ("x-forwarded-for", line.clone())).collect()
}

fn address_of(proxies: &TrustedProxies, peer: IpAddr, headers: &(dyn Headers + Sync)) -> Option<IpAddr> {
    let mut request = Request::new("GET", "any", "/", headers);
    request.peer = Some(peer);
    proxies.client(&request).address
}

fn junk() -> impl Strategy<Value = String> {
    let entry = prop_oneof![
        addresses().prop_map(|address| address.to_string()),
        Just("10.0.0.9".to_owned()),
        any::<String>(),
    ];
    vec(entry, 0..4).prop_map(|entries| entries.join(","))
}

proptest! {
    #[test]
    fn an_untrusted_peer_cannot_name_another_client(peer in addresses(), lines in vec(junk(), 0..3)) {
        let proxies = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
        prop_assume!(!proxies.trusts(peer));
        prop_assert_eq!(address_of(&proxies, peer, &forwarded(&lines)), Some(peer.to_canonical()));
        prop_assert_eq!(address_of(&TrustedProxies::default(), peer, &forwarded(&lines)), Some(peer.to_canonical()));
    }

    #[test]
    fn junk_before_what_trusted_proxies_wrote_changes_nothing(
        client in addresses(), hops in vec(any::<[u8; 3]>(), 0..3), lines in vec(junk(), 0..3), same_line in any::<bool>(),
    ) {
        let proxies = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
        prop_assume!(!proxies.trusts(client));
        let hops: Vec<String> = hops.iter().map(|[a, b, c]| format!("10.{a}.{b}.{c}")).collect();
        let honest = [client.to_string()].into_iter().chain(hops).collect::<Vec<_>>().join(", ");
        let mut all = lines;
        match all.pop() {
            Some(last) if same_line => all.push(format!("{last}, {honest}")),
            last => all.extend(last.into_iter().chain([honest])),
        }
        prop_assert_eq!(address_of(&proxies, [10, 1, 2, 3].into(), &forwarded(&all)), Some(client.to_canonical()));
    }
}

// === documents ===

proptest! {
    #[test]
    fn a_state_comes_back_from_its_bytes(state in states()) {
        prop_assert_eq!(&State::from_bytes(&state.to_bytes()).unwrap(), &state);
    }

    #[test]
    fn no_bytes_make_reading_panic(state in states(), edits in vec((any::<Index>(), any::<u8>(), 0..3_u8), 1..8)) {
        let mut bytes = state.to_bytes();
        for (place, byte, kind) in edits {
            let place = place.index(bytes.len());
            match kind {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ => bytes.truncate(place.max(1)),
            }
        }
        // What can still be read is a State like any other.
        if let Ok(read) = State::from_bytes(&bytes) {
            prop_assert_eq!(&State::from_bytes(&read.to_bytes()).unwrap(), &read);
        }
    }

    #[test]
    fn noise_is_no_state(bytes in any::<Vec<u8>>()) {
        prop_assert!(State::from_bytes(&bytes).is_err());
    }
}

// === sites ===

proptest! {
    #[test]
    fn covering_is_a_partial_order(a in hosts(), b in hosts(), c in hosts()) {
        prop_assert!(a.covers(&a) && Host::any().covers(&a));
        prop_assert!(!(a.covers(&b) && b.covers(&a)) || a == b);
        prop_assert!(!(a.covers(&b) && b.covers(&c)) || a.covers(&c));
    }

    #[test]
    fn a_host_belongs_to_the_most_special_site_that_covers_it(
        written in btree_map(hosts(), Just(Site::default()), 0..6), host in "[abc](\\.[abc]){0,3}",
        decorated in any::<(bool, bool, bool, bool)>(),
    ) {
        let sites: BTreeMap<Host, Site> = written.into_iter().filter(|(host, _)| !host.is_any()).collect();
        let state = State { sites: sites.clone(), ..State::new() };
        let snapshot = Snapshot::settle(&state, &Local::default(), at(0), None);
        let name: Host = host.parse().unwrap();
        let best = sites.keys().filter(|site| site.covers(&name)).fold(Host::any(), |best, site| {
            if best.covers(site) { site.clone() } else { best }
        });
        let (upper, dot, port, user) = decorated;
        let mut sent = if upper { host.to_uppercase() } else { host };
        sent.push_str(if dot { "." } else { "" });
        sent.push_str(if port { ":8080" } else { "" });
        let sent = if user { format!("user@{sent}") } else { sent };
        prop_assert_eq!(snapshot.site(&sent).host(), &best, "{}", sent);
    }

    #[test]
    fn a_site_is_as_strict_as_the_strictest_window_that_concerns_it(state in states(), now in -9_000..9_000_i64, host in hosts()) {
        prop_assume!(host.as_str().starts_with(['a', 'b', 'c']));
        let covering = state.sites().filter(|(site, _)| site.covers(&host)).flat_map(|(_, site)| &site.windows);
        let strictest = covering.filter(|window| window.in_force(at(now))).map(|window| window.mode).max();
        let snapshot = Snapshot::settle(&state, &Local::default(), at(now), None);
        prop_assert_eq!(snapshot.site(host.as_str()).mode(), strictest.unwrap_or(Mode::Off));
    }
}

// === when to come back ===

/// The first moment from `now` on at which no window as strict as `least` is in force, found by trying them all.
fn reopens(windows: &[Window], least: Mode, now: Timestamp) -> Option<Timestamp> {
    let closes = |at: Timestamp| windows.iter().any(|window| window.mode >= least && window.in_force(at));
    let mut moments: Vec<_> =
        windows.iter().filter_map(|window| window.end).filter(|end| *end > now).collect();
    moments.push(now);
    moments.sort();
    moments.into_iter().find(|moment| !closes(*moment))
}

fn rounded_up(moment: Timestamp) -> Timestamp {
    at(moment.as_millis().div_euclid(1000) * 1000
        + if moment.as_millis().rem_euclid(1000) == 0 { 0 } else { 1000 })
}

proptest! {
    #[test]
    fn visitors_are_told_to_come_back_when_nothing_refuses_them(
        windows in vec(windows(), 1..6), now in 0..9_000_i64, method in select(vec!["GET", "POST"]), date in any::<bool>(),
    ) {
        let now = at(now);
        let form = if date { RetryAfterForm::Date } else { RetryAfterForm::Seconds };
        let page = Page { retry_after_form: form, ..Page::default() };
        let default = Site { windows: windows.clone(), page: Some(Arc::new(page)), ..Site::default() };
        let state = State { default, ..State::new() };
        let settle = |now| Snapshot::settle(&state, &Local::default(), now, None);
        let snapshot = settle(now);
        let site = snapshot.site("any");
        let request = Request::new(method, "any", "/", &NO_HEADERS);
        let decision = decide(site.policy(), &request);
        let expected = reopens(&windows, if method == "GET" { Mode::Hold } else { Mode::ReadOnly }, now);
        if let Decision::Refuse(reason) | Decision::Hold(reason) = decision {
            let reply = site.reply(&request, reason, now);
            let told = reply.retry_after.map(|value| value.to_str().unwrap().to_owned());
            let Some(moment) = expected else {
                prop_assert_eq!(told, None);
                return Ok(());
            };
            let told = told.unwrap();
            if date {
                prop_assert_eq!(told, rounded_up(moment).http_date());
            } else {
                let back = now + Duration::from_secs(told.parse().unwrap());
                prop_assert!(back >= moment && back < moment + Duration::from_secs(1), "{} {} {}", now, moment, back);
            }
            let open = settle(moment);
            prop_assert!(matches!(decide(open.site("any").policy(), &request), Decision::Admit(_)));
        } else {
            prop_assert_eq!(expected, Some(now));
        }
        prop_assert_eq!(site.reopens(), reopens(&windows, Mode::Hold, now).filter(|_| site.mode().is_closed()));
    }

    #[test]
    fn a_snapshot_is_good_until_its_next_edge(state in states(), now in -9_000..9_000_i64, later in 1..20_000_i64) {
        let modes = |now| {
            let snapshot = Snapshot::settle(&state, &Local::default(), now, None);
            let mut modes: Vec<_> = snapshot.sites().map(|site| (site.host().clone(), site.mode())).collect();
            modes.sort();
            (modes, snapshot.next_edge())
        };
        let (first, edge) = modes(at(now));
        prop_assert!(edge.is_none_or(|edge| edge > at(now)));
        if edge.is_none_or(|edge| at(now + later) < edge) {
            prop_assert_eq!(modes(at(now + later)).0, first);
        }
    }
}
