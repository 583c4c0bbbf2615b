//! Bytes as lower-case hexadecimal, for secrets that stand in JSON, cookies and links.

/// `bytes`, two digits each.
pub(crate) fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// Exactly `COUNT` bytes; nothing for any other length, for capitals and for other characters.
pub(crate) fn decode<const COUNT: usize>(text: &str) -> Option<[u8; COUNT]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * COUNT {
        return None;
    }
    let mut bytes = [0; COUNT];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_here_is_read_again() {
        assert_eq!(encode(&[0, 9, 0xab, 255]), "0009abff");
        assert_eq!(decode(&encode(&[0, 9, 0xab, 255])), Some([0, 9, 0xab, 255]));
        for text in ["", "0009abf", "0009abfff0", "0009ABFF", "0009abfg", "0009ab+f", "0009abé"] {
            assert_eq!(decode::<4>(text), None, "{text}");
        }
    }
}
