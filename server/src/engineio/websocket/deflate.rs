//! WebSocket message compression, permessage-deflate (RFC 7692), without state between messages.
//!
//! Both sides reset their window after each message (`*_no_context_takeover`). Messages become a little larger; in return
//! a connection needs 300 KiB less, and a broadcast is compressed once for all recipients.

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Extension parameters that the server agrees to.
pub(crate) const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// End of a flushed block; omitted on the wire.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Why a message cannot be inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InflateError {
    /// Message is larger than the limit.
    TooLarge { limit: usize },
    /// Data is not valid DEFLATE.
    Invalid,
}

/// Whether one of the offers in `Sec-WebSocket-Extensions` is acceptable.
pub(crate) fn is_offered(extensions: &str) -> bool {
    extensions.split(',').any(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        parts.next() == Some("permessage-deflate")
            && parts.all(|part| {
                let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| {
                    (name.trim_end(), Some(value.trim().trim_matches('"')))
                });
                match name {
                    "server_no_context_takeover" | "client_no_context_takeover" => value.is_none(),
                    "client_max_window_bits" => value.is_none_or(is_window),
                    // The server's window is always the largest.
                    "server_max_window_bits" => value == Some("15"),
                    _ => false,
                }
            })
    })
}

fn is_window(bits: &str) -> bool {
    matches!(bits.parse(), Ok(8..=15_u8)) && !bits.starts_with('0')
}

thread_local! {
    static DEFLATE: RefCell<Option<(u32, Compress)>> = const { RefCell::new(None) };
    static INFLATE: RefCell<Option<Decompress>> = const { RefCell::new(None) };
}

/// Compresses one message.
pub(crate) fn compress(data: &[u8], level: u32) -> Vec<u8> {
    DEFLATE.with_borrow_mut(|slot| {
        let fresh = || (level, Compress::new(Compression::new(level.clamp(1, 9)), false));
        let (_, deflate) = match slot {
            Some(protocol) if protocol.0 == level => protocol,
            _ => slot.insert(fresh()),
        };
        deflate.reset();
        let mut out = Vec::with_capacity(data.len() / 2 + 64);
        loop {
            let rest = usize::try_from(deflate.total_in())
                .ok()
                .and_then(|at| data.get(at..));
            let status = deflate.compress_vec(rest.unwrap_or_default(), &mut out, FlushCompress::Sync);
            let done = deflate.total_in() == data.len() as u64 && out.len() < out.capacity();
            if done || !matches!(status, Ok(Status::Ok | Status::BufError)) {
                break;
            }
            out.reserve(out.capacity());
        }
        if out.ends_with(&TAIL) {
            out.truncate(out.len() - TAIL.len());
        }
        out
    })
}

/// Inflates one message of at most `max` bytes; memory use is bounded by `max` too.
pub(crate) fn inflate(data: &[u8], max: usize) -> Result<Vec<u8>, InflateError> {
    INFLATE.with_borrow_mut(|slot| {
        let inflate = slot.get_or_insert_with(|| Decompress::new(false));
        inflate.reset(false);
        let mut out = Vec::new();
        for part in [data, &TAIL] {
            let mut rest = part;
            loop {
                out.reserve((4 * rest.len()).clamp(256, 64 << 10).min(max - out.len() + 1));
                let before = inflate.total_in();
                let status = inflate
                    .decompress_vec(rest, &mut out, FlushDecompress::Sync)
                    .map_err(|_| InflateError::Invalid)?;
                if out.len() > max {
                    return Err(InflateError::TooLarge { limit: max });
                }
                let taken = usize::try_from(inflate.total_in() - before).unwrap_or(rest.len());
                rest = rest.get(taken..).unwrap_or_default();
                match status {
                    Status::StreamEnd => return Ok(out),
                    Status::Ok | Status::BufError if rest.is_empty() && out.len() < out.capacity() => break,
                    Status::BufError if taken == 0 && out.len() < out.capacity() => {
                        return Err(InflateError::Invalid);
                    }
                    Status::Ok | Status::BufError => {}
                }
            }
        }
        Ok(out)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_compressed_then_inflated_is_unchanged() {
        for size in [0, 1, 63, 64, 65, 1000, 70_000, 999_999] {
            let data: Vec<u8> = (0..size)
                .map(|at: u32| (at.wrapping_mul(at) >> 7) as u8)
                .collect();
            let back = inflate(&compress(&data, 3), 1_000_000);
            assert_eq!(back.as_deref(), Ok(&data[..]), "{size} bytes");
        }
    }

    #[test]
    fn inflated_message_one_byte_over_the_limit_is_refused() {
        let data = compress(&[b'x'; 1000], 3);
        assert_eq!(inflate(&data, 1000).map(|out| out.len()), Ok(1000));
        assert_eq!(inflate(&data, 999), Err(InflateError::TooLarge { limit: 999 }));
    }

    #[test]
    fn offer_requiring_a_smaller_server_window_is_rejected() {
        assert!(is_offered("permessage-deflate"));
        assert!(is_offered("permessage-deflate; client_max_window_bits"));
        assert!(is_offered(
            "x, permessage-deflate; server_max_window_bits=10, permessage-deflate"
        ));
        assert!(!is_offered("permessage-deflate; server_max_window_bits=10"));
        assert!(!is_offered("permessage-deflate; client_max_window_bits=7"));
        assert!(!is_offered("permessage-deflate; unknown"));
        assert!(!is_offered(""));
    }
}
