//! What a site's page looks like: its colours, its logo, and the language of the operator's own words.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The colours of the built-in page, or those of them that are not to be its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Palette {
    /// The shop front.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accent: Option<Colour>,
    /// The paper.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background: Option<Colour>,
    /// What stands on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Colour>,
}

/// A colour as `#rgb` or `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Colour([u8; 3]);

/// The text is no colour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no colour; write it as #rrggbb, for example #2f6159")]
pub struct NotAColour(String);

/// An image: a `data:` URL, or a path on the site itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Logo(String);

/// The text is no logo.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotALogo {
    /// Neither of the two forms.
    #[error(
        "`{0}` is no logo; write a data: URL of an image in base64 (data:image/png;base64,…) or a path on the site (/static/logo.svg)"
    )]
    Form(String),
    /// Every visitor would have to load it.
    #[error(
        "the logo is {0} bytes long, and {LONGEST_LOGO} are allowed, since it is part of every page; make it smaller, or name a path"
    )]
    TooLong(usize),
}

/// A language by its tag (RFC 5646): `en`, `pt-BR`, `zh-Hant`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LanguageTag(String);

/// The text is no language tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no language; write its tag, for example `en` or `pt-BR`")]
pub struct NotALanguage(String);

const LONGEST_LOGO: usize = 64 * 1024;

const KINDS: [&str; 6] = ["png", "jpeg", "gif", "webp", "avif", "svg+xml"];

// === impl Palette ===

impl Palette {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

// === impl Colour ===

impl Colour {
    /// How light it is, from 0 to 1 (WCAG 2.2, relative luminance).
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|channel| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// How well one can be read on the other, from 1 to 21 (WCAG 2.2, contrast ratio).
    pub fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// From its three parts.
    pub const fn rgb(red: u8, green: u8, blue: u8) -> Self {
        Self([red, green, blue])
    }
}

impl TryFrom<String> for Colour {
    type Error = NotAColour;

    fn try_from(text: String) -> Result<Self, NotAColour> {
        let read = || {
            let digits = text.strip_prefix('#')?;
            let digits: Vec<u8> =
                digits.chars().map(|digit| Some(digit.to_digit(16)? as u8)).collect::<Option<_>>()?;
            match digits[..] {
                [r, g, b] => Some(Self([r * 17, g * 17, b * 17])),
                [r, s, g, h, b, c] => Some(Self([r * 16 + s, g * 16 + h, b * 16 + c])),
                _ => None,
            }
        };
        read().ok_or_else(|| NotAColour(text.clone()))
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.to_string()
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

// === impl Logo ===

impl Logo {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path on the site, if it is none of its own bytes.
    pub fn path(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|url| url.starts_with('/'))
    }
}

impl TryFrom<String> for Logo {
    type Error = NotALogo;

    fn try_from(url: String) -> Result<Self, NotALogo> {
        if url.len() > LONGEST_LOGO {
            return Err(NotALogo::TooLong(url.len()));
        }
        let base64 = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
        let data = url.strip_prefix("data:image/").and_then(|rest| rest.split_once(";base64,"));
        let is_data =
            data.is_some_and(|(kind, data)| KINDS.contains(&kind) && !data.is_empty() && base64(data));
        // Nothing that ends an attribute, no other host (`//`), and no other reading of the path.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
        let is_path =
            url.starts_with('/') && !url.contains("//") && !url.contains("/.") && url.bytes().all(plain);
        if is_data || is_path { Ok(Self(url)) } else { Err(NotALogo::Form(url.chars().take(60).collect())) }
    }
}

impl From<Logo> for String {
    fn from(logo: Logo) -> Self {
        logo.0
    }
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logo({} bytes)", self.0.len())
    }
}

// === impl LanguageTag ===

impl LanguageTag {
    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LanguageTag {
    type Error = NotALanguage;

    fn try_from(tag: String) -> Result<Self, NotALanguage> {
        let mut parts = tag.split('-');
        let letters = |part: &str| part.bytes().all(|b| b.is_ascii_alphabetic());
        let fine =
            |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let valid = tag.len() <= 35
            && parts.next().is_some_and(|part| (2..=8).contains(&part.len()) && letters(part))
            && parts.all(fine);
        if valid { Ok(Self(tag)) } else { Err(NotALanguage(tag)) }
    }
}

impl From<LanguageTag> for String {
    fn from(tag: LanguageTag) -> Self {
        tag.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_three_or_six_hexadecimal_digits() {
        let colour = |text: &str| Colour::try_from(text.to_owned());
        assert_eq!(colour("#0Af"), Ok(Colour::rgb(0, 170, 255)));
        assert_eq!(colour("#2f6159").unwrap().to_string(), "#2f6159");
        for text in ["", "#", "red", "2f6159", "#12", "#1234", "#12345g", "#fff;}", "#ﬀf", "url(x)"] {
            assert_eq!(colour(text), Err(NotAColour(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn black_on_white_is_the_most_contrast_there_is() {
        let (black, white) = (Colour::rgb(0, 0, 0), Colour::rgb(255, 255, 255));
        assert!((black.contrast(white) - 21.0).abs() < 0.01);
        assert!((white.contrast(white) - 1.0).abs() < 0.01);
        // The darkest grey that WCAG's own examples call just enough on white.
        assert!((Colour::rgb(0x76, 0x76, 0x76).contrast(white) - 4.54).abs() < 0.01);
    }

    #[test]
    fn a_logo_is_an_image_of_its_own_or_a_path_and_nothing_that_leaves_its_attribute() {
        let logo = |text: &str| Logo::try_from(text.to_owned());
        for text in
            ["data:image/png;base64,AAAA", "data:image/svg+xml;base64,PHN2Zy8+", "/logo.svg", "/a/b-1_2.png"]
        {
            assert_eq!(logo(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "logo.svg",
            "//evil.example/x.png",
            "/a//b",
            "/../x",
            "https://a.example/x.png",
            "/x\" onerror=alert(1)",
            "data:text/html;base64,AAAA",
            "data:image/png,raw",
            "data:image/png;base64,",
            "data:image/png;base64,A\"",
            "/a?b",
            "/a%2e",
            "/a\\b",
            "javascript:x",
        ] {
            assert!(matches!(logo(text), Err(NotALogo::Form(_))), "{text}");
        }
        let long = format!("data:image/png;base64,{}", "A".repeat(70_000));
        assert!(matches!(logo(&long), Err(NotALogo::TooLong(70_022))));
    }

    #[test]
    fn a_language_is_a_tag() {
        for (tag, valid) in [
            ("en", true),
            ("pt-BR", true),
            ("zh-Hant-HK", true),
            ("", false),
            ("e", false),
            ("en_US", false),
            ("en-", false),
            ("en\"", false),
            ("1a", false),
        ] {
            assert_eq!(LanguageTag::try_from(tag.to_owned()).is_ok(), valid, "{tag}");
        }
    }
}
