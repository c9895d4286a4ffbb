//! Frames on their way into POST bodies, for drivers of the polling transport.

use std::collections::VecDeque;

use super::framing::FrameKind;
use crate::socketio::Frame;
use crate::socketio::engine::polling_payload::{SEPARATOR, encode_base64};

/// Most packets of one body: what a server of this project takes unless told otherwise. A queue that was filled while
/// there was no connection may hold more.
const MAX_PACKETS: usize = 4096;

/// Queue of a polling transport: as many frames as fit go into one body.
///
/// ```
/// use pesan::socketio::proto::Batch;
/// use pesan::socketio::Frame;
///
/// let mut batch = Batch::default();
/// batch.push(Frame::from("4a"));
/// batch.push(Frame::from(vec![1, 2, 3]));
/// batch.push(Frame::from("4b"));
/// assert_eq!(batch.next_body(Some(9)).as_deref(), Some("4a\u{1e}bAQID"));
/// assert_eq!(batch.next_body(None).as_deref(), Some("4b"));
/// assert_eq!(batch.next_body(None), None);
/// ```
#[derive(Debug, Default)]
pub struct Batch {
    packets: VecDeque<String>,
    bytes: usize,
}

impl Batch {
    /// Queues a frame; binary becomes base64, since a body is text.
    pub fn push(&mut self, frame: Frame) {
        let packet = match frame {
            Frame::Text(text) => text,
            Frame::Binary(bytes) => {
                let mut text = String::from("b");
                encode_base64(&mut text, &bytes);
                text
            }
        };
        self.bytes += packet.len();
        self.packets.push_back(packet);
    }

    /// Bytes of all that waits, without what goes between packets.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn pop(&mut self) -> Option<String> {
        let packet = self.packets.pop_front()?;
        self.bytes -= packet.len();
        Some(packet)
    }

    /// Next body of at most `max_payload` bytes, the server's
    /// [`max_payload`](super::Machine::max_payload), and at most 4096 packets; `None` when nothing waits. A single
    /// packet always goes. A DISCONNECT and the end of the session begin a body of their own: the official server drops
    /// events that it reads together with them.
    pub fn next_body(&mut self, max_payload: Option<u64>) -> Option<String> {
        let limit = max_payload.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX));
        let mut body = self.pop()?;
        let mut packets = 1;
        while packets < MAX_PACKETS
            && let Some(next) = self.packets.front()
            && FrameKind::of_text(next) != FrameKind::Leaving
            && body.len().saturating_add(next.len()).saturating_add(1) <= limit
        {
            body.push(SEPARATOR);
            body.push_str(next);
            self.pop();
            packets += 1;
        }
        Some(body)
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_that_is_larger_than_any_body_goes_alone() {
        let mut batch = Batch::default();
        for text in ["4a", "4toolarge", "4b", "4c"] {
            batch.push(text.into());
        }
        assert_eq!(batch.bytes(), "4a4toolarge4b4c".len());
        let bodies: Vec<String> = std::iter::from_fn(|| batch.next_body(Some(5))).collect();
        assert_eq!(bodies, ["4a", "4toolarge", "4b\u{1e}4c"]);
        assert!(batch.is_empty());
        assert_eq!(batch.bytes(), 0);
    }

    #[test]
    fn disconnect_and_close_begin_a_body_of_their_own() {
        let mut batch = Batch::default();
        for text in ["42[\"a\"]", "42[\"b\"]", "41", "41/chat,", "1"] {
            batch.push(text.into());
        }
        let bodies: Vec<String> = std::iter::from_fn(|| batch.next_body(None)).collect();
        assert_eq!(bodies, ["42[\"a\"]\u{1e}42[\"b\"]", "41", "41/chat,", "1"]);
    }

    #[test]
    fn a_long_queue_goes_in_bodies_that_a_server_takes() {
        let mut batch = Batch::default();
        for _ in 0..10_000 {
            batch.push("42[\"pesan\"]".into());
        }
        let bodies = std::iter::from_fn(|| batch.next_body(Some(1_000_000)));
        let packets: Vec<usize> = bodies.map(|body| body.split(SEPARATOR).count()).collect();
        assert_eq!(packets, [4096, 4096, 1808]);
    }
}
