//! Negotiation of permessage-deflate (RFC 7692), without state between messages.
//!
//! Both sides reset their window after each message (`*_no_context_takeover`). Messages become a little larger; in return
//! a connection needs 300 KiB less, and a broadcast is compressed once for all recipients.

/// Extension parameters that the server agrees to.
pub(crate) const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

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

#[cfg(test)]
mod tests {
    use super::*;

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
