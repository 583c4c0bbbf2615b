//! One console over one store and one instance.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use backsoon::store::Store;
use backsoon::{Control, Instance};
use minijinja::Environment;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::api::events::News;
use crate::api::since::Since;
use crate::caller::Caller;
use crate::figures::{self, Figures};
use crate::guard::guard;
use crate::known::Known;
use crate::limits::Limits;
use crate::looks::{self, Looks};
use crate::named::Named;
use crate::options::Unusable;
use crate::people::{NotDone, People};
use crate::sessions::Sessions;
use crate::tokens::Tokens;
use crate::{Options, api, listener, pages};

/// The largest body that is read, in bytes.
const LARGEST: usize = 64 * 1024;

/// A console, and the tasks that gather its news, its figures and its looks.
#[derive(Debug)]
pub struct Console {
    desk: Arc<Desk>,
    _tasks: [AbortOnDropHandle<()>; 3],
}

/// What all handlers work with.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) instance: Arc<Instance>,
    pub(crate) options: Options,
    pub(crate) people: People,
    pub(crate) tokens: Tokens,
    pub(crate) sessions: Sessions,
    pub(crate) limits: Limits,
    pub(crate) known: Known,
    pub(crate) named: Named,
    pub(crate) since: Arc<Since>,
    pub(crate) news: News,
    pub(crate) figures: Figures,
    pub(crate) looks: Looks,
    /// Places for those who listen to the store itself.
    pub(crate) listeners: Arc<tokio::sync::Semaphore>,
    pub(crate) templates: Environment<'static>,
    hosts: Vec<String>,
}

// === impl Console ===

impl Console {
    /// A console for `store`, on the server whose door is `instance`. Call it within a tokio runtime.
    ///
    /// # Errors
    /// When the options do not fit together.
    pub fn new(store: Arc<dyn Store>, instance: Arc<Instance>, options: Options) -> Result<Self, Unusable> {
        options.check()?;
        let desk = Arc::new(Desk {
            people: People::new(Arc::clone(&store)),
            tokens: Tokens::new(Arc::clone(&store)),
            sessions: Sessions::new(Arc::clone(&store), options.idle, options.absolute),
            limits: Limits::new(),
            known: Known::default(),
            named: Named::default(),
            since: Arc::default(),
            news: News::default(),
            figures: Figures::default(),
            looks: Looks::default(),
            listeners: Arc::new(tokio::sync::Semaphore::new(api::store::hints::LISTENERS)),
            templates: pages::templates(),
            hosts: hosts(&options),
            store,
            instance,
            options,
        });
        let news = tokio::spawn(api::events::gather(Arc::clone(&desk)));
        let figures = tokio::spawn(figures::watch(Arc::clone(&desk)));
        let looks = tokio::spawn(looks::keep(Arc::clone(&desk)));
        Ok(Self { desk, _tasks: [news, figures, looks].map(AbortOnDropHandle::new) })
    }

    /// All that it answers. The service must be given the peer's address (axum's `ConnectInfo<SocketAddr>`).
    pub fn router(&self) -> Router {
        let desk = &self.desk;
        Router::new()
            .nest("/api/v1", api::router())
            .merge(pages::router().layer(from_fn_with_state(Arc::clone(desk), pages::for_people)))
            .fallback(api::nothing_here)
            .method_not_allowed_fallback(api::not_this_method)
            .layer(DefaultBodyLimit::max(LARGEST))
            .layer(from_fn(api::hush))
            .layer(from_fn_with_state(Arc::clone(desk), guard))
            .with_state(Arc::clone(desk))
    }

    /// Answers on `socket` until the future is dropped.
    pub async fn serve(self, socket: TcpListener) {
        let router = self.router();
        listener::serve(socket, router).await;
    }

    /// The path of a link that makes the first admin, once, within a quarter of an hour.
    ///
    /// # Errors
    /// [`NotDone::AlreadyPeople`] once there are users, or when the store is away.
    pub async fn first_link(&self) -> Result<String, NotDone> {
        Ok(first_path(self.desk.people.first_link().await?.reveal()))
    }

    /// The URL of `path` on `address`, under the first name of this console.
    pub fn url(&self, address: SocketAddr, path: &str) -> String {
        match self.desk.options.hosts.first() {
            // Whoever gives it a name has a proxy for it.
            Some(name) => format!("https://{name}{path}"),
            None => format!("http://{address}{path}"),
        }
    }
}

/// Where a first link leads.
pub fn first_path(secret: &str) -> String {
    format!("/welcome?key={secret}")
}

// === impl Desk ===

impl Desk {
    /// The only writer, signed with who asks.
    pub(crate) fn control(&self, caller: &Caller) -> Control {
        Control::new(Arc::clone(&self.store), caller.signature())
    }

    /// For reading alone.
    pub(crate) fn reader(&self) -> Control {
        Control::new(Arc::clone(&self.store), "console")
    }

    /// Whether `host` is a name of this console.
    pub(crate) fn answers_to(&self, host: &str) -> bool {
        self.hosts.iter().any(|name| name == host)
    }
}

fn hosts(options: &Options) -> Vec<String> {
    let mut hosts: Vec<String> = options.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
    if options.listen.is_none_or(|address| address.ip().is_loopback()) {
        hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
        hosts.extend(options.listen.map(|address| match address.ip() {
            std::net::IpAddr::V4(ip) => ip.to_string(),
            std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        }));
    }
    hosts
}
