//! Which way a claim goes. Pure.

/// The ways of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ways {
    /// Over Nostr, to all relays.
    pub nostr: bool,
    /// Over HTTP.
    pub http: bool,
}

/// Attempts over relays alone that may stay unanswered, before HTTP is tried too.
const RELAYS_ALONE: u32 = 2;

/// The ways of the next attempt of a claim that was sent `sends` times. Relays come first; HTTP is used
/// where there is none, or when they bring no answer.
pub const fn ways(sends: u32, is_relay_there: bool, has_http: bool) -> Ways {
    Ways { nostr: is_relay_there, http: has_http && (!is_relay_there || sends >= RELAYS_ALONE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_used_when_relays_fail() {
        let both = |sends, relay, http| {
            let ways = ways(sends, relay, http);
            (ways.nostr, ways.http)
        };
        assert_eq!(both(0, true, true), (true, false));
        assert_eq!(both(1, true, true), (true, false));
        assert_eq!(both(2, true, true), (true, true));
        assert_eq!(both(0, false, true), (false, true));
        assert_eq!(both(9, true, false), (true, false));
        assert_eq!(both(9, false, false), (false, false));
    }
}
