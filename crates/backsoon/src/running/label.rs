//! What a running request is called, held in place.

use std::time::Duration;

use super::Running;

/// The names of a request, held in place: it costs no allocation to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label {
    method: Text<11>,
    path: Text<63>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Text<const N: usize> {
    length: u8,
    bytes: [u8; N],
}

// === impl Label ===

impl Label {
    pub(super) fn of(method: &str, path: &str) -> Self {
        Self { method: Text::of(method), path: Text::of(path) }
    }

    pub(super) fn running(&self, age: Duration) -> Running {
        let age_ms = age.as_millis().try_into().unwrap_or(u64::MAX);
        Running { method: self.method.to_string(), path: self.path.to_string(), age_ms }
    }
}

// === impl Text ===

impl<const N: usize> Text<N> {
    fn of(text: &str) -> Self {
        const ELLIPSIS: &str = "…";
        let mut bytes = [0; N];
        let whole = text.len() <= N;
        let end = if whole { text.len() } else { text.floor_char_boundary(N - ELLIPSIS.len()) };
        bytes[..end].copy_from_slice(&text.as_bytes()[..end]);
        let mut length = end;
        if !whole {
            length += ELLIPSIS.len();
            bytes[end..length].copy_from_slice(ELLIPSIS.as_bytes());
        }
        // N is far below 256.
        Self { length: length.try_into().unwrap_or(u8::MAX), bytes }
    }
}

impl<const N: usize> std::fmt::Display for Text<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::str::from_utf8(&self.bytes[..self.length.into()]).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(Text::<11>::of("PROPPATCH").to_string(), "PROPPATCH");
        assert_eq!(Text::<11>::of("AAAAAAAAAAAA").to_string(), "AAAAAAAA…");
        assert_eq!(Text::<11>::of("ääääää").to_string(), "ääää…");
        assert_eq!(Text::<63>::of(&"x".repeat(63)).to_string(), "x".repeat(63));
    }
}
