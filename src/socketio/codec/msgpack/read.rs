//! Reads msgpack. Allocates no more than the received bytes justify, whatever lengths they claim.

use crate::socketio::codec::value::{Number, Value, dedup_keys, json};

/// Why bytes are not msgpack.
///
/// ```
/// use pesan::socketio::{DecodeError, Limits, msgpack};
/// let error = msgpack::decode(&[0xc1], &Limits::default()).unwrap_err();
/// assert_eq!(error, DecodeError::Msgpack(msgpack::MsgpackError::UnknownPrefix(0xc1)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MsgpackError {
    /// The bytes end inside a value.
    #[error("unexpected end of msgpack")]
    UnexpectedEnd,
    /// Bytes follow the value.
    #[error("{count} bytes after the msgpack value")]
    TrailingBytes {
        /// Their number.
        count: usize,
    },
    /// A byte that does not start a value.
    #[error("unknown msgpack prefix {0:#04x}")]
    UnknownPrefix(u8),
    /// The key of a map is neither a string nor a number.
    #[error("key of a msgpack map is neither a string nor a number")]
    Key,
    /// Nested deeper than the limit.
    #[error("msgpack nested deeper than {limit}")]
    TooDeep {
        /// Limit that was exceeded.
        limit: usize,
    },
}

/// Maximum of items for which memory is reserved before they are read.
const MAX_RESERVED: usize = 1024;

/// Extension type of JavaScript's own types.
const JAVASCRIPT: i8 = 0;

/// Reads one value that takes up all bytes.
pub(super) fn document(bytes: &[u8], max_depth: usize) -> Result<Value, MsgpackError> {
    let mut reader = Reader {
        rest: bytes,
        max_depth,
    };
    let value = reader.value(0)?;
    match reader.rest.len() {
        0 => Ok(value.unwrap_or_default()),
        count => Err(MsgpackError::TrailingBytes { count }),
    }
}

struct Reader<'b> {
    rest: &'b [u8],
    max_depth: usize,
}

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], MsgpackError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(MsgpackError::UnexpectedEnd)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array_of<const N: usize>(&mut self) -> Result<[u8; N], MsgpackError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(MsgpackError::UnexpectedEnd)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn len8(&mut self) -> Result<usize, MsgpackError> {
        self.array_of().map(|[byte]| usize::from(byte))
    }

    fn len16(&mut self) -> Result<usize, MsgpackError> {
        self.array_of()
            .map(|bytes| usize::from(u16::from_be_bytes(bytes)))
    }

    fn len32(&mut self) -> Result<usize, MsgpackError> {
        let len = u32::from_be_bytes(self.array_of()?);
        usize::try_from(len).map_err(|_| MsgpackError::UnexpectedEnd)
    }

    /// One value; `None` is JavaScript's `undefined`.
    ///
    /// Arrays and maps are handled separately from scalars, so that recursion needs little stack.
    fn value(&mut self, depth: usize) -> Result<Option<Value>, MsgpackError> {
        let [prefix] = self.array_of()?;
        let len = match prefix {
            0x80..=0x9f => usize::from(prefix & 0x0f),
            0xdc | 0xde => self.len16()?,
            0xdd | 0xdf => self.len32()?,
            _ => return self.scalar(prefix),
        };
        match prefix {
            0x90..=0x9f | 0xdc | 0xdd => self.array(len, depth).map(Some),
            _ => self.map(len, depth).map(Some),
        }
    }

    fn scalar(&mut self, prefix: u8) -> Result<Option<Value>, MsgpackError> {
        let value = match prefix {
            0x00..=0x7f => Value::from(prefix),
            0xa0..=0xbf => self.text(usize::from(prefix & 0x1f))?,
            0xc0 => Value::Null,
            0x80..=0x9f | 0xc1 | 0xdc..=0xdf => return Err(MsgpackError::UnknownPrefix(prefix)),
            0xc2 => Value::Bool(false),
            0xc3 => Value::Bool(true),
            0xc4 => self.len8().and_then(|len| self.binary(len))?,
            0xc5 => self.len16().and_then(|len| self.binary(len))?,
            0xc6 => self.len32().and_then(|len| self.binary(len))?,
            0xc7 => self.len8().and_then(|len| self.extension(len))?,
            0xc8 => self.len16().and_then(|len| self.extension(len))?,
            0xc9 => self.len32().and_then(|len| self.extension(len))?,
            0xca => Value::from(f64::from(f32::from_be_bytes(self.array_of()?))),
            0xcb => Value::from(f64::from_be_bytes(self.array_of()?)),
            0xcc => Value::from(u8::from_be_bytes(self.array_of()?)),
            0xcd => Value::from(u16::from_be_bytes(self.array_of()?)),
            0xce => Value::from(u32::from_be_bytes(self.array_of()?)),
            0xcf => Value::from(u64::from_be_bytes(self.array_of()?)),
            0xd0 => Value::from(i8::from_be_bytes(self.array_of()?)),
            0xd1 => Value::from(i16::from_be_bytes(self.array_of()?)),
            0xd2 => Value::from(i32::from_be_bytes(self.array_of()?)),
            0xd3 => Value::from(i64::from_be_bytes(self.array_of()?)),
            0xd4 => return self.small_extension(),
            0xd5 => self.fixed_extension(2)?,
            0xd6 => self.fixed_extension(4)?,
            0xd7 => self.long_extension()?,
            0xd8 => self.fixed_extension(16)?,
            0xd9 => self.len8().and_then(|len| self.text(len))?,
            0xda => self.len16().and_then(|len| self.text(len))?,
            0xdb => self.len32().and_then(|len| self.text(len))?,
            0xe0..=0xff => Value::from(i8::from_be_bytes([prefix])),
        };
        Ok(Some(value))
    }

    fn enter_level(&self, depth: usize) -> Result<usize, MsgpackError> {
        if depth >= self.max_depth {
            // The packet's own map does not count towards the limit.
            let limit = self.max_depth.saturating_sub(1);
            return Err(MsgpackError::TooDeep { limit });
        }
        Ok(depth + 1)
    }

    fn array(&mut self, len: usize, depth: usize) -> Result<Value, MsgpackError> {
        let depth = self.enter_level(depth)?;
        if len > self.rest.len() {
            return Err(MsgpackError::UnexpectedEnd);
        }
        let mut items = Vec::with_capacity(len.min(MAX_RESERVED));
        for _ in 0..len {
            items.push(self.value(depth)?.unwrap_or_default());
        }
        Ok(Value::Array(items))
    }

    fn map(&mut self, len: usize, depth: usize) -> Result<Value, MsgpackError> {
        let depth = self.enter_level(depth)?;
        if len > self.rest.len() / 2 {
            return Err(MsgpackError::UnexpectedEnd);
        }
        let mut entries = Vec::with_capacity(len.min(MAX_RESERVED));
        for _ in 0..len {
            let key = match self.value(depth)? {
                Some(Value::String(key)) => key,
                Some(Value::Number(Number::Float(float))) if !float.is_finite() => {
                    return Err(MsgpackError::Key);
                }
                Some(number @ Value::Number(_)) => json::to_string(&number),
                _ => return Err(MsgpackError::Key),
            };
            if let Some(value) = self.value(depth)? {
                entries.push((key, value));
            }
        }
        Ok(Value::Object(dedup_keys(entries)))
    }

    fn text(&mut self, len: usize) -> Result<Value, MsgpackError> {
        let bytes = self.take(len)?;
        // Much faster than the lossy conversion, which goes byte by byte.
        let text = str::from_utf8(bytes).map(str::to_owned);
        Ok(Value::String(
            text.unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned()),
        ))
    }

    fn binary(&mut self, len: usize) -> Result<Value, MsgpackError> {
        self.take(len).map(|bytes| Value::Binary(bytes.to_vec()))
    }

    fn kind(&mut self) -> Result<i8, MsgpackError> {
        self.array_of().map(i8::from_be_bytes)
    }

    /// Extension of known length; type and content follow.
    fn extension(&mut self, len: usize) -> Result<Value, MsgpackError> {
        match self.kind()? {
            JAVASCRIPT => self.binary(len),
            other => self.foreign(other, len),
        }
    }

    fn fixed_extension(&mut self, len: usize) -> Result<Value, MsgpackError> {
        let kind = self.kind()?;
        self.foreign(kind, len)
    }

    /// `undefined`, or a foreign extension of one byte.
    fn small_extension(&mut self) -> Result<Option<Value>, MsgpackError> {
        match self.kind()? {
            JAVASCRIPT => self.take(1).map(|_| None),
            other => self.foreign(other, 1).map(Some),
        }
    }

    /// A date, or a foreign extension of eight bytes.
    fn long_extension(&mut self) -> Result<Value, MsgpackError> {
        match self.kind()? {
            JAVASCRIPT => {
                let millis = i64::from_be_bytes(self.array_of()?);
                Ok(iso_date(millis).map_or(Value::Null, Value::from))
            }
            other => self.foreign(other, 8),
        }
    }

    fn foreign(&mut self, kind: i8, len: usize) -> Result<Value, MsgpackError> {
        let bytes = self.binary(len)?;
        Ok(Value::Array(vec![Value::from(kind), bytes]))
    }
}

const DAY: i64 = 86_400_000;

/// Farthest date of JavaScript, in days from 1970 either way.
const MAX_DAYS: i64 = 100_000_000;

/// Text of `Date.prototype.toISOString`; `None` where JavaScript has no such date.
fn iso_date(millis: i64) -> Option<String> {
    if !(-MAX_DAYS * DAY..=MAX_DAYS * DAY).contains(&millis) {
        return None;
    }
    let (year, month, day) = civil(millis.div_euclid(DAY));
    let rest = millis.rem_euclid(DAY);
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, milli) = (rest / 1000 % 60, rest % 1000);
    let year = match year {
        0..=9999 => format!("{year:04}"),
        _ => format!("{year:+07}"),
    };
    Some(format!(
        "{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"
    ))
}

/// Year, month and day of a day counted from 1970, in the Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Days and years of 400 years that begin on the first of March, so that the leap day comes last.
    const ERA: i64 = 146_097;
    let shifted = days + 719_468;
    let era = shifted.div_euclid(ERA);
    let day_of_era = shifted.rem_euclid(ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn msgpack_date_is_written_like_javascript() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (253_402_300_800_000, "+010000-01-01T00:00:00.000Z"),
            (-62_167_219_200_001, "-000001-12-31T23:59:59.999Z"),
            (8_640_000_000_000_000, "+275760-09-13T00:00:00.000Z"),
            (-8_640_000_000_000_000, "-271821-04-20T00:00:00.000Z"),
        ] {
            assert_eq!(iso_date(millis).as_deref(), Some(text));
        }
        assert_eq!(iso_date(8_640_000_000_000_001), None);
        assert_eq!(iso_date(i64::MIN), None);
    }
}
