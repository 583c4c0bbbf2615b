//! The decision: the first rule that matches, then the mode, and the reason with it.
//!
//! In this order:
//! 1. the application's own mark on the route,
//! 2. the rules that this server brings itself (code, `backsoon.toml`), in order,
//! 3. the site's rules, in order,
//! 4. health paths,
//! 5. what belongs to the page of a closed site: `/robots.txt` and the logo,
//! 6. a valid pass,
//! 7. the mode.

use std::sync::Arc;

use crate::document::{Health, Mode, Page, PassId, Robots, WindowId};
use crate::pass::Passes;
use crate::request::{Effect, Identity, Request, User};
use crate::rules::{Facts, Match, Rule, TrustedProxies};

/// This server's own part of every decision: what its code and its `backsoon.toml` say.
#[derive(Debug, Clone, Default)]
pub struct Local {
    /// Rules that come before every site's own.
    pub rules: Arc<[Rule]>,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub proxies: Arc<TrustedProxies>,
    /// [`Health::Off`] turns the built-in rules off on this server, whatever the sites say: the one for health paths, and the
    /// one for what belongs to the page.
    pub health: Health,
}

/// All that a decision about one site rests on, settled for a moment.
#[derive(Debug, Clone)]
pub struct Policy {
    /// This server's own part.
    pub local: Local,
    /// The site's rules.
    pub rules: Arc<[Rule]>,
    /// Whether the built-in rule for health paths holds.
    pub health: Health,
    /// The site's page, which says what belongs to it.
    pub page: Arc<Page>,
    /// Who goes through its closings.
    pub passes: Arc<Passes>,
    /// How closed the site is.
    pub mode: Mode,
    /// The window that makes it so.
    pub window: Option<WindowId>,
}

/// What is to be done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision<'a> {
    /// Let it pass.
    Admit(Reason<'a>),
    /// Answer it in place of the application.
    Refuse(Reason<'a>),
    /// Let it wait for the reopening.
    Hold(Reason<'a>),
    /// It depends on the user: ask the application once, and decide again.
    Ask,
}

/// Who decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason<'a> {
    /// The application's mark on the route.
    Mark,
    /// A rule that this server brings itself.
    Local(&'a Rule),
    /// A rule of the site.
    Site(&'a Rule),
    /// The built-in rule that keeps health paths open.
    Health,
    /// The built-in rule that keeps open what belongs to the page: `/robots.txt` and the logo.
    Page,
    /// The pass that the request bears; without it the mode would not let it through.
    Pass(&'a PassId),
    /// The mode, and the window behind it unless the mode is off.
    Mode(Mode, Option<&'a WindowId>),
}

/// A [`Reason`] that outlives the policy: for logs, metrics and the behaviour table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// `mark`, `local`, `rule`, `health`, `page`, `pass` or `mode`; `link` for the answer to the link of a pass.
    pub by: &'static str,
    /// Of a rule or of a pass. One field for both, since every permit carries it.
    name: Option<Arc<str>>,
}

/// What a [`Cause`] calls the mode.
const MODE: &str = "mode";

/// Decides about `request`. Pure: the same arguments give the same decision, at any time and on any machine.
///
/// [`Decision::Ask`] is returned only if the user is [`Identity::Unasked`] and some answer would change what is done.
#[inline]
pub fn decide<'a>(policy: &'a Policy, request: &Request<'_>) -> Decision<'a> {
    // The common case, an open site without exceptions, pays for nothing else.
    if request.route.is_none()
        && policy.local.rules.is_empty()
        && policy.rules.is_empty()
        && policy.mode == Mode::Off
    {
        return Decision::Admit(Reason::Mode(Mode::Off, None));
    }
    weigh(policy, request)
}

fn weigh<'a>(policy: &'a Policy, request: &Request<'_>) -> Decision<'a> {
    match first_match(policy, request) {
        Decision::Ask => {
            let known = |user| first_match(policy, &Request { user: Identity::Known(user), ..*request });
            let first = known(User::ANONYMOUS);
            let same = |other: Decision<'_>| std::mem::discriminant(&other) == std::mem::discriminant(&first);
            if User::EVERY.into_iter().all(|user| same(known(user))) { first } else { Decision::Ask }
        }
        decided => decided,
    }
}

fn first_match<'a>(policy: &'a Policy, request: &Request<'_>) -> Decision<'a> {
    if let Some(effect) = request.route {
        return by(effect, Reason::Mark);
    }
    let facts = Facts::new(request, &policy.local.proxies);
    let local = policy.local.rules.iter().map(|rule| (rule, Reason::Local(rule)));
    let site = policy.rules.iter().map(|rule| (rule, Reason::Site(rule)));
    for (rule, reason) in local.chain(site) {
        match rule.when.matches(&facts, rule.then) {
            Match::Yes => return by(rule.then, reason),
            Match::Ask => return Decision::Ask,
            Match::No => {}
        }
    }
    if policy.health == Health::On && policy.local.health == Health::On && is_health(request) {
        return Decision::Admit(Reason::Health);
    }
    if policy.local.health == Health::On && belongs_to(&policy.page, request) {
        return Decision::Admit(Reason::Page);
    }
    let reason = Reason::Mode(policy.mode, policy.window.as_ref());
    let shut = match policy.mode {
        Mode::Off => return Decision::Admit(reason),
        Mode::ReadOnly if request.is_safe() => return Decision::Admit(reason),
        Mode::ReadOnly | Mode::On => Decision::Refuse(reason),
        Mode::Hold => Decision::Hold(reason),
    };
    // Only here: an open site reads no cookies.
    policy.passes.bearer(request).map_or(shut, |pass| Decision::Admit(Reason::Pass(pass)))
}

fn by<'a>(effect: Effect, reason: Reason<'a>) -> Decision<'a> {
    match effect {
        Effect::Open => Decision::Admit(reason),
        Effect::Closed => Decision::Refuse(reason),
    }
}

/// As with health paths, exactly as sent.
fn belongs_to(page: &Page, request: &Request<'_>) -> bool {
    let path = request.path.split_once('?').map_or(request.path, |(path, _)| path);
    matches!(request.method, "GET" | "HEAD")
        && (path == "/robots.txt" && page.robots == Robots::Open
            || page.logo.as_ref().and_then(|logo| logo.path()).is_some_and(|logo| logo == path))
}

/// Exactly these paths, as sent: a health probe has no reason to spell them otherwise.
fn is_health(request: &Request<'_>) -> bool {
    let path = request.path.split_once('?').map_or(request.path, |(path, _)| path);
    matches!(request.method, "GET" | "HEAD") && matches!(path, "/healthz" | "/livez" | "/readyz")
}

// === impl Decision ===

impl<'a> Decision<'a> {
    /// Who decided; nobody has, if the user must be asked for.
    pub fn reason(&self) -> Option<Reason<'a>> {
        match *self {
            Self::Admit(reason) | Self::Refuse(reason) | Self::Hold(reason) => Some(reason),
            Self::Ask => None,
        }
    }
}

// === impl Reason ===

impl<'a> Reason<'a> {
    /// The same for keeping.
    pub fn cause(&self) -> Cause {
        let by = match self {
            Self::Mark => "mark",
            Self::Local(_) => "local",
            Self::Site(_) => "rule",
            Self::Health => "health",
            Self::Page => "page",
            Self::Pass(_) => "pass",
            Self::Mode(..) => MODE,
        };
        let name = match self {
            Self::Local(rule) | Self::Site(rule) => Some(&rule.name),
            Self::Pass(id) => Some(id.shared()),
            _ => None,
        };
        Cause::new(by, name.map(Arc::clone))
    }

    /// The rule that decided, if a rule did.
    pub fn rule(&self) -> Option<&'a Rule> {
        match self {
            Self::Local(rule) | Self::Site(rule) => Some(rule),
            _ => None,
        }
    }
}

/// In a sentence for operators; it does not say whose window it is.
impl std::fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mark => f.write_str("the application's own mark on the route"),
            Self::Local(rule) => write!(f, "rule `{}` of this server ({})", rule.name, rule.when),
            Self::Site(rule) => write!(f, "rule `{}` of the site ({})", rule.name, rule.when),
            Self::Pass(id) => write!(f, "the cookie of pass {id}"),
            Self::Health => f.write_str("the built-in rule keeps health paths open"),
            Self::Page => {
                f.write_str("the built-in rule keeps open what belongs to the page: /robots.txt and the logo")
            }
            Self::Mode(_, None) => f.write_str("the site is open, and no rule says otherwise"),
            Self::Mode(mode, Some(id)) => write!(f, "the mode is {mode} because of window {id}"),
        }
    }
}

// === impl Cause ===

impl Cause {
    /// Who decided, and the name of the rule or the pass by which.
    pub fn new(by: &'static str, name: Option<Arc<str>>) -> Self {
        Self { by, name }
    }

    /// Whether it was the mode, and so the window behind it.
    pub(crate) fn is_the_mode(&self) -> bool {
        self.by == MODE
    }

    /// The name of the rule that decided, if a rule did.
    pub fn rule(&self) -> Option<&Arc<str>> {
        self.name.as_ref().filter(|_| !self.is_of_a_pass())
    }

    /// The name of the pass that let the request through, or whose link was opened.
    pub fn pass(&self) -> Option<&Arc<str>> {
        self.name.as_ref().filter(|_| self.is_of_a_pass())
    }

    fn is_of_a_pass(&self) -> bool {
        matches!(self.by, "pass" | "link")
    }
}
