//! Connection state recovery: the private id of a session and the offset of the last event.

use crate::socketio::codec::Value;
use crate::socketio::codec::value::dedup_keys;

/// Maximum length of a private id or offset in bytes. Servers create ids of about twenty bytes; a longer string is part of
/// an event, and could make every CONNECT larger than the server accepts.
const MAX_BYTES: usize = 1024;

/// Session that the server may restore.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Recovery {
    /// Private id; servers send it only if they can restore the session.
    pid: Option<String>,
    /// Last string argument of the events so far.
    offset: Option<String>,
    pub(super) recovered: bool,
}

impl Recovery {
    /// Records the answer to a CONNECT, which may have a private id.
    pub(super) fn accepted(&mut self, pid: Option<&str>) {
        let pid = pid.filter(|pid| pid.len() <= MAX_BYTES);
        self.recovered = pid.is_some() && self.pid.as_deref() == pid;
        self.pid = pid.map(str::to_owned);
    }

    /// Records the offset of a delivered event. The server appends it as the last argument. If the last string is no offset,
    /// the server will not find it and will start a new session.
    pub(super) fn delivered(&mut self, args: &[Value]) {
        if let (Some(_), Some(Value::String(last))) = (&self.pid, args.last())
            && last.len() <= MAX_BYTES
        {
            self.offset = Some(last.clone());
        }
    }

    /// Payload of the next CONNECT: `pid` and `offset`, overridden by the program's `auth`.
    pub(super) fn payload(&self, auth: Option<Value>) -> Option<Value> {
        let Some(pid) = &self.pid else { return auth };
        let mut entries = vec![("pid".to_owned(), Value::from(pid.as_str()))];
        if let Some(offset) = &self.offset {
            entries.push(("offset".to_owned(), Value::from(offset.as_str())));
        }
        if let Some(Value::Object(more)) = auth {
            entries.extend(more);
        }
        Some(Value::Object(dedup_keys(entries)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socketio::codec::value::json;

    fn payload(recovery: &Recovery, auth: Option<Value>) -> Option<String> {
        recovery.payload(auth).as_ref().map(json::to_string)
    }

    #[test]
    fn recovery_without_private_id_adds_nothing() {
        let mut recovery = Recovery::default();
        recovery.delivered(&[Value::from("x")]);
        assert_eq!(payload(&recovery, None), None);
        recovery.accepted(Some("p"));
        assert_eq!(payload(&recovery, None).as_deref(), Some(r#"{"pid":"p"}"#));
    }

    #[test]
    fn recovery_offset_is_last_string_argument() {
        let mut recovery = Recovery::default();
        recovery.accepted(Some("p"));
        recovery.delivered(&[Value::from(1), Value::from("one")]);
        recovery.delivered(&[Value::from("two"), Value::from(2)]);
        recovery.delivered(&[]);
        assert_eq!(
            payload(&recovery, None).as_deref(),
            Some(r#"{"pid":"p","offset":"one"}"#)
        );
    }

    #[test]
    fn recovery_offset_too_long_is_ignored() {
        let mut recovery = Recovery::default();
        recovery.accepted(Some("p"));
        recovery.delivered(&[Value::from("o1")]);
        recovery.delivered(&[Value::from("x".repeat(MAX_BYTES + 1))]);
        assert_eq!(
            payload(&recovery, None).as_deref(),
            Some(r#"{"pid":"p","offset":"o1"}"#)
        );
        recovery.accepted(Some(&"p".repeat(MAX_BYTES + 1)));
        assert_eq!(payload(&recovery, None), None);
    }

    #[test]
    fn recovery_payload_is_overridden_by_auth() {
        let mut recovery = Recovery::default();
        recovery.accepted(Some("p"));
        let auth = Value::object([("token", Value::from(1)), ("pid", Value::from("mine"))]);
        assert_eq!(
            payload(&recovery, Some(auth)).as_deref(),
            Some(r#"{"pid":"mine","token":1}"#)
        );
    }

    #[test]
    fn recovery_with_same_private_id_is_recovered() {
        let mut recovery = Recovery::default();
        for (pid, recovered) in [
            (Some("a"), false),
            (Some("a"), true),
            (Some("b"), false),
            (None, false),
        ] {
            recovery.accepted(pid);
            assert_eq!(recovery.recovered, recovered, "{pid:?}");
        }
    }
}
