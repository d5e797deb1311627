//! Pieces of text that all these formats share: base64, decimals, lists of hashes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::TreeHash;

/// Most hashes of a path: a tree of 2^63 entries has no longer one.
pub(super) const PATH_MAX: usize = 63;

/// Standard base64 with padding (RFC 4648, section 4).
pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads base64 in its one canonical spelling.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

pub(super) fn decode_32(text: &str) -> Option<[u8; 32]> {
    decode(text)?.try_into().ok()
}

/// Reads a decimal without a sign or leading zeroes.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

/// Reads lines of one hash each, up to an empty line; returns them with what follows it.
pub(super) fn path(mut text: &str) -> Option<(Vec<TreeHash>, &str)> {
    let mut path = Vec::new();
    loop {
        let (line, rest) = text.split_once('\n')?;
        if line.is_empty() {
            return Some((path, rest));
        }
        if path.len() == PATH_MAX {
            return None;
        }
        path.push(TreeHash::parse(line)?);
        text = rest;
    }
}

/// Writes what [`path`] reads.
pub(super) fn write_path(path: &[TreeHash], out: &mut String) {
    for hash in path {
        out.push_str(&hash.to_string());
        out.push('\n');
    }
    out.push('\n');
}
