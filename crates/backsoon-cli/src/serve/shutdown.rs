//! How the gate is told to stop, and what it leaves behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

/// Tells a running gate to stop. Clones tell the same gate.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    stop: CancellationToken,
    now: CancellationToken,
    /// `stop`, for those who look often: a token takes a lock.
    stopping: Arc<AtomicBool>,
}

/// How the gate ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every request and tunnel had ended by itself.
    Drained,
    /// The limit was reached, or a second signal came: so many requests, tunnels among them, were cut.
    Cut(usize),
}

// === impl Shutdown ===

impl Shutdown {
    /// A gate that stops only when told through this value.
    pub fn new() -> Self {
        Shutdown::default()
    }

    /// A gate that stops at SIGTERM or SIGINT (Ctrl-C), and at once at the second.
    ///
    /// # Errors
    /// The operating system refuses to deliver signals.
    pub fn on_signals() -> std::io::Result<Self> {
        let shutdown = Shutdown::new();
        let mut signals = Signals::new()?;
        let told = shutdown.clone();
        tokio::spawn(async move {
            signals.next().await;
            told.stop();
            signals.next().await;
            told.stop_now();
        });
        Ok(shutdown)
    }

    /// Accept nothing more, and let running requests finish.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.stop.cancel();
    }

    /// Let nothing finish.
    pub fn stop_now(&self) {
        self.stop();
        self.now.cancel();
    }

    pub(crate) async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    pub(crate) async fn stopped_now(&self) {
        self.now.cancelled().await;
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals(());

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Signals(()))
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
