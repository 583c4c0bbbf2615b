//! A TCP relay between a client and a server that fails on request.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// It works.
    #[default]
    None,
    /// It refuses new connections and ends those that there are.
    Cut,
    /// It takes connections and bytes, and delivers nothing, as a firewall that drops packets.
    Silent,
    /// It delivers everything late.
    Slow(Duration),
    /// It takes the requests there and loses the answers.
    LosesAnswers,
    /// It changes every so many bytes of the answers.
    Corrupts(usize),
}

/// A relay. Dropping it ends its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    accepting: tokio::task::JoinHandle<()>,
}

// === impl Proxy ===

impl Proxy {
    /// Relays from a free port of loopback to `server`, a port of loopback.
    ///
    /// # Panics
    /// If loopback has no free port.
    pub async fn to(server: u16) -> Self {
        let bound = async {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
            Ok::<_, std::io::Error>((listener.local_addr()?, listener))
        };
        let (address, listener) = bound.await.unwrap_or_else(|error| panic!("no port for a proxy: {error}"));
        let fault = watch::Sender::new(Fault::None);
        let faults = fault.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *faults.borrow() != Fault::Cut {
                    tokio::spawn(relay(client, server, faults.subscribe()));
                }
            }
        });
        Self { address, fault, accepting }
    }

    /// Where to connect.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on the network does this.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.fault.send_replace(Fault::Cut);
    }
}

async fn relay(client: TcpStream, server: u16, mut faults: watch::Receiver<Fault>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut there, mut back) = (faults.clone(), faults.clone());
    let there = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            pass(&mut there, |fault| matches!(fault, Fault::Silent)).await;
            if to_server.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
    };
    let back = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
            let lost = |fault: &Fault| matches!(fault, Fault::Silent | Fault::LosesAnswers);
            pass(&mut back, lost).await;
            let fault = *back.borrow();
            match fault {
                Fault::Slow(late) => tokio::time::sleep(late).await,
                Fault::Corrupts(every) => {
                    buffer[..read]
                        .iter_mut()
                        .skip(every / 2)
                        .step_by(every.max(1))
                        .for_each(|byte| *byte ^= 0x5a);
                }
                _ => {}
            }
            if to_client.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = there => {}
        () = back => {}
        _ = faults.wait_for(|fault| *fault == Fault::Cut) => {}
    }
}

/// Waits until bytes may pass again.
async fn pass(faults: &mut watch::Receiver<Fault>, holds: impl Fn(&Fault) -> bool) {
    // The sender is gone only when the proxy is, which has cut the connection.
    let _ = faults.wait_for(|fault| !holds(fault)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = client.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        port
    }

    async fn says(client: &mut TcpStream, what: &[u8]) -> Option<Vec<u8>> {
        client.write_all(what).await.ok()?;
        let mut answer = vec![0; what.len()];
        let read = tokio::time::timeout(Duration::from_millis(200), client.read_exact(&mut answer));
        read.await.ok()?.ok()?;
        Some(answer)
    }

    #[tokio::test]
    async fn each_fault_does_what_its_name_says_and_ends_with_the_next() {
        let proxy = Proxy::to(echo().await).await;
        let connect = || TcpStream::connect(("127.0.0.1", proxy.port()));
        let mut client = connect().await.unwrap();
        assert_eq!(says(&mut client, b"works").await.as_deref(), Some(&b"works"[..]));

        proxy.set(Fault::Corrupts(2));
        assert_ne!(says(&mut client, b"works").await.unwrap(), b"works");

        for lost in [Fault::Silent, Fault::LosesAnswers] {
            proxy.set(lost);
            assert_eq!(says(&mut client, b"lost").await, None, "{lost:?}");
            proxy.set(Fault::None);
            let mut late = [0; 4];
            client.read_exact(&mut late).await.unwrap();
            assert_eq!(&late, b"lost", "late, once the network works again");
        }

        proxy.set(Fault::Cut);
        assert_eq!(says(&mut client, b"cut").await, None);
        let mut refused = connect().await.unwrap();
        assert_eq!(says(&mut refused, b"cut").await, None);
        proxy.set(Fault::None);
        assert_eq!(says(&mut connect().await.unwrap(), b"back").await.as_deref(), Some(&b"back"[..]));
    }
}
