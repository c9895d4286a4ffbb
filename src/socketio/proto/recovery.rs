//! What a server needs to restore a session after a cut: its private id, and the offset of the last event.

use crate::socketio::Value;
use crate::socketio::value::without_repeats;

/// Longest private id or offset that is kept, in bytes. Servers make ids of some twenty; a longer text is somebody's
/// message, and would come back in each CONNECT, perhaps as more than the server takes.
const MAX_BYTES: usize = 1024;

/// Session that a server may restore.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Recovery {
    /// Private id that the server gave; it does so only when it can restore.
    pid: Option<String>,
    /// Last argument of the last event, if it was a string.
    offset: Option<String>,
    pub(super) recovered: bool,
}

impl Recovery {
    /// The server accepted a CONNECT and perhaps named a private id.
    pub(super) fn accepted(&mut self, pid: Option<&str>) {
        let pid = pid.filter(|pid| pid.len() <= MAX_BYTES);
        self.recovered = pid.is_some() && self.pid.as_deref() == pid;
        self.pid = pid.map(str::to_owned);
    }

    /// An event is handed to the program. The server appends the offset as one more argument; a last string that
    /// is none does no harm, since the server does not find it and begins a new session.
    pub(super) fn delivered(&mut self, args: &[Value]) {
        if let (Some(_), Some(Value::String(last))) = (&self.pid, args.last())
            && last.len() <= MAX_BYTES
        {
            self.offset = Some(last.clone());
        }
    }

    /// Payload of the next CONNECT: `pid` and `offset` below what the program says.
    pub(super) fn payload(&self, auth: Option<Value>) -> Option<Value> {
        let Some(pid) = &self.pid else { return auth };
        let mut entries = vec![("pid".to_owned(), Value::from(pid.as_str()))];
        if let Some(offset) = &self.offset {
            entries.push(("offset".to_owned(), Value::from(offset.as_str())));
        }
        if let Some(Value::Object(more)) = auth {
            entries.extend(more);
        }
        Some(Value::Object(without_repeats(entries)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socketio::value::json;

    fn payload(recovery: &Recovery, auth: Option<Value>) -> Option<String> {
        recovery.payload(auth).as_ref().map(json::to_string)
    }

    #[test]
    fn nothing_is_added_until_the_server_named_a_private_id() {
        let mut recovery = Recovery::default();
        recovery.delivered(&[Value::from("x")]);
        assert_eq!(payload(&recovery, None), None);
        recovery.accepted(Some("p"));
        assert_eq!(payload(&recovery, None).as_deref(), Some(r#"{"pid":"p"}"#));
    }

    #[test]
    fn the_last_string_of_any_event_is_the_offset() {
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
    fn a_long_message_is_no_offset() {
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
    fn what_the_program_says_goes_over_it() {
        let mut recovery = Recovery::default();
        recovery.accepted(Some("p"));
        let auth = Value::object([("token", Value::from(1)), ("pid", Value::from("mine"))]);
        assert_eq!(
            payload(&recovery, Some(auth)).as_deref(),
            Some(r#"{"pid":"mine","token":1}"#)
        );
    }

    #[test]
    fn a_session_is_recovered_when_the_private_id_stays() {
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
