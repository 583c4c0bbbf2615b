//! Which form of a reply a client would like (RFC 9110 §12.5.1).

use std::cmp::Ordering;

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
    quality: f32,
}

impl Form {
    /// The form that the `Accept` fields of `headers` like best.
    ///
    /// Of forms liked equally, one that the client names comes before one that `*/*` lets in, and then HTML before
    /// JSON before text. A client that names none of them (curl, most HTTP libraries) gets text: every browser
    /// names `text/html`.
    pub fn of(headers: &(dyn Headers + Sync)) -> Self {
        let mut wishes =
            [(Self::Html, Wish::default()), (Self::Json, Wish::default()), (Self::Text, Wish::default())];
        headers.each("accept", &mut |line| {
            for range in String::from_utf8_lossy(line).split(',') {
                let (kind, quality) = read(range);
                for (form, wish) in &mut wishes {
                    let closeness = form.closeness(&kind);
                    if closeness > wish.closeness {
                        *wish = Wish { closeness, quality };
                    } else if closeness > 0 && closeness == wish.closeness {
                        wish.quality = wish.quality.max(quality);
                    }
                }
            }
        });
        if wishes.iter().all(|(_, wish)| wish.closeness <= 1) {
            return Self::Text;
        }
        let liked = wishes.iter().filter(|(_, wish)| wish.closeness > 0 && wish.quality > 0.0);
        // `max_by` keeps the last of equals, so look from the end.
        let rank = |wish: &Wish| (wish.quality, wish.closeness > 1);
        let best = liked.rev().max_by(|a, b| rank(&a.1).partial_cmp(&rank(&b.1)).unwrap_or(Ordering::Equal));
        best.map_or(Self::Text, |(form, _)| *form)
    }

    /// The value of `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/problem+json",
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    fn closeness(self, kind: &str) -> u8 {
        match (self, kind) {
            (_, "*/*") => 1,
            (Self::Html | Self::Text, "text/*") | (Self::Json, "application/*") => 2,
            (Self::Html, "text/html" | "application/xhtml+xml") | (Self::Text, "text/plain") => 3,
            (Self::Json, "application/json" | "application/problem+json") => 3,
            (Self::Json, kind) if kind.ends_with("+json") => 3,
            _ => 0,
        }
    }
}

/// The media type in lower case, and its quality; an unreadable quality counts as none at all.
fn read(range: &str) -> (String, f32) {
    let mut parts = range.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let quality = quality.map_or(1.0, |q| q.parse().ok().filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0));
    (kind, quality)
}
