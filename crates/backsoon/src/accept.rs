//! What a client would like: the form of a reply (RFC 9110 §12.5.1) and its language (§12.5.4).
//!
//! Both are read for every refusal, so nothing here allocates.

use crate::request::Headers;

/// The forms that a reply comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// A page for people.
    Html,
    /// RFC 9457 problem details for programs.
    Json,
    /// Plain text for terminals and logs.
    Text,
}

/// How closely a media range fits (0 not at all, 1 by `*/*`, 2 by `text/*`, 3 by name) and how much it is liked. A
/// closer one overrules a wider one, whatever their order.
#[derive(Clone, Copy, Default)]
struct Wish {
    closeness: u8,
    quality: Quality,
}

/// A weight in thousandths (RFC 9110 §12.4.2).
type Quality = u16;

impl Form {
    const ALL: [Self; 3] = [Self::Html, Self::Json, Self::Text];

    /// The form that the `Accept` fields of `headers` like best.
    ///
    /// Of forms liked equally, one that the client names comes before one that `*/*` lets in, and then HTML before
    /// JSON before text. A client that names none of them (curl, most HTTP libraries) gets text: every browser
    /// names `text/html`.
    pub fn of(headers: &(dyn Headers + Sync)) -> Self {
        let mut wishes = [Wish::default(); 3];
        headers.each("accept", &mut |line| {
            for range in line.split(|byte| *byte == b',') {
                let (kind, quality) = read(range);
                for (form, wish) in Self::ALL.into_iter().zip(&mut wishes) {
                    let closeness = form.closeness(kind);
                    if closeness > wish.closeness {
                        *wish = Wish { closeness, quality };
                    } else if closeness > 0 && closeness == wish.closeness {
                        wish.quality = wish.quality.max(quality);
                    }
                }
            }
        });
        if wishes.iter().all(|wish| wish.closeness <= 1) {
            return Self::Text;
        }
        let liked =
            Self::ALL.into_iter().zip(&wishes).filter(|(_, wish)| wish.closeness > 0 && wish.quality > 0);
        // `max_by_key` keeps the last of equals, so look from the end.
        let best = liked.rev().max_by_key(|(_, wish)| (wish.quality, wish.closeness > 1));
        best.map_or(Self::Text, |(form, _)| form)
    }

    /// The value of `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/problem+json",
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    fn closeness(self, kind: &[u8]) -> u8 {
        let is = |name: &str| kind.eq_ignore_ascii_case(name.as_bytes());
        match self {
            _ if kind == b"*/*" => 1,
            Self::Html | Self::Text if is("text/*") => 2,
            Self::Json if is("application/*") => 2,
            Self::Html if is("text/html") || is("application/xhtml+xml") => 3,
            Self::Text if is("text/plain") => 3,
            Self::Json if is("application/json") || ends_with_json(kind) => 3,
            _ => 0,
        }
    }
}

/// The best liked of the languages that `find` knows, by the `Accept-Language` fields of `headers`. None: whatever there
/// is, because nothing is asked for, or nothing that is known, or `*` is liked more.
pub(crate) fn language(
    headers: &(dyn Headers + Sync),
    find: impl Fn(&[u8]) -> Option<usize>,
) -> Option<usize> {
    let (mut best, mut any) = ((0, None), 0);
    headers.each("accept-language", &mut |line| {
        for range in line.split(|byte| *byte == b',') {
            let (tag, quality) = read(range);
            if tag == b"*" {
                any = any.max(quality);
            } else if quality > best.0
                && let Some(found) = find(tag)
            {
                best = (quality, Some(found));
            }
        }
    });
    best.1.filter(|_| best.0 >= any)
}

fn ends_with_json(kind: &[u8]) -> bool {
    kind.len() > 5 && kind[kind.len() - 5..].eq_ignore_ascii_case(b"+json")
}

/// What is named, and its quality.
fn read(range: &[u8]) -> (&[u8], Quality) {
    let mut parts = range.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let named = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q=")));
    (named, weight.map_or(1000, quality))
}

/// A number from 0 to 1; an unreadable one counts as none at all.
fn quality(text: &[u8]) -> Quality {
    let (whole, fraction) = match text.iter().position(|byte| *byte == b'.') {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &[][..]),
    };
    if !fraction.iter().all(u8::is_ascii_digit) || text == b"." {
        return 0;
    }
    let digit = |at: usize| fraction.get(at).map_or(0, |digit| Quality::from(digit - b'0'));
    let thousandths = digit(0) * 100 + digit(1) * 10 + digit(2);
    match whole {
        b"" | b"0" if !text.is_empty() => thousandths,
        b"1" if thousandths == 0 => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_a_number_from_0_to_1() {
        for (text, thousandths) in [
            ("1", 1000),
            ("1.000", 1000),
            ("0.5", 500),
            (".5", 500),
            ("0.05", 50),
            ("0.1234", 123),
            ("0", 0),
            ("0.", 0),
        ] {
            assert_eq!(quality(text.as_bytes()), thousandths, "{text}");
        }
        for text in ["", ".", "2", "1.1", "-1", "+1", "a", "0.x", "NaN", "1e0", "00.5"] {
            assert_eq!(quality(text.as_bytes()), 0, "{text}");
        }
    }

    #[test]
    fn the_language_liked_best_wins_and_of_equals_the_first() {
        let find = |tag: &[u8]| [b"en", b"de", b"fr"].iter().position(|known| tag.starts_with(*known));
        for (line, found) in [
            ("de", Some(1)),
            ("de-CH, fr", Some(1)),
            ("fr;q=0.5, de;q=0.7, en;q=0.6", Some(1)),
            ("xx, yy;q=0.9, fr;q=0.1", Some(2)),
            ("de;q=0, fr;q=0.1", Some(2)),
            ("de;q=0", None),
            ("*", None),
            ("de;q=0.5, *", None),
            ("de, *;q=0.5", Some(1)),
            ("xx", None),
            ("", None),
            (";;,,=, de", Some(1)),
        ] {
            assert_eq!(language(&[("accept-language", line)], find), found, "{line}");
        }
    }
}
