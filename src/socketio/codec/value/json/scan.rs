//! Finds the end of plain text in a JSON string, eight bytes at a time.

const ONES: u64 = u64::from_le_bytes([0x01; 8]);
const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);

/// Length of the run that needs no escape: up to a quote, a backslash or a control character.
pub(super) fn plain_len(bytes: &[u8]) -> usize {
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let hits = special(u64::from_le_bytes(*word));
        if hits != 0 {
            return index * 8 + (hits.trailing_zeros() / 8) as usize;
        }
    }
    let in_tail = tail
        .iter()
        .position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'));
    words.len() * 8 + in_tail.unwrap_or(tail.len())
}

/// Sets the high bit of each special byte. Bits above the lowest hit may be wrong, the lowest never is.
fn special(word: u64) -> u64 {
    let below = |word: u64, least: u64| word.wrapping_sub(ONES * least) & !word;
    // a quote is 0x20 then, a space 0x22, and what was a control character still is one
    let quotes_and_controls = below(word ^ (ONES * 2), 0x21);
    let backslashes = below(word ^ (ONES * u64::from(b'\\')), 1);
    (quotes_and_controls | backslashes) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_found_at_every_place() {
        for byte in 0..=u8::MAX {
            let is_special = matches!(byte, 0..0x20 | b'"' | b'\\');
            for place in 0..20 {
                let mut bytes = [b' '; 20];
                bytes[place] = byte;
                let expected = if is_special { place } else { 20 };
                assert_eq!(plain_len(&bytes), expected, "{byte:#x} at {place}");
            }
        }
    }

    #[test]
    fn the_first_of_several_counts() {
        for first in 0..16 {
            for second in first..16 {
                let mut bytes = [0xff; 16];
                bytes[first] = b'"';
                bytes[second] = 0x1f;
                assert_eq!(plain_len(&bytes), first);
            }
        }
    }
}
