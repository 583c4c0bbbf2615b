//! What the built-in page says in each language that it speaks: data (`languages.json`), and which one a tag means.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// One language of the built-in page.
#[derive(Debug, Deserialize)]
pub(crate) struct Language {
    /// The tag that is written into `lang` and `Content-Language`.
    pub(crate) language: &'static str,
    /// The tags that mean this language; of several that fit, the longest counts.
    tags: Vec<&'static str>,
    /// `ltr` or `rtl`.
    pub(crate) dir: &'static str,
    /// How a moment in UTC is written for those whose browser runs no script.
    time: &'static str,
    #[serde(flatten)]
    pub(crate) words: Words,
}

/// The texts. `{time}` stands in `back` and `changes` where the moment goes.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Words {
    pub(crate) title: &'static str,
    pub(crate) paused: &'static str,
    site: &'static str,
    page: &'static str,
    patience: &'static str,
    reading: &'static str,
    unsent: &'static str,
    back: &'static str,
    changes: &'static str,
    again: &'static str,
    checking: &'static str,
    reopened: &'static str,
    r#return: &'static str,
    reference: &'static str,
}

/// The tags of all languages, sorted, and where those begin that share their first two letters.
struct Tags {
    begin: [u8; 26 * 26],
    sorted: Vec<(&'static str, usize)>,
}

/// Every language; the first one is for those who ask for none of them.
#[allow(clippy::expect_used, reason = "the file is part of the program, and every test of a page reads it")]
static LANGUAGES: LazyLock<Vec<Language>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("languages.json")).expect("languages.json is a list of languages")
});

static TAGS: LazyLock<Tags> = LazyLock::new(Tags::new);

/// Every language of the built-in page, the one for everybody else first.
pub(crate) fn languages() -> &'static [Language] {
    &LANGUAGES
}

/// Which of [`languages`] a language tag means: the longest known beginning of it decides (RFC 4647 §3.4).
pub(crate) fn find(tag: &[u8]) -> Option<usize> {
    TAGS.find(tag)
}

// === impl Language ===

impl Language {
    /// A moment for people who read this language, in UTC.
    pub(crate) fn moment(&self, at: Timestamp) -> String {
        at.by_pattern(self.time)
    }
}

// === impl Tags ===

impl Tags {
    fn new() -> Self {
        let mut sorted: Vec<_> = languages()
            .iter()
            .enumerate()
            .flat_map(|(index, language)| language.tags.iter().map(move |tag| (*tag, index)))
            .collect();
        sorted.sort_unstable();
        let mut begin = [u8::MAX; 26 * 26];
        for (at, (tag, _)) in sorted.iter().enumerate().rev() {
            if let (Some(slot), Ok(at)) = (slot(tag.as_bytes()), u8::try_from(at)) {
                begin[slot] = at;
            }
        }
        Self { begin, sorted }
    }

    fn find(&self, tag: &[u8]) -> Option<usize> {
        let slot = slot(tag)?;
        let begin = usize::from(self.begin[slot]);
        let alike = self.sorted.get(begin..)?.iter();
        let alike = alike.take_while(|(known, _)| known.as_bytes()[..2].eq_ignore_ascii_case(&tag[..2]));
        let fits = |known: &str| {
            tag.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known.as_bytes()))
                && matches!(tag.get(known.len()), None | Some(b'-'))
        };
        // Sorted, so the longest of those that fit comes last.
        alike.filter(|(known, _)| fits(known)).last().map(|(_, index)| *index)
    }
}

/// The place of a tag's first two letters; every language here has a name of two.
fn slot(tag: &[u8]) -> Option<usize> {
    let place =
        |letter: u8| letter.is_ascii_alphabetic().then(|| usize::from(letter.to_ascii_lowercase() - b'a'));
    match *tag {
        [first, second, ..] => Some(place(first)? * 26 + place(second)?),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_tag_means_the_language_of_its_longest_known_beginning() {
        let named = |tag: &str| find(tag.as_bytes()).map(|index| languages()[index].language);
        for (tag, language) in [
            ("en", "en"),
            ("DE-ch", "de"),
            ("de-CH-1996", "de"),
            ("pt-BR", "pt"),
            ("iw", "he"),
            ("zh", "zh-Hans"),
            ("zh-CN", "zh-Hans"),
            ("zh-hant-HK", "zh-Hant"),
            ("zh-tw", "zh-Hant"),
            ("zh-Hans-TW", "zh-Hans"),
        ] {
            assert_eq!(named(tag), Some(language), "{tag}");
        }
        for tag in ["", "e", "*", "xx", "fil", "eng", "de_DE", "d", "-de", "z\u{fc}"] {
            assert_eq!(named(tag), None, "{tag}");
        }
    }

    #[test]
    fn every_language_has_its_own_words_and_says_when() {
        let at: Timestamp = "2099-01-31T22:30:00Z".parse().unwrap();
        for language in languages() {
            let Words { back, changes, title, paused, .. } = &language.words;
            for sentence in [back, changes] {
                assert_eq!(sentence.matches("{time}").count(), 1, "{}: {sentence}", language.language);
            }
            let moment = language.moment(at);
            assert!(
                moment.contains("2099") && moment.contains("22:30") && moment.contains("UTC"),
                "{moment}"
            );
            assert_eq!(
                find(language.language.as_bytes()).map(|index| languages()[index].language),
                Some(language.language)
            );
            assert!(matches!(language.dir, "ltr" | "rtl"));
            let others = languages()
                .iter()
                .filter(|other| other.words.title == *title || other.words.paused == *paused);
            assert_eq!(others.count(), 1, "{}", language.language);
            let words = serde_json::to_value(&language.words).unwrap();
            for (name, text) in words.as_object().unwrap() {
                let text = text.as_str().unwrap();
                assert!(!text.is_empty() && text.trim() == text, "{}: {name}", language.language);
            }
        }
        assert!(languages().len() >= 12);
    }
}
