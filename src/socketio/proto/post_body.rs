//! Joins frames into POST bodies, for drivers of the polling transport.

use std::collections::VecDeque;

use super::framing::FrameKind;
use crate::socketio::codec::Frame;
use crate::socketio::codec::engine::polling_payload::{SEPARATOR, encode_base64};

/// Maximum of packets in one body: the default limit of `pesan-server`. A send buffer may hold more.
const MAX_PACKETS: usize = 4096;

/// Send queue of a polling transport, which joins as many frames as fit into one POST body.
///
/// ```
/// use pesan::socketio::proto::PostQueue;
/// use pesan::socketio::Frame;
///
/// let mut queue = PostQueue::default();
/// queue.push(Frame::from("4a"));
/// queue.push(Frame::from(vec![1, 2, 3]));
/// queue.push(Frame::from("4b"));
/// assert_eq!(queue.next_body(Some(9)).as_deref(), Some("4a\u{1e}bAQID"));
/// assert_eq!(queue.next_body(None).as_deref(), Some("4b"));
/// assert_eq!(queue.next_body(None), None);
/// ```
#[derive(Debug, Default)]
pub struct PostQueue {
    packets: VecDeque<String>,
    bytes: usize,
}

impl PostQueue {
    /// Queues a frame. Binary becomes base64, since a body is text.
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

    /// Bytes of the queued packets, without separators.
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
    /// [`max_payload`](super::Connection::max_payload), and at most 4096 packets; `None` when the queue is empty. A body
    /// has at least one packet, whatever its size. A DISCONNECT and the end of the session start a new body: the official
    /// server drops events that it reads together with them.
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

    /// Whether the queue is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packet_larger_than_limit_is_sent_alone() {
        let mut batch = PostQueue::default();
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
    fn disconnect_and_close_start_a_new_body() {
        let mut batch = PostQueue::default();
        for text in ["42[\"a\"]", "42[\"b\"]", "41", "41/chat,", "1"] {
            batch.push(text.into());
        }
        let bodies: Vec<String> = std::iter::from_fn(|| batch.next_body(None)).collect();
        assert_eq!(bodies, ["42[\"a\"]\u{1e}42[\"b\"]", "41", "41/chat,", "1"]);
    }

    #[test]
    fn queue_long_is_split_by_packet_limit() {
        let mut batch = PostQueue::default();
        for _ in 0..10_000 {
            batch.push("42[\"pesan\"]".into());
        }
        let bodies = std::iter::from_fn(|| batch.next_body(Some(1_000_000)));
        let packets: Vec<usize> = bodies.map(|body| body.split(SEPARATOR).count()).collect();
        assert_eq!(packets, [4096, 4096, 1808]);
    }
}
