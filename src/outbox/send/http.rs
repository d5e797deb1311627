//! Claims over HTTP: `POST /v1/commands`, signed with the machine's key (NIP-98). Blocks: call it where
//! that is allowed.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nostr_sdk::hashes::Hash as _;
use nostr_sdk::hashes::sha256;
use nostr_sdk::nips::nip98::{HttpData, HttpMethod};
use nostr_sdk::{EventBuilder, JsonUtil as _, Tag, Url};
use serde_json::Value;
use serde_json::value::RawValue;
use ureq::Agent;

use super::receipt::ANSWER_BYTES_MAX;
use crate::secret::Secret;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Most claims of one request.
pub const POST_MAX: usize = 32;
/// Most bytes of claims in one request, but for a single one: half of what a ledger takes by default.
pub const POST_BYTES_MAX: usize = 512 * 1024;
/// Longest wait that a server may ask for.
const WAIT_MAX: Duration = Duration::from_hours(1);

/// A ledger's HTTP address, and who asks.
pub struct Http {
    agent: Agent,
    url: Url,
    secret: Secret,
    /// Whether answers have to prove what they say.
    wants_receipts: bool,
}

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub enum Posted {
    /// An answer a claim, in order.
    Answers(Vec<String>),
    /// Nothing that tells about the claims: they are sent again.
    Later {
        /// Why, for a person.
        why: String,
        /// Not before so long, if the server said so.
        after: Option<Duration>,
        /// It was too much at once.
        is_too_long: bool,
    },
}

impl Posted {
    fn later(why: impl Into<String>) -> Self {
        Self::Later { why: why.into(), after: None, is_too_long: false }
    }
}

impl Http {
    /// `origin` is scheme and host, without a slash at the end; `None` if it is none.
    pub fn new(origin: &str, secret: Secret, wants_receipts: bool) -> Option<Self> {
        // What is signed is for one place: no redirect is followed.
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("spireledger-atm/", env!("CARGO_PKG_VERSION")));
        let url = Url::parse(&format!("{origin}/v1/commands")).ok()?;
        Some(Self { agent: config.build().into(), url, secret, wants_receipts })
    }

    /// Sends claims, each a command as JSON, and waits. `nonce` is another number each time: two
    /// requests of one second must not be the same event.
    pub fn post(&self, claims: &[&str], nonce: u64) -> Posted {
        let claims: Vec<Cow<'_, str>> = claims.iter().map(|claim| self.asked(claim)).collect();
        let body = format!("[{}]", claims.join(","));
        let Some(authorization) = self.sign(&body, nonce) else {
            return Posted::later("the request cannot be signed");
        };
        let request = self.agent.post(self.url.as_str());
        let request = request
            .header("Authorization", authorization)
            .header("Content-Type", "application/json");
        let mut answered = match request.send(body) {
            Ok(answered) => answered,
            Err(error) => return Posted::later(error.to_string()),
        };
        let status = answered.status().as_u16();
        let after = answered.headers().get("retry-after");
        let after = after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let after = after.map(|seconds| Duration::from_secs(seconds).min(WAIT_MAX));
        let limit = (claims.len() * ANSWER_BYTES_MAX) as u64;
        let text = answered.body_mut().with_config().limit(limit).read_to_string();
        let text = match text {
            Ok(text) => text,
            Err(error) => return Posted::later(format!("status {status}, and {error}")),
        };
        if status != 200 {
            let is_too_long = status == 413;
            return Posted::Later { why: problem(status, &text), after, is_too_long };
        }
        match serde_json::from_str::<Vec<&RawValue>>(&text) {
            Ok(answers) if answers.len() == claims.len() => {
                Posted::Answers(answers.iter().map(|answer| answer.get().to_owned()).collect())
            }
            Ok(answers) => Posted::later(format!("{} answers to {}", answers.len(), claims.len())),
            Err(error) => Posted::later(format!("what answers is no ledger: {error}")),
        }
    }

    /// A claim, with what is wanted of its answer.
    fn asked<'a>(&self, claim: &'a str) -> Cow<'a, str> {
        match claim.trim_start().strip_prefix('{') {
            Some(fields) if self.wants_receipts => format!("{{\"receipt\":true,{fields}").into(),
            _ => claim.into(),
        }
    }

    /// The `Authorization` header of a request.
    fn sign(&self, body: &str, nonce: u64) -> Option<String> {
        let hash = sha256::Hash::hash(body.as_bytes());
        let data = HttpData::new(self.url.clone(), HttpMethod::POST).payload(hash);
        let nonce = Tag::parse(["nonce", &nonce.to_string()]).ok()?;
        let event = EventBuilder::http_auth(data).tag(nonce);
        let event = event.sign_with_keys(self.secret.keys()).ok()?;
        Some(format!("Nostr {}", STANDARD.encode(event.as_json())))
    }
}

/// What a problem (RFC 9457) says, for a person.
fn problem(status: u16, text: &str) -> String {
    let said: Option<Value> = serde_json::from_str(text).ok();
    let detail = said.as_ref().and_then(|said| said["detail"].as_str()).unwrap_or_default();
    let detail: String = detail.chars().take(500).collect();
    format!("status {status}: {detail}")
}
