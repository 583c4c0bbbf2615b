//! The page for people, filled in: the built-in one, or an own one that may build on it.

use std::sync::LazyLock;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use serde::Serialize;

use super::Notice;
use super::words::Language;
use crate::document::{Colour, Mode, Page, Palette, Template};

/// The built-in page, which own pages extend by this name.
pub const PAGE: &str = include_str!("page.html");

/// The script of the built-in page: always the same bytes, so that one digest allows it.
pub(super) const SCRIPT: &str = include_str!("page.js");

/// Its digest, as a Content-Security-Policy names it; the test prints it when it has changed.
pub(super) const SCRIPT_DIGEST: &str = "sha256-G0kXP2tU1DYv1vJKbqpedtrtWk5W72l+VKODogjArVA=";

/// What own pages extend.
pub const PAGE_NAME: &str = "backsoon";

/// So many steps of the template engine, and a page that takes more of them is broken.
const STEPS: u64 = 200_000;

/// How a name is taken that means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rigour {
    /// As nothing, where it is only asked for: a page in force is shown if at all possible.
    Lenient,
    /// As a mistake: a page is being checked.
    Strict,
}

/// Whom a page is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) language: &'static Language,
    pub(crate) sent: Sent,
}

/// Whether the request that is answered carried something that is lost now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Nothing,
    Something,
}

/// Colours of one scheme: background and text come together, or not at all.
#[derive(Debug, Serialize)]
struct Scheme {
    accent: Option<String>,
    background: Option<String>,
    text: Option<String>,
}

static LENIENT: LazyLock<Environment<'static>> = LazyLock::new(|| environment(UndefinedBehavior::SemiStrict));
static STRICT: LazyLock<Environment<'static>> = LazyLock::new(|| environment(UndefinedBehavior::Strict));

/// The page of `notice` for `reader`.
///
/// # Errors
/// What the template engine says, with the line.
pub(crate) fn fill(
    page: Option<&Template>,
    notice: &Notice,
    reader: Reader,
    rigour: Rigour,
) -> Result<String, minijinja::Error> {
    let environment: &Environment<'_> = match rigour {
        Rigour::Lenient => &LENIENT,
        Rigour::Strict => &STRICT,
    };
    let values = values(notice, reader);
    match page {
        Some(own) => environment.render_named_str("page.html", own.source(), values),
        None => environment.get_template(PAGE_NAME)?.render(values),
    }
}

/// The names that a page may use; docs/pages.md lists them.
fn values(notice: &Notice, Reader { language, sent }: Reader) -> Value {
    let (page, window) = (&notice.page, notice.window.as_ref());
    let read_only = notice.is_read_only();
    let sent = sent == Sent::Something;
    let end = notice.end();
    let own_title = page.title.as_deref().filter(|_| !read_only);
    let own_language = page.language.as_ref().map_or("", |language| language.as_str());
    context! {
        title => notice.title(Some(language)),
        own_title => own_title.is_some(),
        own => Value::from_safe_string(format!(" lang=\"{own_language}\" dir=\"auto\"")),
        message => notice.message(),
        mode => window.map_or(Mode::Off, |window| window.mode).to_string(),
        read_only,
        sent,
        // A refused POST may be refused by its method alone, and then a look with another one tells nothing.
        check => !read_only && (!sent || window.is_some()),
        status => page.status.as_u16(),
        window => window.map(|window| window.id.as_str()),
        start => window.and_then(|window| window.start).map(|start| start.to_string()),
        end => end.map(|end| end.to_string()),
        end_text => end.map(|end| language.moment(end)),
        language => language.language,
        dir => language.dir,
        words => Value::from(Serde(&language.words)),
        name => page.name.as_deref(),
        logo => page.logo.as_ref().map(|logo| logo.as_str()),
        schemes => Value::from(Serde(schemes(page))),
    }
}

fn environment(undefined: UndefinedBehavior) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(undefined);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_fuel(Some(STEPS));
    environment.add_global("script", Value::from_safe_string(SCRIPT.to_owned()));
    // It is part of the program, and every test of a page reads it; if it failed, every page would say so.
    let _ = environment.add_template(PAGE_NAME, PAGE);
    environment
}

/// The built-in page's own colours, by which contrast is judged where a site states one of two: background and text, by
/// day and by night.
const OWN: [[Colour; 2]; 2] = [
    [Colour::rgb(0xf5, 0xf2, 0xe9), Colour::rgb(0x1b, 0x29, 0x28)],
    [Colour::rgb(0x10, 0x17, 0x1a), Colour::rgb(0xee, 0xf1, 0xec)],
];

/// Background and text of both schemes, if the site states any.
pub(crate) fn paper_and_ink(page: &Page) -> [Option<[Colour; 2]>; 2] {
    let [day, night] = OWN;
    let pair = |palette: &Palette, own: [Colour; 2]| {
        (palette.background.is_some() || palette.text.is_some())
            .then(|| [palette.background.unwrap_or(own[0]), palette.text.unwrap_or(own[1])])
    };
    let by_day = pair(&page.colours, day);
    [by_day, pair(&page.dark, night).or(by_day)]
}

fn schemes(page: &Page) -> Vec<Scheme> {
    if page.colours.is_empty() && page.dark.is_empty() {
        return Vec::new();
    }
    let accents = [page.colours.accent, page.dark.accent.or(page.colours.accent)];
    let schemes = paper_and_ink(page).into_iter().zip(accents).map(|(pair, accent)| Scheme {
        accent: accent.map(|colour| colour.to_string()),
        background: pair.map(|[background, _]| background.to_string()),
        text: pair.map(|[_, text]| text.to_string()),
    });
    schemes.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};
    use std::sync::Arc;

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::document::Window;
    use crate::reply::Reopens;
    use crate::reply::words::languages;

    /// A page in every language, for every mode, with and without everything that a site may say.
    fn every_page() -> Vec<(String, Notice, Reader)> {
        let full = r##"{"title": "Zurück & \"bald\"", "message": "<b>hi</b>", "name": "Ann's", "language": "de-CH",
            "logo": "data:image/svg+xml;base64,PHN2Zy8+", "colours": {"accent": "#123456", "background": "#ffffff"},
            "dark": {"accent": "#abcdef"}}"##;
        let mut pages = Vec::new();
        for page in ["{}", full] {
            let page: Arc<Page> = serde_json::from_str(page).unwrap();
            for mode in [None, Some(Mode::On), Some(Mode::Hold), Some(Mode::ReadOnly)] {
                for end in [None, Some("2099-01-31T22:30:00Z".parse().unwrap())] {
                    for language in languages() {
                        for sent in [Sent::Nothing, Sent::Something] {
                            let window = mode.map(Window::new);
                            let reopens = Reopens { safe: end, all: end };
                            let notice = Notice { page: Arc::clone(&page), window, reopens };
                            let what = format!("{} {mode:?} {end:?} {sent:?}", language.language);
                            pages.push((what, notice, Reader { language, sent }));
                        }
                    }
                }
            }
        }
        pages
    }

    #[test]
    fn the_digest_is_that_of_the_script_that_every_page_has() {
        let digest = Sha256::digest(SCRIPT);
        assert_eq!(SCRIPT_DIGEST, format!("sha256-{}", base64(&digest)));
        for (what, notice, reader) in every_page() {
            let html = fill(None, &notice, reader, Rigour::Strict).unwrap();
            let scripts: Vec<&str> =
                html.split("<script").skip(1).map(|rest| rest.split("</script>").next().unwrap()).collect();
            assert_eq!(scripts, [format!(">{SCRIPT}")], "{what}");
        }
    }

    #[test]
    fn no_page_uses_a_name_that_is_not_there_or_shows_one_that_is_nothing() {
        for (what, notice, reader) in every_page() {
            let html =
                fill(None, &notice, reader, Rigour::Strict).unwrap_or_else(|why| panic!("{what}: {why:#}"));
            let page = html.split("<script").next().unwrap();
            assert!(
                !page.contains("none<") && !page.contains("{{") && !page.contains("{time}"),
                "{what}: {page}"
            );
            assert!(page.contains(&format!(
                "<html lang=\"{}\" dir=\"{}\">",
                reader.language.language, reader.language.dir
            )));
            assert_eq!(page.contains("<time"), notice.end().is_some(), "{what}");
            assert!(!page.contains("<b>hi"), "{what}");
            // One of them tells those who have sent something that it is lost.
            let told = [&reader.language.words, &languages()[0].words]
                .map(|words| serde_json::to_value(words).unwrap());
            let lost = ["reading", "unsent"].map(|name| page.contains(told[0][name].as_str().unwrap()));
            assert_eq!(lost[0] || lost[1], reader.sent == Sent::Something || notice.is_read_only(), "{what}");
        }
    }

    #[test]
    fn every_page_without_a_logo_has_less_than_8_kib_in_gzip() {
        let all: Vec<String> = every_page()
            .into_iter()
            .filter(|(what, _, _)| {
                what.contains("On") && what.contains("Some(2099") || what.contains("ReadOnly")
            })
            .map(|(_, notice, reader)| fill(None, &notice, reader, Rigour::Strict).unwrap())
            .collect();
        let largest = all.iter().max_by_key(|html| html.len()).unwrap();
        let mut gzip =
            Command::new("gzip").arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        gzip.stdin.take().unwrap().write_all(largest.as_bytes()).unwrap();
        let bytes = gzip.wait_with_output().unwrap().stdout.len();
        assert!((1000..8 * 1024).contains(&bytes), "{bytes} bytes of {}", largest.len());
    }

    fn base64(bytes: &[u8]) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let bits =
                chunk.iter().chain([&0, &0]).take(3).fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
            let letters = (0..4).map(|at| char::from(LETTERS[(bits >> (18 - 6 * at) & 63) as usize]));
            text.extend(letters.enumerate().map(|(at, letter)| if at <= chunk.len() { letter } else { '=' }));
        }
        text
    }
}
