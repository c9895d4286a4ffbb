//! Messages that go to the same receivers one after the other, joined so that one write takes them all.

use std::cell::OnceCell;
use std::ops::Range;

use bytes::Bytes;

use super::account::counted;
use super::config::Deflate;
use super::outgoing::Outgoing;

/// Messages in order, as one piece of bytes and in parts.
#[derive(Debug)]
pub(crate) struct Run {
    messages: Vec<Outgoing>,
    plain: Joined,
    deflated: OnceCell<Joined>,
    volatile: bool,
}

/// Bytes of all messages, and where each of them ends.
#[derive(Debug)]
struct Joined {
    bytes: Bytes,
    ends: Vec<usize>,
}

impl Joined {
    fn new<'a>(messages: &'a [Outgoing], form: impl Fn(&'a Outgoing) -> &'a Bytes) -> Self {
        let mut ends = Vec::with_capacity(messages.len());
        let mut size = 0;
        for message in messages {
            size += form(message).len();
            ends.push(size);
        }
        let bytes = match messages {
            [single] => form(single).clone(),
            _ => {
                let mut joined = Vec::with_capacity(size);
                for message in messages {
                    joined.extend_from_slice(form(message));
                }
                counted(joined)
            }
        };
        Self { bytes, ends }
    }

    fn slice(&self, range: Range<usize>) -> Bytes {
        let place = |at: usize| match at.checked_sub(1) {
            None => 0,
            Some(last) => self.ends.get(last).copied().unwrap_or(self.bytes.len()),
        };
        self.bytes.slice(place(range.start)..place(range.end))
    }
}

impl Run {
    pub(crate) fn new(messages: Vec<Outgoing>) -> Self {
        Self {
            plain: Joined::new(&messages, Outgoing::wire),
            deflated: OnceCell::new(),
            volatile: messages.iter().any(Outgoing::is_volatile),
            messages,
        }
    }

    /// All messages.
    pub(crate) fn all(&self) -> Range<usize> {
        0..self.messages.len()
    }

    /// All messages as plain frames.
    pub(crate) fn plain(&self) -> &Bytes {
        &self.plain.bytes
    }

    /// Whether any of the messages may be dropped.
    pub(crate) fn is_volatile(&self) -> bool {
        self.volatile
    }

    /// Whether some may be dropped because of those before them.
    pub(crate) fn has_volatile_rest(&self) -> bool {
        self.volatile && self.messages.len() > 1
    }

    /// Some of the messages.
    pub(crate) fn messages(&self, range: Range<usize>) -> &[Outgoing] {
        self.messages.get(range).unwrap_or_default()
    }

    /// Some of the messages as frames.
    pub(crate) fn slice(&self, range: Range<usize>, deflate: Option<Deflate>) -> Bytes {
        match deflate {
            None => self.plain.slice(range),
            Some(options) => self
                .deflated
                .get_or_init(|| Joined::new(&self.messages, |message| message.deflated(options)))
                .slice(range),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_of_a_run_is_its_messages_in_order() {
        let run = Run::new(
            ["a", "bc", "d"]
                .map(|text| Outgoing::from_frame(&text.into()))
                .to_vec(),
        );
        assert_eq!(&run.plain()[..], b"\x81\x024a\x81\x034bc\x81\x024d");
        assert_eq!(
            run.slice(1..3, None),
            Bytes::from_static(b"\x81\x034bc\x81\x024d")
        );
        assert_eq!(run.slice(2..2, None), Bytes::new());
        assert_eq!(run.slice(run.all(), None), run.plain());
    }
}
