//! Writes values as msgpack, each in the shortest form, like `notepack.io`.

use crate::socketio::codec::value::{Number, Value};

/// Bounds of the integers that fit 64 bits.
const TWO_POW_64: f64 = 18_446_744_073_709_551_616.0;
const MINUS_TWO_POW_63: f64 = -9_223_372_036_854_775_808.0;

pub(super) fn value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(0xc0),
        Value::Bool(false) => out.push(0xc2),
        Value::Bool(true) => out.push(0xc3),
        Value::Number(of) => number(out, *of),
        Value::String(of) => text(out, of),
        Value::Binary(bytes) => {
            sized(out, bytes.len(), None, Some(0xc4), 0xc5);
            out.extend_from_slice(bytes);
        }
        Value::Array(items) => {
            array_header(out, items.len());
            for item in items {
                self::value(out, item);
            }
        }
        Value::Object(entries) => {
            map_header(out, entries.len());
            for (key, item) in entries {
                text(out, key);
                self::value(out, item);
            }
        }
    }
}

pub(super) fn number(out: &mut Vec<u8>, number: Number) {
    match number {
        Number::Int(int) => signed(out, int),
        Number::Uint(of) => uint(out, of),
        // Whole numbers are written as integers, including negative zero.
        Number::Float(float) if float.fract() == 0.0 && (0.0..TWO_POW_64).contains(&float) => {
            uint(out, float as u64);
        }
        Number::Float(float) if float.fract() == 0.0 && (MINUS_TWO_POW_63..0.0).contains(&float) => {
            signed(out, float as i64);
        }
        Number::Float(float) => {
            out.push(0xcb);
            out.extend_from_slice(&float.to_be_bytes());
        }
    }
}

pub(super) fn uint(out: &mut Vec<u8>, uint: u64) {
    if let Ok(small) = u8::try_from(uint) {
        if small >= 0x80 {
            out.push(0xcc);
        }
        out.push(small);
    } else if let Ok(small) = u16::try_from(uint) {
        out.push(0xcd);
        out.extend_from_slice(&small.to_be_bytes());
    } else if let Ok(small) = u32::try_from(uint) {
        out.push(0xce);
        out.extend_from_slice(&small.to_be_bytes());
    } else {
        out.push(0xcf);
        out.extend_from_slice(&uint.to_be_bytes());
    }
}

fn signed(out: &mut Vec<u8>, int: i64) {
    if let Ok(positive) = u64::try_from(int) {
        uint(out, positive);
    } else if let Ok(small) = i8::try_from(int) {
        if small < -0x20 {
            out.push(0xd0);
        }
        out.extend_from_slice(&small.to_be_bytes());
    } else if let Ok(small) = i16::try_from(int) {
        out.push(0xd1);
        out.extend_from_slice(&small.to_be_bytes());
    } else if let Ok(small) = i32::try_from(int) {
        out.push(0xd2);
        out.extend_from_slice(&small.to_be_bytes());
    } else {
        out.push(0xd3);
        out.extend_from_slice(&int.to_be_bytes());
    }
}

pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    sized(out, text.len(), Some((0xa0, 0x20)), Some(0xd9), 0xda);
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn array_header(out: &mut Vec<u8>, len: usize) {
    sized(out, len, Some((0x90, 0x10)), None, 0xdc);
}

pub(super) fn map_header(out: &mut Vec<u8>, len: usize) {
    sized(out, len, Some((0x80, 0x10)), None, 0xde);
}

/// Writes a length in the shortest form: inside the prefix, or in 1, 2 or 4 bytes after it.
///
/// # Panics
/// Above 2^32, which msgpack cannot express and no `Limits` allow.
fn sized(out: &mut Vec<u8>, len: usize, tiny: Option<(u8, u8)>, byte: Option<u8>, word: u8) {
    match (u8::try_from(len), tiny, byte) {
        (Ok(len), Some((prefix, below)), _) if len < below => out.push(prefix | len),
        (Ok(len), _, Some(prefix)) => out.extend_from_slice(&[prefix, len]),
        _ => {
            if let Ok(len) = u16::try_from(len) {
                out.push(word);
                out.extend_from_slice(&len.to_be_bytes());
            } else {
                let len = u32::try_from(len).expect("a packet is far smaller than 4 GiB");
                out.push(word + 1);
                out.extend_from_slice(&len.to_be_bytes());
            }
        }
    }
}
