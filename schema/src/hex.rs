//! Hexadecimal, the spelling of hashes and public keys in JSON.

use std::fmt;

use serde::Serializer;

/// Writes 32 bytes as lower-case hex, without an allocation.
pub(crate) fn fmt(bytes: &[u8; 32], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    with_digits(bytes, |digits| f.write_str(digits))
}

/// Serializes 32 bytes as lower-case hex, past the formatting machinery.
pub(crate) fn serialize<S: Serializer>(bytes: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
    with_digits(bytes, |digits| to.serialize_str(digits))
}

fn with_digits<T>(bytes: &[u8; 32], then: impl FnOnce(&str) -> T) -> T {
    let mut out = [0u8; 64];
    for (two, byte) in out.chunks_exact_mut(2).zip(bytes) {
        if let [high, low] = two {
            (*high, *low) = digits(*byte);
        }
    }
    // Only digits were written.
    then(std::str::from_utf8(&out).unwrap_or_default())
}

/// Lower-case hex as a string.
pub fn encode(bytes: &[u8]) -> String {
    let pair = |byte: &u8| <[u8; 2]>::from(digits(*byte)).map(char::from);
    bytes.iter().flat_map(pair).collect()
}

/// The two digits of a byte, high and low.
const fn digits(byte: u8) -> (u8, u8) {
    const fn digit(nibble: u8) -> u8 {
        if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
    }
    (digit(byte >> 4), digit(byte & 15))
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
