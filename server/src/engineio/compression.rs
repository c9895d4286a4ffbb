//! Compression of WebSocket messages and of polling responses, with the feature `deflate`.
//!
//! Without it, [`Deflate`] has no values, so that nothing here is ever called.

#[cfg(feature = "deflate")]
pub(crate) use flate::{compress, gzip, inflate};

#[cfg(not(feature = "deflate"))]
pub(crate) use nothing::{compress, gzip, inflate};

use super::config::Deflate;

impl Deflate {
    /// Smallest message that is compressed, in bytes.
    pub(super) fn smallest(self) -> usize {
        #[cfg(feature = "deflate")]
        return self.threshold;
        #[cfg(not(feature = "deflate"))]
        match self {}
    }
}

/// Why a message cannot be inflated.
#[cfg_attr(not(feature = "deflate"), expect(dead_code, reason = "nothing is inflated"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InflateError {
    /// Message is larger than the limit.
    TooLarge { limit: usize },
    /// Data is not valid DEFLATE.
    Invalid,
}

#[cfg(feature = "deflate")]
mod flate {
    use std::cell::RefCell;
    use std::io::Write as _;

    use flate2::write::GzEncoder;
    use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

    use super::{Deflate, InflateError};

    /// End of a flushed block; omitted on the wire.
    const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

    thread_local! {
        static DEFLATE: RefCell<Option<(u32, Compress)>> = const { RefCell::new(None) };
        static INFLATE: RefCell<Option<Decompress>> = const { RefCell::new(None) };
    }

    /// Compresses one message.
    pub(crate) fn compress(data: &[u8], options: Deflate) -> Vec<u8> {
        let level = options.level;
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
                        Status::Ok | Status::BufError if rest.is_empty() && out.len() < out.capacity() => {
                            break;
                        }
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

    /// Compresses a body for `Content-Encoding: gzip`.
    pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::with_capacity(data.len() / 2), Compression::fast());
        encoder
            .write_all(data)
            .and_then(|()| encoder.finish())
            .expect("writing to a Vec cannot fail")
    }
}

#[cfg(not(feature = "deflate"))]
mod nothing {
    use super::{Deflate, InflateError};

    pub(crate) fn compress(_: &[u8], options: Deflate) -> Vec<u8> {
        match options {}
    }

    pub(crate) fn inflate(_: &[u8], _: usize) -> Result<Vec<u8>, InflateError> {
        Err(InflateError::Invalid)
    }

    pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
        data.to_vec()
    }
}

#[cfg(all(test, feature = "deflate"))]
mod tests {
    use super::*;

    #[test]
    fn message_compressed_then_inflated_is_unchanged() {
        for size in [0, 1, 63, 64, 65, 1000, 70_000, 999_999] {
            let data: Vec<u8> = (0..size)
                .map(|at: u32| (at.wrapping_mul(at) >> 7) as u8)
                .collect();
            let back = inflate(&compress(&data, Deflate::default()), 1_000_000);
            assert_eq!(back.as_deref(), Ok(&data[..]), "{size} bytes");
        }
    }

    #[test]
    fn inflated_message_one_byte_over_the_limit_is_refused() {
        let data = compress(&[b'x'; 1000], Deflate::default());
        assert_eq!(inflate(&data, 1000).map(|out| out.len()), Ok(1000));
        assert_eq!(inflate(&data, 999), Err(InflateError::TooLarge { limit: 999 }));
    }
}
