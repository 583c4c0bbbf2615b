//! One element of `Forwarded`.

use std::net::IpAddr;

use http::HeaderValue;

/// An address as RFC 7239 §6 writes it: IPv6 in brackets and quotes.
pub(super) fn node(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("\"[{ip}]\""),
    }
}

/// Adds `;host="…";proto=…`. A host that would end the quotes is left out.
pub(super) fn describe_host(element: &mut String, host: Option<&HeaderValue>, proto: &str) {
    if let Some(host) = host.and_then(|host| host.to_str().ok()).filter(|host| !host.contains(['"', '\\'])) {
        element.push_str(";host=\"");
        element.push_str(host);
        element.push('"');
    }
    element.push_str(";proto=");
    element.push_str(proto);
}
