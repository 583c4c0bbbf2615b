//! The last word of a WebSocket that is cut: a close frame with code 1012 (service restart) to the client, put in where a frame of the
//! upstream's has just ended, since anywhere else it would be taken for a part of that frame.
//!
//! It stands between the gate and the upstream, because that side of a tunnel is ours to make. The client answers with a close frame of
//! its own, which reaches the upstream, and both ends close as they would without us.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tower_service::Service;

/// FIN and close, two bytes unmasked, as servers send: 1012 (RFC 6455 §5.5.1, and IANA's registry of close codes).
const CLOSE: [u8; 4] = [0x88, 2, (1012u16 >> 8) as u8, (1012u16 & 0xff) as u8];

/// Makes connections that say farewell when `told`.
#[derive(Clone)]
pub(crate) struct FarewellConnector {
    pub(crate) inner: HttpConnector,
    pub(crate) told: CancellationToken,
}

/// The upstream's side of a tunnel.
pub(crate) struct Farewell {
    stream: TcpStream,
    told: Pin<Box<WaitForCancellationFutureOwned>>,
    place: Place,
    ending: Ending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    NotYet,
    /// At the next place between two frames.
    Soon,
    /// So much of the close frame is still to be read.
    Left(usize),
}

/// Where in what the upstream sends we are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// The answer to the handshake, up to the empty line.
    Answer(Vec<u8>),
    /// The head of a frame, of which so much has come.
    Head([u8; 10], usize),
    /// The payload of a frame, of which so much is to come.
    Payload(u64),
    /// No WebSocket after all.
    Elsewhere,
}

// === impl FarewellConnector ===

impl Service<Uri> for FarewellConnector {
    type Response = TokioIo<Farewell>;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, told) = (self.inner.call(uri), self.told.clone());
        Box::pin(async move {
            let stream = connecting.await?.into_inner();
            let told = Box::pin(told.cancelled_owned());
            Ok(TokioIo::new(Farewell { stream, told, place: Place::start(), ending: Ending::NotYet }))
        })
    }
}

// === impl Farewell ===

impl AsyncRead for Farewell {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.ending == Ending::NotYet && this.told.as_mut().poll(cx).is_ready() {
            this.ending = Ending::Soon;
        }
        if this.ending == Ending::Soon && this.place.is_between_frames() {
            this.ending = Ending::Left(CLOSE.len());
        }
        match this.ending {
            Ending::Left(0) => {
                // The upstream talks on until it hears the client's close frame; nobody is to hear that.
                let mut unheard = [0; 4096];
                loop {
                    let mut unheard = ReadBuf::new(&mut unheard);
                    std::task::ready!(Pin::new(&mut this.stream).poll_read(cx, &mut unheard))?;
                    if unheard.filled().is_empty() {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
            Ending::Left(left) => {
                let rest = &CLOSE[CLOSE.len() - left..];
                let fits = left.min(buffer.remaining());
                buffer.put_slice(&rest[..fits]);
                this.ending = Ending::Left(left - fits);
                Poll::Ready(Ok(()))
            }
            Ending::Soon => {
                let most = buffer.remaining().min(this.place.to_the_end());
                let mut part = [0; 4096];
                let mut part = ReadBuf::new(&mut part[..most.min(4096)]);
                std::task::ready!(Pin::new(&mut this.stream).poll_read(cx, &mut part))?;
                this.place.pass(part.filled());
                buffer.put_slice(part.filled());
                Poll::Ready(Ok(()))
            }
            Ending::NotYet => {
                let before = buffer.filled().len();
                std::task::ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
                this.place.pass(&buffer.filled()[before..]);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Farewell {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Connection for Farewell {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

// === impl Place ===

impl Place {
    fn start() -> Self {
        Self::Answer(Vec::new())
    }

    fn is_between_frames(&self) -> bool {
        matches!(self, Self::Head(_, 0))
    }

    /// How much may be read without running past the end of a frame.
    fn to_the_end(&self) -> usize {
        match self {
            Self::Payload(left) => usize::try_from(*left).unwrap_or(usize::MAX),
            Self::Answer(_) | Self::Head(..) => 1,
            Self::Elsewhere => usize::MAX,
        }
    }

    /// What comes after `bytes`.
    fn pass(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            match self {
                Self::Elsewhere => return,
                Self::Payload(left) => {
                    let passed = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    bytes = &bytes[passed..];
                    *left -= passed as u64;
                    if *left == 0 {
                        *self = Self::Head([0; 10], 0);
                    }
                    continue;
                }
                Self::Answer(answer) => {
                    answer.push(byte);
                    if answer.ends_with(b"\r\n\r\n") {
                        let switches = answer.starts_with(b"HTTP/1.1 101");
                        *self = if switches { Self::Head([0; 10], 0) } else { Self::Elsewhere };
                    } else if answer.len() > 64 * 1024 {
                        *self = Self::Elsewhere;
                    }
                }
                Self::Head(head, have) => {
                    head[*have] = byte;
                    *have += 1;
                    if let Some(length) = length(&head[..*have]) {
                        *self = if length == 0 { Self::Head([0; 10], 0) } else { Self::Payload(length) };
                    }
                }
            }
            bytes = rest;
        }
    }
}

/// How much of a frame follows its head, if that has come in full (RFC 6455 §5.2). Servers mask nothing, but one that does is understood.
fn length(head: &[u8]) -> Option<u64> {
    let short = *head.get(1)?;
    let mask = if short & 0x80 == 0 { 0 } else { 4 };
    let length = match short & 0x7f {
        126 => u64::from(u16::from_be_bytes(head.get(2..4)?.try_into().ok()?)),
        127 => u64::from_be_bytes(head.get(2..10)?.try_into().ok()?),
        short => u64::from(short),
    };
    Some(length.saturating_add(mask))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n";

    fn frame(length: usize) -> Vec<u8> {
        let mut frame = match length {
            0..126 => vec![0x82, length as u8],
            126..65_536 => [&[0x82, 126][..], &(length as u16).to_be_bytes()].concat(),
            _ => [&[0x82, 127][..], &(length as u64).to_be_bytes()].concat(),
        };
        // Payload that looks like ends and heads.
        frame.extend((0..length).map(|at| b"\r\n\r\n\x88\x02\x00"[at % 7]));
        frame
    }

    #[test]
    fn frames_end_where_they_end_however_they_are_cut_into_reads() {
        let lengths = [0, 1, 125, 126, 1000, 65_535, 65_536, 70_000, 0, 3];
        let mut ends = vec![ANSWER.len()];
        let mut bytes = ANSWER.to_vec();
        for length in lengths {
            bytes.extend(frame(length));
            ends.push(bytes.len());
        }
        for size in [1, 2, 3, 7, 1000, 8192] {
            let (mut place, mut at) = (Place::start(), 0);
            for chunk in bytes.chunks(size) {
                place.pass(chunk);
                at += chunk.len();
                assert_eq!(
                    place.is_between_frames(),
                    ends.contains(&at),
                    "after {at} bytes in chunks of {size}"
                );
            }
        }
        // Reading no further than allowed meets every end.
        let (mut place, mut at, mut met) = (Place::start(), 0, Vec::new());
        while at < bytes.len() {
            let next = (at + place.to_the_end()).min(bytes.len());
            place.pass(&bytes[at..next]);
            at = next;
            if place.is_between_frames() {
                met.push(at);
            }
        }
        assert_eq!(met, ends);
    }

    #[test]
    fn an_answer_that_switches_to_nothing_has_no_frames() {
        let mut place = Place::start();
        place.pass(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno");
        assert_eq!(place, Place::Elsewhere);
    }
}
