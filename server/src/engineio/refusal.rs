//! Refusals: the official codes and messages as HTTP answers.

use axum::body::Body;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};

use crate::engineio::reason::{ConnectionError, RefuseCode};
use crate::engineio::sessions::Refused;

/// A refusal on its way to the client.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// Whether code and message stand in the body.
    has_body: bool,
    pub(super) error: ConnectionError,
}

impl Refusal {
    pub(super) fn new(code: RefuseCode, context: impl Into<String>) -> Self {
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

    /// Refusal of a request that belongs to a session; as officially, its status says all.
    pub(super) fn of_transport(status: StatusCode, context: &str) -> Self {
        Self {
            status,
            has_body: false,
            ..Self::new(RefuseCode::BadRequest, context)
        }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        if !self.has_body {
            let mut response = Response::default();
            *response.status_mut() = self.status;
            return response;
        }
        let ConnectionError { code, message, .. } = self.error;
        let body = serde_json::json!({ "code": code.code(), "message": message }).to_string();
        let mut response = Response::new(Body::from(body));
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

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let (status, context) = match refused {
            Refused::ServerFull => (StatusCode::SERVICE_UNAVAILABLE, "too many sessions"),
            Refused::AddressFull => (StatusCode::TOO_MANY_REQUESTS, "too many sessions of this address"),
            Refused::Rate => (StatusCode::TOO_MANY_REQUESTS, "too many handshakes a second"),
            Refused::Closed => (StatusCode::SERVICE_UNAVAILABLE, "the server is shutting down"),
        };
        let mut refusal = Self::new(RefuseCode::Forbidden, context);
        refusal.status = status;
        refusal.error.message = context.to_owned();
        refusal
    }
}
