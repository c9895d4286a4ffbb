//! WebSocket frames (RFC 6455): headers of outgoing frames, and a decoder that works in place.
//!
//! Between frames the decoder of a connection stores only the fragments of an incomplete message.

use std::borrow::Cow;
use std::fmt;

use crate::engineio::compression::{self, InflateError};

/// Type of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::Continuation),
            1 => Some(Self::Text),
            2 => Some(Self::Binary),
            8 => Some(Self::Close),
            9 => Some(Self::Ping),
            10 => Some(Self::Pong),
            _ => None,
        }
    }

    const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// Appends the header of an unfragmented, unmasked message.
pub(crate) fn push_header(out: &mut Vec<u8>, opcode: Opcode, compressed: bool, len: usize) {
    out.push(0x80 | if compressed { 0x40 } else { 0 } | opcode.bits());
    if let Ok(short @ 0..=125) = u8::try_from(len) {
        out.push(short);
    } else if let Ok(medium) = u16::try_from(len) {
        out.push(126);
        out.extend_from_slice(&medium.to_be_bytes());
    } else {
        out.push(127);
        out.extend_from_slice(&(len as u64).to_be_bytes());
    }
}

/// Appends an unfragmented, unmasked message.
pub(crate) fn push_frame(out: &mut Vec<u8>, opcode: Opcode, compressed: bool, data: &[u8]) {
    push_header(out, opcode, compressed, data.len());
    out.extend_from_slice(data);
}

/// Close frame with a code.
pub(crate) fn close_frame(code: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(4);
    push_frame(&mut out, Opcode::Close, false, &code.to_be_bytes());
    out
}

/// Header of a frame.
struct FrameHeader {
    fin: bool,
    compressed: bool,
    opcode: Opcode,
    masked: bool,
    /// Size of the header without the mask, in bytes.
    size: usize,
    len: u64,
}

impl FrameHeader {
    /// Returns `None` if more bytes are needed.
    fn read(bytes: &[u8]) -> Result<Option<Self>, FrameError> {
        let Some((&[first, second], rest)) = bytes.split_first_chunk() else {
            return Ok(None);
        };
        if first & 0x30 != 0 {
            return Err(FrameError::Protocol("a reserved bit is set"));
        }
        let opcode = Opcode::from_bits(first & 0x0f).ok_or(FrameError::Protocol("unknown opcode"))?;
        let (size, len) = match second & 0x7f {
            126 => match rest.first_chunk() {
                Some(len) => (4, u64::from(u16::from_be_bytes(*len))),
                None => return Ok(None),
            },
            127 => match rest.first_chunk() {
                Some(len) => (10, u64::from_be_bytes(*len)),
                None => return Ok(None),
            },
            short => (2, u64::from(short)),
        };
        Ok(Some(Self {
            fin: first & 0x80 != 0,
            compressed: first & 0x40 != 0,
            opcode,
            masked: second & 0x80 != 0,
            size,
            len,
        }))
    }
}

/// Splits frames that this server encoded: unfragmented, unmasked and uncompressed.
pub(crate) fn parse_own_frames(mut bytes: &[u8]) -> impl Iterator<Item = (Opcode, &[u8])> {
    std::iter::from_fn(move || {
        let header = FrameHeader::read(bytes).ok()??;
        let (data, rest) = bytes
            .get(header.size..)?
            .split_at_checked(usize::try_from(header.len).ok()?)?;
        bytes = rest;
        Some((header.opcode, data))
    })
}

/// Why received bytes are not valid WebSocket frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FrameError {
    /// Violation of RFC 6455.
    Protocol(&'static str),
    /// Text is not UTF-8.
    Utf8,
    /// Message is larger than the limit.
    TooLarge { limit: usize },
    /// Compressed data cannot be inflated.
    Inflate,
}

impl FrameError {
    /// Close code to send to the client.
    pub(crate) const fn close_code(&self) -> u16 {
        match self {
            Self::Protocol(_) => 1002,
            Self::Utf8 | Self::Inflate => 1007,
            Self::TooLarge { .. } => 1009,
        }
    }
}

impl From<InflateError> for FrameError {
    fn from(error: InflateError) -> Self {
        match error {
            InflateError::TooLarge { limit } => Self::TooLarge { limit },
            InflateError::Invalid => Self::Inflate,
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(what) => write!(f, "broken websocket frame: {what}"),
            Self::Utf8 => write!(f, "text message is not UTF-8"),
            Self::TooLarge { limit } => write!(f, "message larger than {limit} bytes"),
            Self::Inflate => write!(f, "compressed message cannot be inflated"),
        }
    }
}

/// Content of a decoded frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InboundFrame<'a> {
    Text(Cow<'a, str>),
    Binary(Cow<'a, [u8]>),
    Ping(&'a [u8]),
    Close(Option<u16>),
    /// A pong, or a fragment of a message: nothing to do.
    Nothing,
}

/// Decodes the frames of one client.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// Fragments of an incomplete message.
    fragments: Vec<u8>,
    opcode: Option<(Opcode, bool)>,
    max: usize,
    deflate: bool,
}

impl Decoder {
    /// Decoder for messages up to `max` bytes; compressed ones are accepted if `deflate` was negotiated.
    pub(crate) fn new(max: usize, deflate: bool) -> Self {
        Self {
            fragments: Vec::new(),
            opcode: None,
            max,
            deflate,
        }
    }

    /// Bytes stored for an incomplete message.
    pub(crate) fn held_bytes(&self) -> usize {
        self.fragments.capacity()
    }

    /// Drops the incomplete message.
    pub(crate) fn reset(&mut self) {
        self.fragments = Vec::new();
    }

    /// Changes the size limit of messages.
    pub(crate) fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    /// Decodes the first frame of `bytes` and adds its size to `used`; returns `None` if more bytes are needed.
    pub(crate) fn decode<'a>(
        &mut self,
        bytes: &'a mut [u8],
        used: &mut usize,
    ) -> Result<Option<InboundFrame<'a>>, FrameError> {
        let Some(header) = FrameHeader::read(bytes)? else {
            return Ok(None);
        };
        self.check(&header)?;
        let len = usize::try_from(header.len).map_err(|_| FrameError::TooLarge { limit: self.max })?;
        let Some((mask, rest)) = bytes
            .get_mut(header.size..)
            .and_then(<[u8]>::split_first_chunk_mut::<4>)
        else {
            return Ok(None);
        };
        let Some(data) = rest.get_mut(..len) else {
            return Ok(None);
        };
        unmask(data, *mask);
        *used += header.size + 4 + len;
        let data: &'a [u8] = data;
        match header.opcode {
            Opcode::Ping => Ok(Some(InboundFrame::Ping(data))),
            Opcode::Pong => Ok(Some(InboundFrame::Nothing)),
            Opcode::Close => close(data).map(Some),
            Opcode::Continuation | Opcode::Text | Opcode::Binary => self.data(&header, data).map(Some),
        }
    }

    fn check(&self, header: &FrameHeader) -> Result<(), FrameError> {
        if !header.masked {
            return Err(FrameError::Protocol("a client's frame is not masked"));
        }
        if header.opcode.is_control() {
            if !header.fin || header.len > 125 {
                return Err(FrameError::Protocol("a control frame is long or in parts"));
            }
            if header.compressed {
                return Err(FrameError::Protocol("a control frame is compressed"));
            }
            return Ok(());
        }
        if (header.opcode == Opcode::Continuation) != self.opcode.is_some() {
            return Err(FrameError::Protocol(
                "a message begins inside another, or not at all",
            ));
        }
        if header.compressed && (!self.deflate || header.opcode == Opcode::Continuation) {
            return Err(FrameError::Protocol("compression was not agreed on"));
        }
        if header.len > self.max.saturating_sub(self.fragments.len()) as u64 {
            return Err(FrameError::TooLarge { limit: self.max });
        }
        Ok(())
    }

    fn data<'a>(&mut self, header: &FrameHeader, data: &'a [u8]) -> Result<InboundFrame<'a>, FrameError> {
        let (opcode, compressed) = self.opcode.unwrap_or((header.opcode, header.compressed));
        if !header.fin {
            self.opcode = Some((opcode, compressed));
            self.fragments.extend_from_slice(data);
            return Ok(InboundFrame::Nothing);
        }
        let mut data = Cow::Borrowed(data);
        if self.opcode.take().is_some() {
            let mut whole = std::mem::take(&mut self.fragments);
            whole.extend_from_slice(&data);
            data = Cow::Owned(whole);
        }
        if compressed {
            data = Cow::Owned(compression::inflate(&data, self.max)?);
        }
        if opcode == Opcode::Binary {
            return Ok(InboundFrame::Binary(data));
        }
        Ok(InboundFrame::Text(match data {
            Cow::Borrowed(data) => Cow::Borrowed(std::str::from_utf8(data).map_err(|_| FrameError::Utf8)?),
            Cow::Owned(data) => Cow::Owned(String::from_utf8(data).map_err(|_| FrameError::Utf8)?),
        }))
    }
}

fn close(data: &[u8]) -> Result<InboundFrame<'_>, FrameError> {
    let Some((code, reason)) = data.split_first_chunk() else {
        return match data {
            [] => Ok(InboundFrame::Close(None)),
            _ => Err(FrameError::Protocol("a close frame of one byte")),
        };
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(FrameError::Protocol("a close code that may not be sent"));
    }
    std::str::from_utf8(reason).map_err(|_| FrameError::Utf8)?;
    Ok(InboundFrame::Close(Some(code)))
}

fn unmask(data: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = data.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    /// Masked frame with the given first byte.
    fn masked(first: u8, data: &[u8]) -> Vec<u8> {
        let mut header = Vec::new();
        push_header(&mut header, Opcode::Text, false, data.len());
        header[0] = first;
        header[1] |= 0x80;
        header.extend(MASK);
        let mut data = data.to_vec();
        unmask(&mut data, MASK);
        header.extend(data);
        header
    }

    fn decode(decoder: &mut Decoder, mut bytes: Vec<u8>) -> Result<Vec<String>, FrameError> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(incoming) = decoder.decode(&mut bytes[at..], &mut at)? {
            found.push(format!("{incoming:?}"));
        }
        Ok(found)
    }

    #[test]
    fn masked_frame_of_the_specification_is_decoded() {
        let bytes = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58".to_vec();
        assert_eq!(
            decode(&mut Decoder::new(100, false), bytes),
            Ok(vec!["Text(\"Hello\")".to_owned()])
        );
    }

    #[test]
    fn frame_cut_at_any_byte_waits_for_the_rest() {
        for size in [0, 1, 125, 126, 65_535, 65_536] {
            let bytes = masked(0x82, &vec![7; size]);
            for cut in (0..bytes.len()).step_by(1 + size / 100) {
                let found = decode(&mut Decoder::new(100_000, false), bytes[..cut].to_vec());
                assert_eq!(found, Ok(vec![]), "{size} bytes, cut at {cut}");
            }
        }
    }

    #[test]
    fn fragments_with_a_ping_between_them_are_joined() {
        let mut bytes = masked(0x01, "hé".as_bytes()[..2].as_ref());
        bytes.extend(masked(0x89, b"?"));
        bytes.extend(masked(0x00, &"é".as_bytes()[1..]));
        bytes.extend(masked(0x80, b"!"));
        assert_eq!(
            decode(&mut Decoder::new(100, false), bytes),
            Ok(vec![
                "Nothing".to_owned(),
                "Ping([63])".to_owned(),
                "Nothing".to_owned(),
                "Text(\"hé!\")".to_owned()
            ])
        );
    }

    #[test]
    fn frame_violating_the_protocol_gets_its_close_code() {
        let cases: [(Vec<u8>, u16); 13] = [
            (b"\x81\x01a".to_vec(), 1002),             // not masked
            (masked(0xa1, b"a"), 1002),                // RSV2
            (masked(0xc1, b"a"), 1002),                // compressed without agreement
            (masked(0x83, b"a"), 1002),                // unknown opcode
            (masked(0x09, b"a"), 1002),                // ping in parts
            (masked(0x89, &[0; 126]), 1002),           // long ping
            (masked(0x80, b"a"), 1002),                // continuation of nothing
            (masked(0x88, b"a"), 1002),                // close with half a code
            (masked(0x88, &[0x03, 0xed]), 1002),       // 1005 may not be sent
            (masked(0x88, &[0x03, 0xe8, 0xff]), 1007), // reason that is no UTF-8
            (masked(0x81, b"\xff"), 1007),
            (masked(0x81, &[b'a'; 101]), 1009),
            (b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(), 1009),
        ];
        for (bytes, code) in cases {
            let found = decode(&mut Decoder::new(100, false), bytes.clone());
            assert_eq!(found.map_err(|error| error.close_code()), Err(code), "{bytes:?}");
        }
        let mut bytes = masked(0x01, b"a");
        bytes.extend(masked(0x81, b"b"));
        assert!(decode(&mut Decoder::new(100, false), bytes).is_err());
    }

    #[test]
    fn fragments_together_over_the_limit_are_refused() {
        let mut bytes = masked(0x01, &[b'a'; 60]);
        bytes.extend(masked(0x80, &[b'a'; 41]));
        assert_eq!(
            decode(&mut Decoder::new(100, false), bytes),
            Err(FrameError::TooLarge { limit: 100 })
        );
    }

    #[cfg(feature = "deflate")]
    #[test]
    fn compressed_bomb_is_not_inflated_beyond_the_limit() {
        use crate::engineio::Deflate;

        let bomb = compression::compress(
            &vec![0; 10 << 20],
            Deflate {
                level: 9,
                ..Deflate::default()
            },
        );
        assert!(bomb.len() < 20_000);
        let found = decode(&mut Decoder::new(100_000, true), masked(0xc2, &bomb));
        assert_eq!(found, Err(FrameError::TooLarge { limit: 100_000 }));
        let found = decode(&mut Decoder::new(100, true), masked(0xc2, b"\xff\xff\xff"));
        assert_eq!(found, Err(FrameError::Inflate));
        let good = compression::compress(b"halo halo halo", Deflate::default());
        let found = decode(&mut Decoder::new(100, true), masked(0xc1, &good));
        assert_eq!(found, Ok(vec!["Text(\"halo halo halo\")".to_owned()]));
    }

    #[test]
    fn frames_encoded_by_the_server_are_split_again() {
        let mut bytes = Vec::new();
        push_frame(&mut bytes, Opcode::Text, false, b"4a");
        push_frame(&mut bytes, Opcode::Binary, false, &[1; 300]);
        push_frame(&mut bytes, Opcode::Binary, false, &[2; 70_000]);
        let frames: Vec<_> = parse_own_frames(&bytes)
            .map(|(opcode, data)| (opcode, data.len()))
            .collect();
        assert_eq!(
            frames,
            [(Opcode::Text, 2), (Opcode::Binary, 300), (Opcode::Binary, 70_000)]
        );
    }
}
