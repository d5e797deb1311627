//! Lightning addresses (LUD-16) and LNURL-pay (LUD-01, LUD-06): from an address to one invoice, whose
//! amount is checked and whose description is the hash of what the address said of itself.
//!
//! It is resolved here and not where it is paid, because the hash has to be known before the payment.

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::bolt11::{Bolt11, long_bech32};
use super::payments::PaymentError;
use super::wallets::is_safe;

/// What an address answers first.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offer {
    tag: Option<String>,
    callback: Option<String>,
    min_sendable: Option<u64>,
    max_sendable: Option<u64>,
    metadata: Option<String>,
    status: Option<String>,
    reason: Option<String>,
}

/// What it answers to an amount.
#[derive(Deserialize)]
struct Offered {
    pr: Option<String>,
    status: Option<String>,
    reason: Option<String>,
}

/// Asks an address for an invoice over some millisats. `get` fetches a document.
pub(super) fn invoice(
    address: &str,
    msat: u64,
    get: impl Fn(&str) -> Result<String, PaymentError>,
) -> Result<String, PaymentError> {
    let no = |why: String| PaymentError::Unusable { who: address.to_owned(), why };
    let url = url_of(address).map_err(|why| no(why.into()))?;
    let offer: Offer = read(&get(&url)?).map_err(&no)?;
    refused(offer.status.as_deref(), offer.reason.as_deref()).map_err(&no)?;
    if offer.tag.as_deref() != Some("payRequest") {
        return Err(no("it takes no payments (LNURL-pay)".into()));
    }
    let (Some(callback), Some(metadata)) = (offer.callback, offer.metadata) else {
        return Err(no("it does not say where to ask for an invoice".into()));
    };
    let (min, max) = (offer.min_sendable.unwrap_or(1), offer.max_sendable.unwrap_or(u64::MAX));
    if !(min..=max).contains(&msat) {
        return Err(no(format!("it takes {min} to {max} msat, not {msat}")));
    }
    if !is_safe(&callback) || callback.contains('#') {
        return Err(no("it asks over an open line, or in no way that is known".into()));
    }
    let join = if callback.contains('?') { '&' } else { '?' };
    let offered: Offered = read(&get(&format!("{callback}{join}amount={msat}"))?).map_err(&no)?;
    refused(offered.status.as_deref(), offered.reason.as_deref()).map_err(&no)?;
    let bolt11 = offered.pr.ok_or_else(|| no("it gave no invoice".into()))?;
    let invoice = Bolt11::read(&bolt11).map_err(|error| no(error.to_string()))?;
    if invoice.amount_msat != Some(msat) {
        return Err(no(format!("it gave an invoice over another amount than {msat} msat")));
    }
    let promised: [u8; 32] = Sha256::digest(metadata.as_bytes()).into();
    if invoice.description_hash != Some(promised) {
        return Err(no("its invoice is not for what it said of itself (description hash)".into()));
    }
    Ok(bolt11)
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("no LNURL-pay answer: {error}"))
}

fn refused(status: Option<&str>, reason: Option<&str>) -> Result<(), String> {
    match status {
        Some(status) if status.eq_ignore_ascii_case("error") => {
            Err(format!("it refuses: {}", reason.unwrap_or("no reason given")))
        }
        _ => Ok(()),
    }
}

/// Where an address is asked: over TLS, or on this machine.
fn url_of(address: &str) -> Result<String, &'static str> {
    let lower = address.to_lowercase();
    let address = if lower.starts_with("lightning:") { &address[10..] } else { address };
    if let Some((user, host)) = address.split_once('@') {
        let (user, host) = (user.to_lowercase(), host.to_lowercase());
        let is_name = |text: &str, more: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        // LUD-16, with the `+tag` that many allow.
        if !is_name(&user, "-_.+") || !is_name(&host, "-.:") {
            return Err("it is no Lightning address");
        }
        let local = format!("http://{host}/.well-known/lnurlp/{user}");
        return Ok(if is_safe(&local) { local } else { format!("https{}", &local[4..]) });
    }
    let lower = address.to_lowercase();
    let url = if let Some(rest) = lower.strip_prefix("lnurlp://") {
        // The path is as it was written: only the scheme and the host have no case.
        format!("https://{}", &address[address.len() - rest.len()..])
    } else {
        let (prefix, bytes) = long_bech32(address).ok_or("it is no LNURL")?;
        if prefix != "lnurl" {
            return Err("it is no LNURL");
        }
        String::from_utf8(bytes).map_err(|_| "it is no LNURL")?
    };
    if is_safe(&url) { Ok(url) } else { Err("it would be asked over an open line") }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// The example of LUD-01.
    const CODE: &str = "LNURL1DP68GURN8GHJ7UM9WFMXJCM99E3K7MF0V9CXJ0M385EKVCENXC6R2C35XVUKXEFCV5MKVV34X5EKZD3EV56NYD3HXQURZEPEXEJXXEPNXSCRVWFNV9NXZCN9XQ6XYEFHVGCXXCMYXYMNSERXFQ5FNS";
    /// The example of BOLT 11 over 20 mBTC, and the text that its description hash is of.
    const HASHED: &str = "lnbc20m1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqhp58yjmdan79s6qqdhdzgynm4zwqd5d7xmw5fk98klysy043l2ahrqs9qrsgq7ea976txfraylvgzuxs8kgcw23ezlrszfnh8r6qtfpr6cxga50aj6txm9rxrydzd06dfeawfk6swupvz4erwnyutnjq7x39ymw6j38gp7ynn44";
    const SAID: &str = "One piece of chocolate cake, one icecream cone, one pickle, one slice of swiss cheese, one slice of salami, one lollypop, one piece of cherry pie, one sausage, one cupcake, and one slice of watermelon";
    const MSAT: u64 = 2_000_000_000;

    #[test]
    fn addresses_lead_to_their_places() {
        let places = [
            ("Ana@Example.com", Ok("https://example.com/.well-known/lnurlp/ana")),
            ("lightning:ana@example.com", Ok("https://example.com/.well-known/lnurlp/ana")),
            ("ana@127.0.0.1:81", Ok("http://127.0.0.1:81/.well-known/lnurlp/ana")),
            ("lnurlp://example.com/A", Ok("https://example.com/A")),
            (
                CODE,
                Ok(
                    "https://service.com/api?q=3fc3645b439ce8e7f2553a69e5267081d96dcd340693afabe04be7b0ccd178df",
                ),
            ),
            ("ana@example.com/../x", Err("it is no Lightning address")),
            ("ana@127.0.0.1:81@example.com", Err("it is no Lightning address")),
            ("lnurl1xyz", Err("it is no LNURL")),
            ("@", Err("it is no Lightning address")),
        ];
        for (address, expected) in places {
            assert_eq!(url_of(address).as_deref(), expected.as_deref(), "{address}");
        }
    }

    /// An address that says this, then gives this invoice.
    fn asked(
        metadata: &str,
        max: u64,
        callback: &str,
        pr: &str,
    ) -> (Result<String, String>, Vec<String>) {
        let asked = RefCell::new(Vec::new());
        let offer = serde_json::json!({ "tag": "payRequest", "callback": callback,
            "minSendable": 1_000, "maxSendable": max, "metadata": metadata });
        let answer = invoice("ana@example.com", MSAT, |url| {
            asked.borrow_mut().push(url.to_owned());
            let is_first = asked.borrow().len() == 1;
            let json = if is_first {
                offer.clone()
            } else {
                serde_json::json!({ "pr": pr, "routes": [] })
            };
            Ok(json.to_string())
        });
        (answer.map_err(|error| error.to_string()), asked.into_inner())
    }

    #[test]
    fn an_invoice_is_for_the_amount_and_for_what_was_said() {
        let callback = "https://example.com/pay?x=1";
        let (answer, urls) = asked(SAID, MSAT, callback, HASHED);
        assert_eq!(answer.as_deref(), Ok(HASHED));
        assert_eq!(urls[1], "https://example.com/pay?x=1&amount=2000000000");
        for (said, max, callback, wrong) in [
            ("something else", MSAT, callback, "description hash"),
            (SAID, MSAT - 1, callback, "not 2000000000"),
            (SAID, MSAT, "http://example.com/pay", "open line"),
        ] {
            let (answer, _) = asked(said, max, callback, HASHED);
            assert!(answer.as_ref().is_err_and(|why| why.contains(wrong)), "{answer:?}");
        }
        let coffee = "lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vdx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3rh";
        assert!(asked(SAID, MSAT, callback, coffee).0.unwrap_err().contains("another amount"));
        assert!(asked(SAID, MSAT, callback, "").0.is_err());
    }

    #[test]
    fn a_no_is_told() {
        let no = r#"{"status":"ERROR","reason":"closed for today"}"#;
        let answer = invoice("ana@example.com", MSAT, |_| Ok(no.into())).unwrap_err();
        assert!(answer.to_string().contains("closed for today"));
    }
}
