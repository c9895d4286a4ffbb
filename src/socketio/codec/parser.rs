//! Wire formats, and the decoder of a connection: frames in, packets out.

#[cfg(feature = "msgpack")]
use super::msgpack;
use super::packet::placeholders::{self, Attachment};
use super::packet::{self, Body, DecodeError, EncodeError, Packet, ROOT};
use super::value::{Value, json, number};
use super::{Frame, Limits};

/// Wire format of packets: the official default, or msgpack. Both ends must use the same one.
///
/// ```
/// use pesan::socketio::{Decoded, Limits, Packet, Parser, packet::Body};
///
/// let parser = Parser::default();
/// let packet = Packet::new("/", Body::event("pesan", vec!["halo".into()]));
/// let frames = parser.encode(&packet);
/// assert_eq!(frames, [r#"2["pesan","halo"]"#.into()]);
///
/// let mut decoder = parser.decoder(Limits::default());
/// for frame in frames {
///     assert_eq!(decoder.decode(frame), Ok(Decoded::Packet(packet.clone())));
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Parser {
    /// One text frame, then one binary frame for each attachment; as `socket.io-parser`.
    #[default]
    Default,
    /// One binary frame; as `socket.io-msgpack-parser`.
    #[cfg(feature = "msgpack")]
    Msgpack,
}

impl Parser {
    /// Decoder of one connection in this format.
    #[must_use]
    pub fn decoder(self, limits: Limits) -> Decoder {
        Decoder::with_parser(limits, self)
    }

    /// Frames of a packet, in the order of the wire.
    #[must_use]
    pub fn encode(self, packet: &Packet) -> Vec<Frame> {
        match self {
            Self::Default => packet.encode().frames(),
            #[cfg(feature = "msgpack")]
            Self::Msgpack => vec![Frame::Binary(msgpack::encode(packet))],
        }
    }

    /// Checks that the receiver will get the same data.
    ///
    /// # Errors
    /// [`EncodeError`] if it would not; msgpack can carry all data.
    pub fn check(self, packet: &Packet) -> Result<(), EncodeError> {
        match self {
            Self::Default => packet.check(),
            #[cfg(feature = "msgpack")]
            Self::Msgpack if packet.namespace.starts_with('/') => Ok(()),
            #[cfg(feature = "msgpack")]
            Self::Msgpack => Err(EncodeError::Namespace(packet.namespace.clone())),
        }
    }
}

/// Result of decoding a frame; see [`Decoder`] for an example.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded {
    /// A complete packet.
    Packet(Packet),
    /// A packet that waits for attachments.
    Incomplete {
        /// Number of missing binary frames.
        missing: usize,
    },
}

/// Decoder of one connection: frames in, packets out.
///
/// Its only state is a packet whose attachments are missing. Use one decoder for each connection; [`reset`] it for the
/// next one.
///
/// ```
/// use pesan::socketio::{Decoded, Decoder, Limits, Value, packet::Body};
///
/// let mut decoder = Decoder::new(Limits::default());
/// let decoded = decoder.decode_text(r#"51-["picture",{"_placeholder":true,"num":0}]"#);
/// assert_eq!(decoded, Ok(Decoded::Incomplete { missing: 1 }));
/// let Ok(Decoded::Packet(packet)) = decoder.decode_binary(vec![1, 2, 3]) else {
///     panic!("the attachment completes the packet");
/// };
/// assert_eq!(packet.body, Body::event("picture", vec![Value::Binary(vec![1, 2, 3])]));
/// ```
///
/// [`reset`]: Self::reset
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    parser: Parser,
    pending: Option<Box<Pending>>,
}

/// Packet whose attachments are missing.
#[derive(Debug)]
struct Pending {
    packet: Packet,
    /// Bytes of its text frame.
    head: usize,
    wanted: usize,
    attachments: Vec<Attachment>,
    bytes: usize,
}

impl Pending {
    fn missing(&self) -> usize {
        self.wanted - self.attachments.len()
    }
}

impl Decoder {
    /// Decoder of the default format.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self::with_parser(limits, Parser::Default)
    }

    /// Decoder of the format of `parser`.
    #[must_use]
    pub fn with_parser(limits: Limits, parser: Parser) -> Self {
        Self {
            limits,
            parser,
            pending: None,
        }
    }

    /// Number of missing binary frames; 0 between packets.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.pending.as_ref().map_or(0, |pending| pending.missing())
    }

    /// Namespace of the incomplete packet, and the bytes of its frames so far.
    ///
    /// ```
    /// use pesan::socketio::{Decoder, Limits};
    ///
    /// let mut decoder = Decoder::new(Limits::default());
    /// assert_eq!(decoder.pending(), None);
    /// let head = r#"51-/admin,["picture",{"_placeholder":true,"num":0}]"#;
    /// assert!(decoder.decode_text(head).is_ok());
    /// assert_eq!(decoder.pending(), Some(("/admin", head.len())));
    /// ```
    #[must_use]
    pub fn pending(&self) -> Option<(&str, usize)> {
        self.pending
            .as_ref()
            .map(|pending| (pending.packet.namespace.as_str(), pending.head + pending.bytes))
    }

    /// Drops an incomplete packet, for a new connection.
    pub fn reset(&mut self) {
        self.pending = None;
    }

    /// Decodes the next frame, in the order of the wire.
    ///
    /// # Errors
    /// [`DecodeError`]; an incomplete packet is dropped, and the connection must be closed.
    pub fn decode(&mut self, frame: Frame) -> Result<Decoded, DecodeError> {
        match frame {
            Frame::Text(text) => self.decode_text(&text),
            Frame::Binary(bytes) => self.decode_binary(bytes),
        }
    }

    /// Decodes the next frame from borrowed text.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_text(&mut self, text: &str) -> Result<Decoded, DecodeError> {
        if self.parser != Parser::Default {
            return Err(DecodeError::InvalidPacket(
                "only binary frames carry packets in this format",
            ));
        }
        if let Some(pending) = self.pending.take() {
            return Err(DecodeError::UnexpectedText {
                missing: pending.missing(),
            });
        }
        self.check_size(text.len())?;
        let (packet, wanted) = decode_text(text, &self.limits)?;
        if wanted == 0 {
            return Ok(Decoded::Packet(packet));
        }
        self.pending = Some(Box::new(Pending {
            packet,
            head: text.len(),
            wanted,
            attachments: Vec::with_capacity(wanted),
            bytes: 0,
        }));
        Ok(Decoded::Incomplete { missing: wanted })
    }

    /// Decodes the next binary frame: an attachment, or with msgpack a packet.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_binary(&mut self, bytes: Vec<u8>) -> Result<Decoded, DecodeError> {
        #[cfg(feature = "msgpack")]
        if self.parser == Parser::Msgpack {
            return msgpack::decode(&bytes, &self.limits).map(Decoded::Packet);
        }
        let Some(mut pending) = self.pending.take() else {
            return Err(DecodeError::UnexpectedBinary);
        };
        self.check_size(bytes.len())?;
        let limit = self.limits.max_attachment_bytes;
        pending.bytes = pending.bytes.saturating_add(bytes.len());
        if pending.bytes > limit {
            return Err(DecodeError::AttachmentsTooLarge { limit });
        }
        pending.attachments.push(Attachment { bytes, uses: 0 });
        let missing = pending.missing();
        if missing > 0 {
            self.pending = Some(pending);
            return Ok(Decoded::Incomplete { missing });
        }
        let mut packet = pending.packet;
        if let Body::Event { args, .. } | Body::Ack { args, .. } = &mut packet.body {
            placeholders::restore(args, &mut pending.attachments, limit)?;
        }
        Ok(Decoded::Packet(packet))
    }

    fn check_size(&self, size: usize) -> Result<(), DecodeError> {
        let limit = self.limits.max_frame_bytes;
        if size > limit {
            return Err(DecodeError::TooLarge { size, limit });
        }
        Ok(())
    }
}

/// Decodes a text frame from left to right; also returns how many attachments follow.
fn decode_text(text: &str, limits: &Limits) -> Result<(Packet, usize), DecodeError> {
    let mut chars = text.chars();
    let Some(kind) = chars.next() else {
        return Err(DecodeError::Empty);
    };
    let rest = chars.as_str();
    let (wanted, rest) = match kind {
        '0'..='4' => (0, rest),
        '5' | '6' => split_attachments(rest, limits)?,
        other => return Err(DecodeError::UnknownType(other)),
    };
    let (namespace, rest) = split_namespace(rest, limits)?;
    let (id, rest) = split_digits(rest);
    let payload = parse_payload(rest, id.is_empty(), limits)?;
    let body = match kind {
        '0' => packet::connect(payload)?,
        '1' => packet::disconnect(payload.as_ref())?,
        '2' | '5' => packet::event(ack_id(id)?, payload)?,
        '3' | '6' => packet::ack(ack_id(id)?, payload)?,
        _ => packet::connect_error(payload)?,
    };
    Ok((Packet::new(namespace, body), wanted))
}

/// Splits off leading digits.
fn split_digits(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at_checked(digits).unwrap_or(("", text))
}

/// `<attachments>-`.
fn split_attachments<'t>(text: &'t str, limits: &Limits) -> Result<(usize, &'t str), DecodeError> {
    let Some((digits, rest)) = text.split_once('-') else {
        return Err(DecodeError::IllegalAttachments);
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DecodeError::IllegalAttachments);
    }
    let limit = limits.max_attachments;
    match number::uint(digits).map(usize::try_from) {
        Some(Ok(0)) => Err(DecodeError::IllegalAttachments),
        Some(Ok(count)) if count <= limit => Ok((count, rest)),
        _ => Err(DecodeError::TooManyAttachments { limit }),
    }
}

/// `[/name,]`; only a comma or the end of the text ends it.
fn split_namespace<'t>(text: &'t str, limits: &Limits) -> Result<(&'t str, &'t str), DecodeError> {
    if !text.starts_with('/') {
        return Ok((ROOT, text));
    }
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    let limit = limits.max_namespace_bytes;
    if namespace.len() > limit {
        return Err(DecodeError::NamespaceTooLong { limit });
    }
    Ok((namespace, rest))
}

/// Digits before the payload; they are only relevant for events and acks.
fn ack_id(digits: &str) -> Result<Option<u64>, DecodeError> {
    if digits.is_empty() {
        return Ok(None);
    }
    number::uint(digits).map(Some).ok_or(DecodeError::AckIdOutOfRange)
}

fn parse_payload(text: &str, without_id: bool, limits: &Limits) -> Result<Option<Value>, DecodeError> {
    if text.is_empty() {
        return Ok(None);
    }
    // JavaScript reads white space in place of an id as id 0.
    if without_id && text.starts_with(|first| matches!(first, '\t'..='\r' | ' ' | '\u{feff}')) {
        return Err(DecodeError::InvalidPayload("white space in place of an ack id"));
    }
    Ok(Some(json::parse(text, limits.max_depth)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socketio::codec::value::json::JsonError;

    fn decode(text: &str) -> Result<Decoded, DecodeError> {
        Decoder::new(Limits::default()).decode_text(text)
    }

    fn packet(text: &str) -> Packet {
        match decode(text) {
            Ok(Decoded::Packet(packet)) => packet,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn ack_id_up_to_64_bits_is_exact() {
        let Body::Event { id, .. } = packet(r#"218446744073709551615["a"]"#).body else {
            panic!("an event");
        };
        assert_eq!(id, Some(u64::MAX));
        assert_eq!(
            decode(r#"218446744073709551616["a"]"#),
            Err(DecodeError::AckIdOutOfRange)
        );
    }

    #[test]
    fn ack_id_white_space_is_refused() {
        for text in [
            "2 [\"a\"]",
            "2\n[\"a\"]",
            "2\u{feff}[\"a\"]",
            "2/n, 1[\"a\"]",
            "0 {}",
            "1 ",
        ] {
            assert!(
                matches!(decode(text), Err(DecodeError::InvalidPayload(_))),
                "{text:?}"
            );
        }
    }

    #[test]
    fn attachment_count_not_digits_is_refused() {
        for count in ["", "1e0", "0x1", " 1", "+1", "1.0", "0", "-1"] {
            let text = format!("5{count}-[\"a\"]");
            assert_eq!(decode(&text), Err(DecodeError::IllegalAttachments), "{text}");
        }
        for count in ["11", "99999999999999999999999999"] {
            let text = format!("5{count}-[\"a\"]");
            assert_eq!(
                decode(&text),
                Err(DecodeError::TooManyAttachments { limit: 10 }),
                "{text}"
            );
        }
    }

    #[test]
    fn event_or_ack_without_array_or_id_is_refused() {
        for text in ["2", "21", "3", "31", "31{}", "2{}"] {
            assert!(
                matches!(decode(text), Err(DecodeError::InvalidPayload(_))),
                "{text}"
            );
        }
        assert_eq!(decode(r#"3["a"]"#), Err(DecodeError::MissingAckId));
    }

    #[test]
    fn ack_id_of_other_packets_is_ignored() {
        assert_eq!(packet("0123").body, Body::Connect(None));
        assert_eq!(packet("15").body, Body::Disconnect);
        assert_eq!(
            packet(&format!("4{}", "9".repeat(30))).body,
            Body::ConnectError(None)
        );
    }

    #[test]
    fn namespace_ends_only_at_a_comma() {
        assert_eq!(packet(r#"0/admin{"t":1}"#).namespace, r#"/admin{"t":1}"#);
        assert_eq!(packet("0/a?b=c,").namespace, "/a?b=c");
        let long = format!("0/{},", "n".repeat(1024));
        assert_eq!(decode(&long), Err(DecodeError::NamespaceTooLong { limit: 1024 }));
    }

    #[test]
    fn event_name_reserved_is_refused() {
        assert_eq!(
            decode(r#"2["disconnect"]"#),
            Err(DecodeError::ReservedName("disconnect"))
        );
    }

    #[test]
    fn payload_nested_too_deep_is_refused() {
        let nested = |depth: usize| format!("2[\"a\",{}{}]", "[".repeat(depth), "]".repeat(depth));
        assert!(decode(&nested(511)).is_ok());
        let error = DecodeError::Json(JsonError::TooDeep { limit: 512 });
        assert_eq!(decode(&nested(512)), Err(error));
    }

    #[test]
    fn frame_or_attachments_too_large_are_refused() {
        let mut decoder = Decoder::new(Limits {
            max_frame_bytes: 50,
            max_attachment_bytes: 5,
            ..Limits::default()
        });
        let text = format!("2[\"{}\"]", "a".repeat(50));
        assert_eq!(
            decoder.decode_text(&text),
            Err(DecodeError::TooLarge { size: 55, limit: 50 })
        );
        assert_eq!(
            decoder.decode_text("52-[\"a\"]"),
            Ok(Decoded::Incomplete { missing: 2 })
        );
        assert_eq!(
            decoder.decode_binary(vec![0; 3]),
            Ok(Decoded::Incomplete { missing: 1 })
        );
        assert_eq!(
            decoder.decode_binary(vec![0; 3]),
            Err(DecodeError::AttachmentsTooLarge { limit: 5 })
        );
    }

    #[test]
    fn decoder_after_error_or_reset_drops_incomplete_packet() {
        let header = r#"51-["a",{"_placeholder":true,"num":0}]"#;
        let mut decoder = Decoder::new(Limits::default());
        for _ in 0..2 {
            assert_eq!(
                decoder.decode_text(header),
                Ok(Decoded::Incomplete { missing: 1 })
            );
            assert_eq!(decoder.missing(), 1);
            assert_eq!(
                decoder.decode_text("2[\"a\"]"),
                Err(DecodeError::UnexpectedText { missing: 1 })
            );
            assert_eq!(decoder.missing(), 0);
        }
        assert!(decoder.decode_text(header).is_ok());
        decoder.reset();
        assert_eq!(decoder.decode_binary(vec![1]), Err(DecodeError::UnexpectedBinary));
    }

    #[test]
    fn event_name_infinite_number_becomes_text() {
        let Body::Event { name, .. } = packet("2[1e400]").body else {
            panic!("an event");
        };
        assert_eq!((name.as_str(), name.is_numeric()), ("Infinity", false));
    }

    #[test]
    fn packet_of_maximum_depth_needs_little_stack() {
        let depth = Limits::default().max_depth - 2;
        let text = format!(
            "51-[\"a\",{}{{\"_placeholder\":true,\"num\":0}}{}]",
            "[".repeat(depth),
            "]".repeat(depth)
        );
        let run = move || {
            let mut decoder = Decoder::new(Limits::default());
            assert_eq!(decoder.decode_text(&text), Ok(Decoded::Incomplete { missing: 1 }));
            let Ok(Decoded::Packet(packet)) = decoder.decode_binary(vec![7]) else {
                panic!("the packet is whole");
            };
            assert_eq!(packet.clone().encode().text, text);
            let value = Value::Array(match packet.body {
                Body::Event { args, .. } => args,
                _ => Vec::new(),
            });
            assert!(value.has_binary());
        };
        // An unoptimised build; a page has 1 MiB, a tokio worker 2 MiB.
        let thread = std::thread::Builder::new().stack_size(512 << 10).spawn(run);
        thread.expect("a thread").join().expect("the stack suffices");
    }
}
