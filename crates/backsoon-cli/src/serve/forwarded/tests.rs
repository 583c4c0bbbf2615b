//! What the upstream is told, of strangers and of trusted proxies.

use super::*;

fn told(peer: &str, sent: &[(&'static str, &'static str)]) -> [String; 4] {
    let trusted = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
    let peer = Peer::new(peer.parse().unwrap(), Scheme::Https, &trusted);
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("shop.example"));
    for (name, value) in sent {
        headers.append(*name, HeaderValue::from_static(value));
    }
    peer.describe(&mut headers);
    assert!(!headers.contains_key("x-real-ip"));
    [FOR, HOST, PROTO, header::FORWARDED].map(|name| {
        assert_eq!(headers.get_all(&name).iter().count(), 1, "{name}");
        headers[name].to_str().unwrap().to_owned()
    })
}

#[test]
fn a_stranger_is_not_believed() {
    let lies = [
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-for", "5.6.7.8"),
        ("x-forwarded-host", "bank.example"),
        ("x-forwarded-proto", "gopher"),
        ("forwarded", "for=1.2.3.4"),
        ("x-real-ip", "1.2.3.4"),
    ];
    let truth = ["192.0.2.7", "shop.example", "https", "for=192.0.2.7;host=\"shop.example\";proto=https"];
    assert_eq!(told("192.0.2.7:5000", &lies), truth);
    assert_eq!(told("[::ffff:192.0.2.7]:5000", &lies), truth);
    assert_eq!(told("[2001:db8::1]:5000", &[])[3], "for=\"[2001:db8::1]\";host=\"shop.example\";proto=https");
}

#[test]
fn a_trusted_proxys_chain_is_kept_and_grows_by_its_own_address() {
    let chain = [
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-for", "2001:db8::1"),
        ("x-forwarded-host", "www.example"),
        ("x-forwarded-proto", "http"),
    ];
    assert_eq!(
        told("10.0.0.1:5000", &chain),
        [
            "192.0.2.7, 2001:db8::1, 10.0.0.1",
            "www.example",
            "http",
            "for=192.0.2.7;host=\"www.example\";proto=http, for=\"[2001:db8::1]\", for=10.0.0.1",
        ]
    );
    assert_eq!(
        told("10.0.0.1:5000", &[("forwarded", "for=_hidden;proto=https")])[3],
        "for=_hidden;proto=https, for=10.0.0.1"
    );
    assert_eq!(told("[::ffff:10.0.0.1]:5000", &chain)[0], "192.0.2.7, 2001:db8::1, 10.0.0.1");
    assert_eq!(told("10.0.0.1:5000", &[])[0], "10.0.0.1");
}

#[test]
fn a_chain_with_nonsense_stays_a_valid_field() {
    let told = told("10.0.0.1:5000", &[("x-forwarded-for", "a\"b, 192.0.2.7"), ("x-forwarded-host", "a\"b")]);
    assert_eq!(told[3], "for=unknown;proto=https, for=192.0.2.7, for=10.0.0.1");
}
