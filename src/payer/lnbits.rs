//! LNbits over HTTP. Keys go into a header and nowhere else; amounts are whole sats and millisats.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::money::Sats;
use spireledger_schema::text::WalletId;
use ureq::Agent;
use ureq::http::Response;
use ureq::{Body, RequestBuilder};

use super::lnurl;
use super::payments::{Destination, PaymentError, Payments, Row, Seen, Side};
use super::wallets::{Keys, Wallets};

/// How long one question may take. LNbits itself waits up to some seconds for a payment.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
/// Payments of a wallet that are fetched at a time.
const PAGE_ROWS: usize = 500;
/// Most pages of one wallet.
const PAGES_MAX: usize = 10_000;
/// Redirects that an address may make.
const REDIRECTS_MAX: u32 = 3;

/// An LNbits, and the keys of wallets there.
pub struct Lnbits {
    wallets: Wallets,
    /// Never follows a redirect: keys are for one place.
    agent: Agent,
    /// For addresses of others.
    strangers: Agent,
}

/// A payment in its own words. What is not here is passed over.
#[derive(Deserialize)]
struct Payment {
    #[serde(rename = "payment_hash")]
    hash: String,
    /// Below zero: outgoing.
    #[serde(default)]
    amount: i64,
    /// Below zero or zero.
    #[serde(default)]
    fee: i64,
    #[serde(default)]
    status: String,
}

impl Payment {
    fn side(&self) -> Side {
        if self.amount < 0 { Side::Out } else { Side::In }
    }

    fn seen(&self) -> Seen {
        match self.status.as_str() {
            "success" => Seen::Paid {
                amount_msat: self.amount.unsigned_abs(),
                fee_msat: self.fee.unsigned_abs(),
            },
            "failed" => Seen::Failed,
            // What is not known to have ended may be under way.
            _ => Seen::Pending,
        }
    }
}

impl Lnbits {
    /// The LNbits of a wallets file.
    pub fn new(wallets: Wallets) -> Self {
        let config = || {
            Agent::config_builder()
                .timeout_global(Some(TIMEOUT))
                .http_status_as_error(false)
                .user_agent(concat!("spireledger/", env!("CARGO_PKG_VERSION")))
        };
        Self {
            agent: config().max_redirects(0).build().into(),
            strangers: config().max_redirects(REDIRECTS_MAX).build().into(),
            wallets,
        }
    }

    /// The wallets whose keys are known.
    pub fn wallets(&self) -> impl Iterator<Item = &WalletId> {
        self.wallets.keys.keys()
    }

    fn keys(&self, wallet: &WalletId) -> Result<&Keys, PaymentError> {
        self.wallets.keys.get(wallet).ok_or_else(|| PaymentError::NoKeys(wallet.clone()))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1/{path}", self.wallets.lnbits)
    }

    fn get(&self, path: &str, key: &str) -> Result<(u16, String), PaymentError> {
        let request = self.agent.get(self.url(path)).header("X-Api-Key", key);
        self.answer(request.call())
    }

    fn post(&self, path: &str, key: &str, body: &Value) -> Result<(u16, String), PaymentError> {
        let request = self.agent.post(self.url(path));
        let request: RequestBuilder<_> =
            request.header("X-Api-Key", key).header("Content-Type", "application/json");
        self.answer(request.send(body.to_string()))
    }

    fn answer(
        &self,
        sent: Result<Response<Body>, ureq::Error>,
    ) -> Result<(u16, String), PaymentError> {
        read(&self.wallets.lnbits, sent)
    }

    /// The payment of a wallet under a hash, as the holder of a key sees it.
    fn payment(&self, key: &str, hash: &PaymentHash) -> Result<Option<Payment>, PaymentError> {
        let (status, text) = self.get(&format!("payments/{hash}"), key)?;
        let who = || self.wallets.lnbits.clone();
        if status == 404 && text.contains("Payment does not exist") {
            return Ok(None);
        }
        let said = good(&who(), status, &text)?;
        // Without details the key is not one that may see this wallet: nothing is known then.
        let details = said.get("details").cloned().unwrap_or_default();
        let payment: Payment =
            serde_json::from_value(details).map_err(|error| PaymentError::Unusable {
                who: who(),
                why: format!("a payment without details: {error}"),
            })?;
        if payment.hash != hash.to_string() {
            return Err(PaymentError::Unusable {
                who: who(),
                why: "it answers another payment".into(),
            });
        }
        Ok(Some(payment))
    }
}

/// The JSON of an answer that is no refusal.
fn good(who: &str, status: u16, text: &str) -> Result<Value, PaymentError> {
    let json: Option<Value> = serde_json::from_str(text).ok();
    if !(200..300).contains(&status) {
        let detail = json.as_ref().and_then(|json| json.get("detail"));
        let detail =
            detail.map(|detail| detail.as_str().map_or_else(|| detail.to_string(), Into::into));
        let detail = detail.unwrap_or_else(|| "without a reason".into());
        return Err(PaymentError::Refused { who: who.into(), status, detail });
    }
    json.ok_or_else(|| PaymentError::Unusable { who: who.into(), why: "it is no JSON".into() })
}

fn read(
    who: &str,
    sent: Result<Response<Body>, ureq::Error>,
) -> Result<(u16, String), PaymentError> {
    let gone =
        |error: ureq::Error| PaymentError::Unreachable { who: who.into(), why: error.to_string() };
    let mut response = sent.map_err(gone)?;
    let status = response.status().as_u16();
    let text = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
    Ok((status, text.map_err(gone)?))
}

fn field<'a>(who: &str, json: &'a Value, name: &str) -> Result<&'a str, PaymentError> {
    let missing =
        || PaymentError::Unusable { who: who.into(), why: format!("there is no `{name}`") };
    json.get(name).and_then(Value::as_str).ok_or_else(missing)
}

impl Payments for Lnbits {
    fn knows(&self, wallet: &WalletId) -> bool {
        self.wallets.keys.contains_key(wallet)
    }

    fn can_spend_from(&self, wallet: &WalletId) -> bool {
        self.wallets.keys.get(wallet).is_some_and(|keys| keys.admin_key.is_some())
    }

    fn invoice(
        &self,
        to: &Destination,
        amount: Sats,
        memo: &str,
        seconds: u32,
    ) -> Result<String, PaymentError> {
        let key = match to {
            Destination::Wallet(wallet) => &self.keys(wallet)?.invoice_key,
            Destination::InvoiceKey(key) => key,
            Destination::Address(address) => {
                let msat = amount.get().saturating_mul(1_000);
                return lnurl::invoice(address, msat, |url| {
                    let (status, text) = read(address, self.strangers.get(url).call())?;
                    // A refusal of LNURL can come under any status, and says more than the status.
                    if (200..300).contains(&status) || text.contains("reason") {
                        return Ok(text);
                    }
                    good(address, status, &text).map(|_| text)
                });
            }
        };
        // `internal`: an invoice that only this LNbits can be paid by, so that no route ever costs.
        let body = json!({ "out": false, "amount": amount.get(), "unit": "sat", "memo": memo,
            "expiry": seconds, "internal": true });
        let (status, text) = self.post("payments", key, &body)?;
        let who = &self.wallets.lnbits;
        let said = good(who, status, &text)?;
        field(who, &said, "bolt11")
            .or_else(|_| field(who, &said, "payment_request"))
            .map(Into::into)
    }

    fn pay(&self, from: &WalletId, bolt11: &str) -> Result<(), PaymentError> {
        let key = self.keys(from)?.admin_key.as_ref();
        let key = key.ok_or_else(|| PaymentError::NoAdminKey(from.clone()))?;
        let (status, text) =
            self.post("payments", key, &json!({ "out": true, "bolt11": bolt11 }))?;
        good(&self.wallets.lnbits, status, &text).map(drop)
    }

    fn seen(&self, from: &WalletId, hash: &PaymentHash) -> Result<Seen, PaymentError> {
        let payment = self.payment(&self.keys(from)?.invoice_key, hash)?;
        // Its own invoice is not its payment.
        let out = payment.filter(|payment| payment.side() == Side::Out);
        Ok(out.map_or(Seen::NotFound, |payment| payment.seen()))
    }

    fn received(&self, to: &Destination, hash: &PaymentHash) -> Result<Option<Seen>, PaymentError> {
        let key = match to {
            Destination::Wallet(wallet) => &self.keys(wallet)?.invoice_key,
            Destination::InvoiceKey(key) => key,
            Destination::Address(_) => return Ok(None),
        };
        let payment = self.payment(key, hash)?.filter(|payment| payment.side() == Side::In);
        Ok(Some(payment.map_or(Seen::NotFound, |payment| payment.seen())))
    }

    fn balance_msat(&self, wallet: &WalletId) -> Result<u64, PaymentError> {
        let (status, text) = self.get("wallet", &self.keys(wallet)?.invoice_key)?;
        let who = &self.wallets.lnbits;
        let balance = good(who, status, &text)?.get("balance").and_then(Value::as_i64);
        let missing =
            || PaymentError::Unusable { who: who.clone(), why: "there is no `balance`".into() };
        Ok(u64::try_from(balance.ok_or_else(missing)?).unwrap_or(0))
    }

    fn reserve_msat(&self, to: &Destination, bolt11: &str) -> Result<u64, PaymentError> {
        if !matches!(to, Destination::Address(_)) {
            return Ok(0);
        }
        let path = format!("payments/fee-reserve?invoice={bolt11}");
        let (status, text) = self.answer(self.agent.get(self.url(&path)).call())?;
        let who = &self.wallets.lnbits;
        let reserve = good(who, status, &text)?.get("fee_reserve").and_then(Value::as_i64);
        let missing =
            || PaymentError::Unusable { who: who.clone(), why: "there is no `fee_reserve`".into() };
        Ok(reserve.ok_or_else(missing)?.unsigned_abs())
    }

    fn rows(&self, wallet: &WalletId) -> Result<Vec<Row>, PaymentError> {
        let key = &self.keys(wallet)?.invoice_key;
        let who = &self.wallets.lnbits;
        let unusable = |why: String| PaymentError::Unusable { who: who.clone(), why };
        let mut rows = Vec::new();
        for page in 0..PAGES_MAX {
            // Oldest first: what comes meanwhile comes at the end.
            let offset = page * PAGE_ROWS;
            let path =
                format!("payments?limit={PAGE_ROWS}&offset={offset}&sortby=time&direction=asc");
            let (status, text) = self.get(&path, key)?;
            let said = good(who, status, &text)?;
            let found: Vec<Payment> =
                serde_json::from_value(said).map_err(|error| unusable(error.to_string()))?;
            let is_last = found.len() < PAGE_ROWS;
            for payment in found {
                let hash = PaymentHash::parse_hex(&payment.hash);
                rows.push(Row {
                    payment_hash: hash
                        .ok_or_else(|| unusable("a payment without a hash".into()))?,
                    side: payment.side(),
                    amount_msat: payment.amount.unsigned_abs(),
                    fee_msat: payment.fee.unsigned_abs(),
                    seen: payment.seen(),
                });
            }
            if is_last {
                return Ok(rows);
            }
        }
        Err(unusable(format!("more than {} payments", PAGES_MAX * PAGE_ROWS)))
    }
}
