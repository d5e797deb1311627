//! Hexadecimal, the spelling of hashes and public keys in JSON.

use std::fmt;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes bytes as lower-case hex, without an allocation.
pub(crate) fn fmt(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for pair in bytes.chunks(32) {
        let mut out = [0u8; 64];
        for (two, byte) in out.chunks_exact_mut(2).zip(pair) {
            if let [high, low] = two {
                *high = DIGITS[usize::from(byte >> 4)];
                *low = DIGITS[usize::from(byte & 15)];
            }
        }
        let used = out.get(..pair.len() * 2).unwrap_or_default();
        f.write_str(std::str::from_utf8(used).map_err(|_| fmt::Error)?)?;
    }
    Ok(())
}

/// Lower-case hex as a string.
pub fn encode(bytes: &[u8]) -> String {
    use fmt::Write as _;
    struct Hex<'a>(&'a [u8]);
    impl fmt::Display for Hex<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            fmt(self.0, f)
        }
    }
    let mut out = String::with_capacity(bytes.len() * 2);
    // Writing to a String cannot fail.
    let _ = write!(out, "{}", Hex(bytes));
    out
}

/// Reads exactly `N` bytes from `2 N` hex digits of either case.
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 {
        return None;
    }
    let mut out = [0u8; N];
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = match pair {
            [high, low] => digit(*high)? << 4 | digit(*low)?,
            _ => return None,
        };
    }
    Some(out)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
