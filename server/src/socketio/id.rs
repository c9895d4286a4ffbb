//! Ids of sockets and sessions: 120 random bits, 20 characters that need no escaping anywhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore as _;

/// Fresh id.
pub(super) fn random() -> String {
    let mut bytes = [0; 15];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_twenty_safe_characters_and_never_the_same() {
        let (one, two) = (random(), random());
        assert_eq!(one.len(), 20);
        assert!(
            one.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        );
        assert_ne!(one, two);
    }
}
