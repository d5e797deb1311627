//! Requests and answers as kind 21000 events: decrypt and read, write and encrypt. Pure.
//!
//! A request is `{"rpcName": "<command>", "body": {…}, "requestId": "…"}` in NIP-44 v2, signed by the
//! sender and p-tagged to the ledger. The answer goes back the same way, e-tagged to the request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nostr_sdk::nips::nip44::v2::{ConversationKey, decrypt_to_bytes, encrypt_to_bytes};
use nostr_sdk::{Event, EventBuilder, EventId, Keys, Kind, PublicKey, Tag, Timestamp};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use spireledger_schema::json::{Fields, Malformed};
use spireledger_schema::{Answer, Code, Command, Refusal};

use crate::relays::{CONTENT_BYTES_MAX, REQUEST};

/// Longest plaintext of NIP-44 v2 that every library writes, in bytes: rust-nostr stops 127 short of
/// what the length before the text can say.
pub const PLAINTEXT_BYTES_MAX: usize = 65_408;
/// Longest `requestId`, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Where an answer goes, and in which words of the sender.
pub struct Letter {
    to: PublicKey,
    request: EventId,
    secret: ConversationKey,
    request_id: Option<String>,
}

/// What a request asks for; what cannot be read is answered with why.
pub type Asked = Result<Command, Refusal>;

/// Whether an event is meant for a key: it is p-tagged to it, and not its own.
pub fn is_for(event: &Event, key: &PublicKey) -> bool {
    event.pubkey != *key && event.tags.public_keys().any(|tagged| tagged == key)
}

/// Opens a request whose signature was checked. `None` if it is no request at all: an answer to
/// somebody is not answered, or two ledgers would never stop.
pub fn open(keys: &Keys, event: &Event) -> Option<(Letter, Asked)> {
    let secret = ConversationKey::derive(keys.secret_key(), &event.pubkey).ok()?;
    let mut letter = Letter { to: event.pubkey, request: event.id, secret, request_id: None };
    let text = match decrypt(&letter.secret, &event.content) {
        Ok(text) => text,
        Err(problem) => return Some((letter, Err(problem.into()))),
    };
    let mut fields = match Fields::read(&text) {
        Ok(fields) => fields,
        Err(problem) => return Some((letter, Err(problem.into()))),
    };
    let rpc_name = fields.take("rpcName");
    if rpc_name.is_none() && fields.take("status").is_some() {
        return None;
    }
    let asked = read(&mut fields, rpc_name, &event.pubkey, &mut letter.request_id);
    Some((letter, asked))
}

/// The text of a content.
pub fn decrypt(secret: &ConversationKey, content: &str) -> Result<String, Malformed> {
    let wrong = |found: &str| {
        Malformed::new(found, "NIP-44 version 2, encrypted to this ledger's key").within("content")
    };
    if content.len() > CONTENT_BYTES_MAX {
        return Err(wrong(&format!("{} bytes", content.len())));
    }
    let sealed = STANDARD.decode(content).map_err(|_| wrong("something else than base64"))?;
    match sealed.first() {
        Some(2) => {}
        Some(version) => return Err(wrong(&format!("version {version}"))),
        None => return Err(wrong("")),
    }
    let bytes = decrypt_to_bytes(secret, &sealed).map_err(|why| wrong(&why.to_string()))?;
    String::from_utf8(bytes).map_err(|_| wrong("bytes that are no UTF-8"))
}

fn read(
    fields: &mut Fields<'_>,
    rpc_name: Option<&RawValue>,
    sender: &PublicKey,
    request_id: &mut Option<String>,
) -> Asked {
    // First of all, so that whatever is wrong with the rest is answered to it.
    *request_id = fields.take("requestId").map(read_request_id).transpose()?;
    if fields.take("shardsId").is_some() {
        let expected = format!("a whole request, of at most {PLAINTEXT_BYTES_MAX} bytes");
        return Err(Malformed::new("a part of a request", expected).within("shardsId").into());
    }
    if let Some(raw) = fields.take("authIdentifier")
        && string(raw).as_deref() != Some(sender.to_hex().as_str())
    {
        let message = "`authIdentifier` is another key than the one that signed; leave it out, or \
                       give the signer's public key in hex";
        return Err(Refusal::new(Code::Forbidden, message));
    }
    let expected = "a command's type, such as \"settlement.claim\"";
    let name = rpc_name.and_then(string).ok_or_else(|| {
        Malformed::new(rpc_name.map_or("nothing", RawValue::get), expected).within("rpcName")
    })?;
    Ok(command(&name, fields.take("body"))?)
}

fn read_request_id(raw: &RawValue) -> Result<String, Malformed> {
    string(raw).filter(|id| id.len() <= REQUEST_ID_BYTES_MAX).ok_or_else(|| {
        let expected = format!("a string of at most {REQUEST_ID_BYTES_MAX} bytes");
        Malformed::new(raw.get(), expected).within("requestId")
    })
}

fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// The command that a request names and fills. The body may say its `type` too, if it is the same.
fn command(name: &str, body: Option<&RawValue>) -> Result<Command, Malformed> {
    let text = body.map_or("{}", RawValue::get);
    let mut fields = Fields::read(text).map_err(|problem| problem.within("body"))?;
    match fields.take("type") {
        Some(raw) if string(raw).as_deref() == Some(name) => Command::parse(text),
        Some(raw) => {
            let expected = "the same as `rpcName`, or nothing";
            Err(Malformed::new(raw.get(), expected).within("type").within("body"))
        }
        None => {
            let inside = text.trim_start().strip_prefix('{').unwrap_or_default();
            let comma = if inside.trim_start().starts_with('}') { "" } else { "," };
            Command::parse(&format!("{{\"type\":{}{comma}{inside}", Value::from(name)))
        }
    }
}

/// The answer's JSON: what HTTP answers, in the words that clients of this family read.
fn answer_json(letter: &Letter, answer: &Answer) -> String {
    let mut json = match serde_json::to_value(answer) {
        Ok(Value::Object(json)) => json,
        // Every answer has a JSON form, and it is an object.
        _ => Map::new(),
    };
    let outcome = json.remove("status").unwrap_or_default();
    let is_refused = matches!(answer, Answer::Refused(_));
    json.insert("status".into(), if is_refused { "ERROR" } else { "OK" }.into());
    json.insert("outcome".into(), outcome);
    if let Answer::Refused(refusal) = answer {
        json.insert("reason".into(), refusal.message.clone().into());
    }
    if let Some(id) = &letter.request_id {
        json.insert("requestId".into(), id.clone().into());
    }
    let text = Value::from(json.clone()).to_string();
    if text.len() <= PLAINTEXT_BYTES_MAX {
        return text;
    }
    // Plans of very many legs, what differs between two long claims, the receipt of a very long entry: the
    // ledger can be asked.
    let long: Vec<Value> = ["legs", "details", "receipt"]
        .into_iter()
        .filter(|name| json.remove(*name).is_some())
        .map(Value::from)
        .collect();
    json.insert("left_out".into(), long.into());
    Value::from(json).to_string()
}

/// The answer as an event, signed by the ledger. `None` only if the system has no randomness.
pub fn seal(keys: &Keys, letter: &Letter, answer: &Answer, now: Timestamp) -> Option<Event> {
    let text = answer_json(letter, answer);
    let sealed = encrypt_to_bytes(&letter.secret, text.as_bytes()).ok()?;
    EventBuilder::new(Kind::from(REQUEST), STANDARD.encode(sealed))
        .tags([Tag::public_key(letter.to), Tag::event(letter.request)])
        .custom_created_at(now)
        .sign_with_keys(keys)
        .ok()
}
