//! A person's colour and initials, the same for everyone who sees them.

/// Number of colours in `style/tokens.css`.
pub const TINTS: u32 = 10;

/// Number of the colour of someone, from the public id.
#[must_use]
pub fn tint(id: &str) -> u32 {
    // FNV-1a
    let hash = id.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    (hash ^ hash >> 15) % TINTS
}

/// One or two letters for a name, as it writes them; shown as capitals.
#[must_use]
pub fn initials(name: &str) -> String {
    let (mut first, mut last, mut inside) = (None, None, false);
    for c in name.chars() {
        let letter = c.is_alphanumeric();
        if letter && !inside {
            if first.is_none() {
                first = Some(c);
            } else {
                last = Some(c);
            }
        }
        inside = letter;
    }
    let mut letters = String::new();
    letters.push(first.unwrap_or('?'));
    if let Some(last) = last {
        letters.push(last);
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_use_first_and_last_word() {
        assert_eq!(initials("Ayu"), "A");
        assert_eq!(initials("budi santoso putra"), "bp");
        assert_eq!(initials("émile 3"), "é3");
        assert_eq!(initials("🙂"), "?");
    }

    #[test]
    fn tint_of_random_ids_uses_all_colours() {
        let mut seen = [false; TINTS as usize];
        for n in 0..200 {
            seen[tint(&format!("person-{n}")) as usize] = true;
        }
        assert_eq!(seen, [true; TINTS as usize]);
    }
}
