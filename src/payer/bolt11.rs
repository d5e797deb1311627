//! What an invoice says (BOLT 11): its hash, amount, expiry and what it is for. The signature is not
//! checked: whoever pays the invoice does that.

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Checksum};
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::limits::INVOICE_BYTES_MAX;
use spireledger_schema::time::Timestamp;

/// Seconds for which an invoice can be paid that does not say so.
const DEFAULT_EXPIRY_SECONDS: u64 = 3_600;
/// Symbols of five bits at the end: signature and recovery id.
const SIGNATURE_SYMBOLS: usize = 104;
/// Symbols at the beginning: seconds since 1970.
const TIME_SYMBOLS: usize = 7;
/// Symbols of a field of 32 bytes.
const HASH_SYMBOLS: usize = 52;

/// What an invoice says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bolt11 {
    /// Its payment hash.
    pub payment_hash: PaymentHash,
    /// How many millisats; none: whoever pays chooses.
    pub amount_msat: Option<u64>,
    /// SHA-256 of what it is for, if that is longer than an invoice should be.
    pub description_hash: Option<[u8; 32]>,
    /// When it can no longer be paid.
    pub expires_at: Timestamp,
}

/// Why a text is no invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no invoice: {0}")]
pub struct NotAnInvoice(&'static str);

/// The checksum of bech32, over texts longer than bech32 allows.
pub(super) enum Long {}

impl Checksum for Long {
    type MidstateRepr = <Bech32 as Checksum>::MidstateRepr;
    type CorrectionField = <Bech32 as Checksum>::CorrectionField;
    const ROOT_GENERATOR: Self::CorrectionField = Bech32::ROOT_GENERATOR;
    const ROOT_EXPONENTS: core::ops::RangeInclusive<usize> = Bech32::ROOT_EXPONENTS;
    const CODE_LENGTH: usize = INVOICE_BYTES_MAX;
    const CHECKSUM_LENGTH: usize = Bech32::CHECKSUM_LENGTH;
    const GENERATOR_SH: [u32; 5] = Bech32::GENERATOR_SH;
    const TARGET_RESIDUE: u32 = Bech32::TARGET_RESIDUE;
}

/// Reads text of any length in bech32 as its prefix and its bytes.
pub(super) fn long_bech32(text: &str) -> Option<(String, Vec<u8>)> {
    let read = CheckedHrpstring::new::<Long>(text).ok()?;
    Some((read.hrp().to_lowercase(), read.byte_iter().collect()))
}

impl Bolt11 {
    /// Reads an invoice.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, NotAnInvoice> {
        let no = NotAnInvoice;
        if text.len() > INVOICE_BYTES_MAX {
            return Err(no("it is too long"));
        }
        let read =
            CheckedHrpstring::new::<Long>(text).map_err(|_| no("it is not written in bech32"))?;
        let amount_msat = amount(&read.hrp().to_lowercase())?;
        let symbols: Vec<u8> = read.fe32_iter().map(bech32::Fe32::to_u8).collect();
        let end = symbols.len().checked_sub(SIGNATURE_SYMBOLS).ok_or(no("it is not signed"))?;
        let (time, mut fields) = symbols
            .get(..end)
            .and_then(|said| said.split_at_checked(TIME_SYMBOLS))
            .ok_or(no("it has no time"))?;
        let (mut hash, mut description_hash, mut expiry) = (None, None, DEFAULT_EXPIRY_SECONDS);
        while let [kind, high, low, rest @ ..] = fields {
            let len = usize::from(*high) * 32 + usize::from(*low);
            let (value, rest) = rest.split_at_checked(len).ok_or(no("a field is cut off"))?;
            match kind {
                // `p`, `h` and `x`. A hash of another length is to be passed over.
                1 if len == HASH_SYMBOLS && hash.is_none() => hash = Some(hash_of(value)),
                23 if len == HASH_SYMBOLS => description_hash = Some(hash_of(value)),
                6 => expiry = number(value).ok_or(no("its expiry is out of bounds"))?,
                _ => {}
            }
            fields = rest;
        }
        let until = number(time).and_then(|time| time.checked_add(expiry));
        let until = until.and_then(|seconds| Timestamp::from_seconds(i64::try_from(seconds).ok()?));
        Ok(Self {
            payment_hash: PaymentHash::from_bytes(hash.ok_or(no("it has no payment hash"))?),
            amount_msat,
            description_hash,
            expires_at: until.ok_or(no("its expiry is out of bounds"))?,
        })
    }
}

/// The amount in the prefix: digits and a unit, behind `ln` and the network's letters.
fn amount(prefix: &str) -> Result<Option<u64>, NotAnInvoice> {
    let no = NotAnInvoice("its amount cannot be read");
    let network = prefix.strip_prefix("ln").ok_or(NotAnInvoice("it does not begin with ln"))?;
    let said = network.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    if said.is_empty() {
        return Ok(None);
    }
    let digits = said.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| no)?;
    // Millisats of a bitcoin, and of its parts: milli, micro, nano; ten pico are one.
    let msat = match &said[digits.len()..] {
        "" => number.checked_mul(100_000_000_000),
        "m" => number.checked_mul(100_000_000),
        "u" => number.checked_mul(100_000),
        "n" => number.checked_mul(100),
        "p" if number.is_multiple_of(10) => Some(number / 10),
        _ => None,
    };
    msat.map(Some).ok_or(no)
}

fn number(symbols: &[u8]) -> Option<u64> {
    symbols.iter().try_fold(0_u64, |sum, symbol| sum.checked_mul(32)?.checked_add((*symbol).into()))
}

/// The first 32 bytes of 52 symbols: four bits are left over.
fn hash_of(symbols: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    let bit = |at: usize| symbols.get(at / 5).map_or(0, |symbol| symbol >> (4 - at % 5) & 1);
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = (0..8).fold(0, |sum, n| sum << 1 | bit(at * 8 + n));
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of BOLT 11: a donation, a coffee with an expiry of a minute, a description hash.
    const DONATION: &str = "lnbc1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq9qrsgq357wnc5r2ueh7ck6q93dj32dlqnls087fxdwk8qakdyafkq3yap9us6v52vjjsrvywa6rt52cm9r9zqt8r2t7mlcwspyetp5h2tztugp9lfyql";
    const COFFEE: &str = "lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vdx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3rh";
    const HASHED: &str = "lnbc20m1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqhp58yjmdan79s6qqdhdzgynm4zwqd5d7xmw5fk98klysy043l2ahrqs9qrsgq7ea976txfraylvgzuxs8kgcw23ezlrszfnh8r6qtfpr6cxga50aj6txm9rxrydzd06dfeawfk6swupvz4erwnyutnjq7x39ymw6j38gp7ynn44";

    const HASH: &str = "0001020304050607080900010203040506070809000102030405060708090102";

    #[test]
    fn examples_of_the_standard_are_read() {
        let read = |text| Bolt11::read(text).unwrap();
        let [donation, coffee, hashed] = [DONATION, COFFEE, HASHED].map(read);
        for invoice in [&donation, &coffee, &hashed] {
            assert_eq!(invoice.payment_hash.to_string(), HASH);
        }
        assert_eq!(donation.amount_msat, None);
        assert_eq!(coffee.amount_msat, Some(250_000_000));
        assert_eq!(hashed.amount_msat, Some(2_000_000_000));
        assert_eq!(donation.expires_at.seconds(), 1_496_314_658 + 3_600);
        assert_eq!(coffee.expires_at.seconds(), 1_496_314_658 + 60);
        assert_eq!(coffee.description_hash, None);
        let hash = PaymentHash::from_bytes(hashed.description_hash.unwrap()).to_string();
        assert_eq!(hash, "3925b6f67e2c340036ed12093dd44e0368df1b6ea26c53dbe4811f58fd5db8c1");
    }

    #[test]
    fn capitals_say_the_same_and_a_changed_letter_is_seen() {
        assert_eq!(Bolt11::read(&COFFEE.to_uppercase()), Bolt11::read(COFFEE));
        assert!(Bolt11::read(&COFFEE.replacen("2500u", "2600u", 1)).is_err());
        assert!(Bolt11::read("").is_err());
        assert!(Bolt11::read(&"lnbc1".repeat(1_000)).is_err());
    }

    #[test]
    fn amounts_are_exact_or_refused() {
        let amounts = [
            ("lnbc", Some(None)),
            ("lntb1", Some(Some(100_000_000_000))),
            ("lnbcrt20m", Some(Some(2_000_000_000))),
            ("lnbc10p", Some(Some(1))),
            ("lnbc1p", None),
            ("lnbc99999999999999999999n", None),
            ("lnbc5x", None),
            ("bc5m", None),
        ];
        for (prefix, expected) in amounts {
            assert_eq!(amount(prefix).ok(), expected, "{prefix}");
        }
    }
}
