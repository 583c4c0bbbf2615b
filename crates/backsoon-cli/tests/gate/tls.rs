//! https for visitors.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::routing::get;
use backsoon::Mode;
use backsoon_cli::serve::options::Tls;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, DEFAULT_VERSIONS, RootCertStore};

use crate::door::Switch;
use crate::observe::{cookie, invitation};
use crate::support::{gate, gate_with, options, upstream};

struct Certified {
    certificate: CertificateDer<'static>,
    files: Tls,
    _directory: TempDir,
}

fn certified() -> Certified {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["shop.example".to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let files = Tls { cert: directory.path().join("cert.pem"), key: directory.path().join("key.pem") };
    std::fs::write(&files.cert, cert.pem()).unwrap();
    std::fs::write(&files.key, signing_key.serialize_pem()).unwrap();
    Certified { certificate: cert.der().clone(), files, _directory: directory }
}

async fn connect(
    address: SocketAddr,
    certificate: &CertificateDer<'static>,
    protocol: &str,
) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(DEFAULT_VERSIONS)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("shop.example").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

fn telling() -> Router {
    Router::new().route(
        "/",
        get(|headers: HeaderMap| async move { headers["forwarded"].to_str().unwrap().to_owned() }),
    )
}

#[tokio::test]
async fn both_versions_are_offered_and_the_upstream_learns_of_https() {
    let certified = certified();
    let mut options = options(&format!("http://{}", upstream(telling()).await));
    options.tls = Some(certified.files.clone());
    let gate = gate(&options).await;
    let told = "for=127.0.0.1;host=\"shop.example\";proto=https";

    let mut stream = connect(gate.address, &certified.certificate, "http/1.1").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    stream.write_all(b"GET / HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with(told), "{answer}");

    let stream = connect(gate.address, &certified.certificate, "h2").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("https://shop.example/").body(Body::empty()).unwrap();
    let answer = client.send_request(request).await.unwrap().into_body();
    let answer = http_body_util::BodyExt::collect(answer).await.unwrap().to_bytes();
    assert_eq!(answer, told);
}

#[tokio::test]
async fn a_key_of_another_certificate_is_refused_at_the_start() {
    let (mine, other) = (certified(), certified());
    let mut options = options("http://127.0.0.1:1");
    options.tls = Some(Tls { cert: mine.files.cert.clone(), key: other.files.key.clone() });
    let error = backsoon_cli::serve::Gate::bind(&options).await.err().unwrap();
    assert!(format!("{error:#}").contains("does not belong to the certificate"), "{error:#}");
}

#[tokio::test]
async fn the_cookie_of_a_pass_is_for_https_alone() {
    let certified = certified();
    let mut options = options(&format!("http://{}", upstream(telling()).await));
    options.tls = Some(certified.files.clone());
    let (switch, invitation) = (Switch::new(), invitation());
    switch.edit(|state| invitation.put_into(state));
    switch.turn(Mode::On);
    let gate = gate_with(&options, Arc::clone(&switch.instance)).await;
    let ask = async |head: String| {
        let mut stream = connect(gate.address, &certified.certificate, "http/1.1").await;
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let path = invitation.link.path();
    let answer = ask(format!("GET {path} HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n")).await;
    assert!(answer.contains("\r\nset-cookie: __Host-backsoon=1."), "{answer}");
    assert!(answer.contains("; HttpOnly; Secure; SameSite=Lax\r\n"), "{answer}");
    let cookie = cookie(&answer);
    let answer =
        ask(format!("GET / HTTP/1.1\r\nhost: shop.example\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n"))
            .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
