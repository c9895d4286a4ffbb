//! Address of a room in the page's own address: `#/r/<id>`.

/// Fragment that leads to a room.
#[must_use]
pub fn to_room(id: &str) -> String {
    let mut fragment = "#/r/".to_owned();
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            fragment.push(char::from(byte));
        } else {
            fragment.push('%');
            for half in [byte >> 4, byte & 15] {
                fragment.extend(char::from_digit(half.into(), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
    fragment
}

/// Room that a fragment leads to.
#[must_use]
pub fn room_of(fragment: &str) -> Option<String> {
    let path = fragment.strip_prefix("#/r/")?;
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let value = digit()? * 16 + digit()?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_route_round_trip_is_unchanged() {
        for id in ["lobby", "warung-kopi", "50%", "a/b?c#d", "é🙂 x"] {
            assert_eq!(room_of(&to_room(id)).as_deref(), Some(id));
        }
    }

    #[test]
    fn route_of_other_fragment_is_none() {
        for fragment in ["", "#", "#/r/", "#/x/lobby", "#/r/%", "#/r/%g0", "#/r/%ff"] {
            assert_eq!(room_of(fragment), None, "{fragment}");
        }
    }
}
