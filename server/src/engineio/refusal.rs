//! Refused requests: error codes, their HTTP responses, and the error that hooks get.

use std::fmt;

use http::header::{self, HeaderValue};
use http::{Response, StatusCode};

use super::body::ResponseBody;

/// Error codes of the Engine.IO server, sent in the JSON body of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum RefuseCode {
    /// `transport` is missing, unknown or disabled.
    TransportUnknown = 0,
    /// No session has this `sid`.
    UnknownSid = 1,
    /// A handshake with a method other than GET.
    BadHandshakeMethod = 2,
    /// Any other violation of the protocol.
    BadRequest = 3,
    /// [`EngineConfig::allow_request`](super::EngineConfig::allow_request), the origin or a limit forbids it.
    Forbidden = 4,
    /// `EIO` is not 4.
    UnsupportedVersion = 5,
}

impl RefuseCode {
    /// Number in the JSON body.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Message of the official server.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::TransportUnknown => "Transport unknown",
            Self::UnknownSid => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => "Forbidden",
            Self::UnsupportedVersion => "Unsupported protocol version",
        }
    }
}

/// Refusal of a request, for [`EngineConfig::on_connection_error`](super::EngineConfig::on_connection_error).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionError {
    /// Error code.
    pub code: RefuseCode,
    /// Message in the body: the code's own, or that of `allow_request`.
    pub message: String,
    /// Details for the log: `unknown sid 'abc'`.
    pub context: String,
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.message, self.code.code(), self.context)
    }
}

impl std::error::Error for ConnectionError {}

/// Response to a refused request.
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// Whether the body has code and message.
    has_body: bool,
    pub(crate) error: ConnectionError,
}

impl Refusal {
    pub(crate) fn new(code: RefuseCode, context: impl Into<String>) -> Self {
        let status = match code {
            RefuseCode::Forbidden => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        };
        Self {
            status,
            has_body: true,
            error: ConnectionError {
                code,
                message: code.message().to_owned(),
                context: context.into(),
            },
        }
    }

    /// Refusal of a request that belongs to a session. Like that of the official server, it has no body.
    pub(crate) fn of_transport(status: StatusCode, context: &str) -> Self {
        Self {
            status,
            has_body: false,
            ..Self::new(RefuseCode::BadRequest, context)
        }
    }

    pub(crate) fn into_response(self) -> Response<ResponseBody> {
        if !self.has_body {
            let mut response = Response::default();
            *response.status_mut() = self.status;
            return response;
        }
        let ConnectionError { code, message, .. } = self.error;
        let body = serde_json::json!({ "code": code.code(), "message": message }).to_string();
        let mut response = Response::new(ResponseBody::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        if matches!(
            self.status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        ) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
