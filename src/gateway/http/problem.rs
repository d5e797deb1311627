//! Errors as problem details (RFC 9457), with the refusal of the ledger where there is one.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use spireledger_schema::{Code, Refusal};

use crate::gateway::DeskError;

/// Why a request is not done.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    status: StatusCode,
    /// A short name of the kind, as in `type`.
    kind: &'static str,
    title: &'static str,
    detail: String,
    more: Map<String, Value>,
    retry_after: Option<u32>,
}

impl Problem {
    fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let (detail, more) = (detail.into(), Map::new());
        Self { status, kind, title, detail, more, retry_after: None }
    }

    /// Nobody signed it, or not so that it can be believed.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Not signed as it must be", detail)
    }

    /// Whoever signed it may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail)
    }

    /// There is no such thing, or it is somebody else's.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// The request makes no sense.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "Not understood", detail)
    }

    /// The path is there, but not for this method.
    pub fn wrong_method(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", "Wrong method", detail)
    }

    /// The body is too long.
    pub fn too_large(most: usize) -> Self {
        let detail = format!("a body has at most {most} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too long", detail)
    }

    /// The body took too long.
    pub fn too_slow(seconds: u64) -> Self {
        let detail = format!("a request is to be sent within {seconds} seconds");
        Self::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "Too slow", detail)
    }

    /// One key asks too often.
    pub fn too_many(most: u32, seconds: u32) -> Self {
        let detail = format!("a key may ask {most} times a minute");
        let mut problem =
            Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", "Too many requests", detail);
        problem.retry_after = Some(seconds);
        problem
    }

    /// The ledger has as much to do as it can take.
    pub fn busy(detail: impl Into<String>) -> Self {
        let mut problem =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Busy for a moment", detail);
        problem.retry_after = Some(1);
        problem
    }

    /// Something broke here. What, is in the log of this server and not told to a stranger.
    pub fn broken(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request could not be answered");
        let detail = "the server's log says what went wrong";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "broken", "Something went wrong", detail)
    }

    /// A command was refused.
    pub fn refused(refusal: &Refusal) -> Self {
        let status = status_of(refusal.code);
        let title = "Refused by the ledger";
        let mut problem = Self::new(status, "refused", title, refusal.message.clone());
        if let Ok(value) = serde_json::to_value(refusal) {
            problem.more.insert("refusal".into(), value);
        }
        if refusal.code == Code::Busy {
            problem.retry_after = Some(1);
        }
        problem
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }
}

/// The status that a refusal is answered with.
pub fn status_of(code: Code) -> StatusCode {
    match code {
        Code::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Code::Malformed => StatusCode::BAD_REQUEST,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::Conflict => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Full => Self::busy(error.to_string()),
            DeskError::Stopped(error) => {
                tracing::error!(%error, "the writer has stopped");
                Self::busy(
                    "the ledger has stopped; what was asked may or may not be recorded: ask again",
                )
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": format!("/problems#{}", self.kind),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(body) = body.as_object_mut() {
            body.extend(self.more);
        }
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Nostr"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
