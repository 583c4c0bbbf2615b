//! Who learns nothing: readers of logs and screens, and receivers that cannot show who they are.

use std::io::Write as _;
use std::process::Stdio;

use super::{SECRET, records, telling};
use crate::gate::answer;
use crate::place::Ran;
use crate::running::eventually;

#[test]
fn secrets_are_shown_nowhere() {
    let port = testbed::port::free();
    let observe = testbed::port::free();
    let place = telling(
        &format!("http://user:hunter2@127.0.0.1:{port}/services/T0PSECRET"),
        &format!("secret = \"{SECRET}\"\nfirst_retry = \"100ms\""),
    );
    let observed = format!("127.0.0.1:{observe}");
    // Everything that the crates below have to say is logged, too.
    let log = std::fs::File::create(place.path("log")).unwrap();
    let mut gate = place.backsoon();
    let words =
        ["serve", "--listen", "127.0.0.1:0", "--upstream", "http://127.0.0.1:9", "--observe", &observed];
    let mut gate =
        gate.args(words).env("RUST_LOG", "trace").stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let logged = || std::fs::read_to_string(place.path("log")).unwrap();
    eventually("it follows the store", || place.run("fleet --once").out.contains(" live "));
    place.done("on");
    eventually("it was tried", || logged().contains("webhook not delivered"));
    eventually("the trouble is shown", || {
        place.run("status").out.contains("webhook ops has not been delivered")
    });
    let mut shown = answer(([127, 0, 0, 1], observe).into(), "/metrics");
    for line in
        ["check", "status", "status --json", "webhook list", "webhook list --json", "webhook test ops"]
    {
        let ran = place.run(line);
        shown.push_str(&ran.shown());
    }
    gate.kill().unwrap();
    gate.wait().unwrap();
    shown.push_str(&logged());
    assert_eq!(records(&place).len(), 1);
    shown.push_str(&std::fs::read_to_string(&records(&place)[0]).unwrap());
    assert!(shown.contains("ops") && shown.contains(&format!("http://127.0.0.1:{port}/…")), "{shown}");
    for secret in ["hunter2", "user:", "T0PSECRET", "MfKQ9r8G", "whsec_"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn over_https_the_receiver_has_to_show_who_it_is() {
    use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use tokio_rustls::rustls::{DEFAULT_VERSIONS, ServerConfig, ServerConnection, StreamOwned, crypto::ring};

    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let tls = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_protocol_versions(DEFAULT_VERSIONS)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(tls.clone().into()).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            // Whoever does not trust it goes away.
            if crate::receiver::read(&mut std::io::BufReader::new(&mut stream)).is_some() {
                let _ =
                    stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            }
        }
    });
    let place = telling(&format!("https://localhost:{port}/"), "");
    place.write("cert.pem", certified.cert.pem());
    let ran = place.run("webhook test ops");
    assert_eq!(ran.code, 1, "nobody knows it: {ran:?}");
    assert!(ran.err.contains("certificate"), "{ran:?}");
    let mut trusting = place.backsoon();
    trusting.args(["webhook", "test", "ops"]).env("SSL_CERT_FILE", place.path("cert.pem"));
    let ran = Ran::of(&mut trusting);
    assert!(ran.code == 0 && ran.out.contains("200 OK"), "{ran:?}");
}
