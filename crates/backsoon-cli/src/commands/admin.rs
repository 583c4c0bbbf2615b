//! The console beside the gate: `serve --admin`.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use backsoon::Instance;
use backsoon::store::Store;
use backsoon_console::people::NotDone;
use backsoon_console::{Console, Options};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::config::Config;
use crate::exit::usage;
use crate::output::{self, GOOD, paint, sentence};

/// A console that has its address and waits to be run.
pub(super) struct Admin {
    socket: TcpListener,
    address: SocketAddr,
    options: Options,
}

// === impl Admin ===

impl Admin {
    /// Binds the console's address, if it is to have one.
    pub(super) async fn bind(config: &Config) -> Result<Option<Self>> {
        let Some(listen) = config.admin.listen else { return Ok(None) };
        let mut options = config.admin.clone();
        options.check().map_err(|why| usage(why.to_string()))?;
        options.local = config.local();
        let unusable = || format!("cannot listen on {listen} (--admin names another address)");
        let socket = TcpListener::bind(listen).await.with_context(unusable)?;
        let address = socket.local_addr().with_context(unusable)?;
        Ok(Some(Self { socket, address, options }))
    }

    /// Answers until the handle is dropped.
    pub(super) async fn run(
        self,
        store: &Arc<dyn Store>,
        instance: &Arc<Instance>,
    ) -> Result<AbortOnDropHandle<()>> {
        let console = Console::new(Arc::clone(store), Arc::clone(instance), self.options)?;
        output::line(format_args!("{} {}", paint(GOOD, "the console"), console.url(self.address, "/")));
        match console.first_link().await {
            Ok(path) => output::note(format_args!(
                "nobody can sign in yet; within 15 minutes, this link makes the first admin: {}",
                console.url(self.address, &path)
            )),
            Err(NotDone::AlreadyPeople) => {}
            Err(error) => output::warn(format_args!(
                "nobody knows whether there are users yet ({}); `backsoon user link` prints a link for the first one",
                sentence(&error.into())
            )),
        }
        Ok(AbortOnDropHandle::new(tokio::spawn(console.serve(self.socket))))
    }
}
