//! `backsoon page`: from the first line to every server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;

use insta::assert_snapshot;

use super::place::{Place, words};

#[test]
fn a_page_begins_is_checked_and_is_not_overwritten() {
    let place = Place::new();
    assert_snapshot!(place.run("page init page.html").shown(), @r"
    exit 0
    page.html: written
      next      backsoon page preview page.html
    ");
    let out = place.done("page check page.html");
    assert!(
        out.starts_with("page.html: fit in 19 languages for 5 occasions; the longest page has "),
        "{out}"
    );
    assert_snapshot!(place.run("page init page.html").shown(), @r"
    exit 2
    --- stderr
    error: page.html is there already, and is left as it is; name another file
    ");
    assert!(!place.default_store().exists(), "none of this needs a store");
}

#[test]
fn a_page_that_is_not_fit_is_not_published_and_the_store_is_not_made() {
    let place = Place::new();
    for (source, told) in [
        ("<p>{{ mesage }}</p>", "in `en`, closed with a known end: undefined value"),
        (
            "{% if read_only %}{{ nothing }}{% endif %}x",
            "in `en`, read-only to a visitor who has sent something",
        ),
        ("<p>{{ oops", "does not parse"),
        ("{% extends \"base.html\" %}", "base.html"),
        ("  ", "is empty"),
    ] {
        place.write("page.html", source);
        for verb in ["check", "preview --out out.html", "publish"] {
            let ran = place.run(&format!("page {verb} page.html"));
            assert!(ran.code == 1 && ran.err.contains(told), "{verb} {source}: {ran:?}");
        }
    }
    assert!(!place.path("out.html").exists());
    assert_eq!(place.run("page check nowhere.html").code, 1);
}

#[test]
fn a_published_page_is_what_the_site_shows_and_keeps_its_other_words() {
    let place = Place::new();
    place.write("site.toml", "[sites.\"*\".page]\ntitle = \"Moving\"\nretry_jitter = 5\n");
    place.done("apply site.toml");
    place.write("page.html", "{% extends \"backsoon\" %}{% block footer %}Ring us: 555{% endblock %}");
    let out = place.done("page publish page.html --site shop.example.com --note 'our own page'");
    assert!(
        out.contains("shop.example.com: fit in 19 languages") && out.contains("page.html: published"),
        "{out}"
    );

    let state: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.default_store().join("state")).unwrap()).unwrap();
    let page = &state["sites"]["shop.example.com"]["page"];
    assert_eq!((&page["title"], &page["retry_jitter"]), (&"Moving".into(), &5.into()));
    assert!(page["html"].as_str().unwrap().contains("Ring us: 555"));
    assert!(state["default"]["page"].get("html").is_none());
    assert!(place.done("history").contains("our own page"));
}

#[test]
fn a_page_that_is_taken_back_leaves_the_words_and_the_pages_of_others() {
    let place = Place::new();
    place.write("site.toml", "[sites.\"*\".page]\ntitle = \"Moving\"\n");
    place.done("apply site.toml");
    place.write("page.html", "{% extends \"backsoon\" %}{% block footer %}Ring us: 555{% endblock %}");
    place.done("page publish page.html");
    place.done("page publish page.html --site shop.example.com");
    let kept = || -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(place.default_store().join("state")).unwrap()).unwrap()
    };

    let ran = place.run("page withdraw --site blog.example.com");
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (1, "error: blog.example.com has no published page to take back; these do: *, shop.example.com\n")
    );
    assert!(place.done("page withdraw").starts_with("*: withdrawn\n"));
    let page = &kept()["default"]["page"];
    assert_eq!((&page["title"], page.get("html")), (&"Moving".into(), None), "{page}");
    assert!(kept()["sites"]["shop.example.com"]["page"]["html"].is_string());
    let ran = place.run("page withdraw");
    assert!(ran.code == 1 && ran.err.ends_with("to take back; these do: shop.example.com\n"), "{ran:?}");
    assert!(place.done("history").contains("page withdraw"));
    // One without words of its own is gone altogether.
    place.write("bare.toml", "");
    place.done("apply bare.toml");
    place.done("page publish page.html --site api.example.com");
    place.done("page withdraw --site api.example.com --note 'back to plain'");
    assert!(kept()["sites"]["api.example.com"].get("page").is_none(), "{}", kept());
}

#[test]
fn a_preview_is_one_file_in_the_language_and_for_the_occasion_asked_for() {
    let place = Place::new();
    place.done("page init page.html");
    place.done("page preview page.html --out out.html --language ar --occasion read-only");
    let html = std::fs::read_to_string(place.path("out.html")).unwrap();
    assert!(html.contains("<html lang=\"ar\" dir=\"rtl\">") && html.contains("data-sent"), "{html}");
    let ran = place.run("page preview page.html --out out.html --language tlh");
    assert!(ran.code == 2 && ran.err.contains("`tlh` is not spoken; it is one of en, de, fr"), "{ran:?}");
    assert_eq!(place.run("page preview page.html --out out.html --occasion never").code, 2);
}

#[test]
fn a_preview_is_served_as_a_gate_would_and_follows_the_file() {
    let place = Place::new();
    place.write("page.html", "<p>{{ words.again }}</p>");
    let mut preview = place.backsoon();
    let mut preview = preview.args(words("page preview page.html")).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(preview.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address =
        line.trim().strip_prefix("preview http://").unwrap().strip_suffix('/').unwrap().parse().unwrap();

    let list = get(address, "/");
    assert!(list.contains("200 OK") && list.contains("<a href=\"/zh-Hant/closed-for-long\">"), "{list}");
    let page = get(address, "/de/closed");
    assert!(page.contains("503 Service Unavailable") && page.contains("<p>Erneut versuchen</p>"), "{page}");
    assert!(page.contains("content-security-policy: default-src 'none'"), "{page}");
    place.write("page.html", "<p>{{ oops }}</p>");
    let broken = get(address, "/de/closed");
    assert!(broken.contains("500 Internal") && broken.contains("undefined value"), "{broken}");
    assert!(get(address, "/xx/closed").contains("500 Internal"));
    place.write("page.html", "<p>mended</p>");
    assert!(get(address, "/de/closed").contains("<p>mended</p>"));
    assert!(get(address, "/xx/closed").contains("404"));
    preview.kill().unwrap();
    preview.wait().unwrap();
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}
