//! Durations as people write them: `30m`, `1h30m`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// The longest that can be meant: ten years.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// A duration longer than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let way_out = || "a duration is written 30s, 15m or 1h30m, and is at most ten years".to_owned();
        let span = text.trim().parse::<jiff::Span>().map_err(|_| way_out())?;
        let exact = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| way_out())?;
        let exact = Duration::try_from(exact).map_err(|_| way_out())?;
        if exact.is_zero() || exact > LONGEST { Err(way_out()) } else { Ok(Self(exact)) }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Tells `null` from nothing at all: the outer option is what was said, the inner one its value.
pub(crate) fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
