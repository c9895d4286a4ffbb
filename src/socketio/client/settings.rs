//! What a connection keeps of its options, and which clients may share it.

use super::options::{Asker, Options};
use crate::socketio::proto::Config;

/// Options of a connection, but for those that its machine has.
pub(crate) struct Settings {
    pub(super) auto_connect: bool,
    pub(crate) protocols: Vec<String>,
    pub(crate) extra_headers: Vec<(String, String)>,
    #[cfg_attr(
        not(target_arch = "wasm32"),
        expect(dead_code, reason = "a browser has cookies")
    )]
    pub(crate) with_credentials: bool,
    #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
    pub(crate) ca: Vec<u8>,
    #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
    pub(crate) max_frame_bytes: usize,
    pub(crate) max_unsent_bytes: usize,
    /// Server, for whoever debugs.
    pub(super) origin: String,
    pub(super) sharing_key: SharingKey,
}

impl Settings {
    /// Settings of the machine, those of the driver, and who says who the program is.
    pub(super) fn of(options: Options) -> (Config, Self, Option<Asker>) {
        let sharing_key = SharingKey::of(&options);
        let settings = Self {
            auto_connect: options.auto_connect,
            protocols: options.protocols,
            extra_headers: options.extra_headers,
            with_credentials: options.with_credentials,
            #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
            ca: options.ca,
            #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
            max_frame_bytes: options.config.limits.max_frame_bytes,
            max_unsent_bytes: options.config.limits.max_unsent_bytes,
            origin: options.config.address.origin(),
            sharing_key,
        };
        (options.config, settings, options.asker)
    }
}

/// Options that must be equal for a connection to be shared.
#[derive(PartialEq)]
pub(super) struct SharingKey {
    config: Config,
    auto_connect: bool,
    protocols: Vec<String>,
    extra_headers: Vec<(String, String)>,
    with_credentials: bool,
    #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
    ca: Vec<u8>,
}

impl SharingKey {
    pub(super) fn of(options: &Options) -> Self {
        // An option that is added must be named here, or this does not compile.
        let Options {
            config,
            auto_connect,
            force_new: _,
            protocols,
            extra_headers,
            with_credentials,
            #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
            ca,
            asker: _,
        } = options;
        Self {
            config: config.clone(),
            auto_connect: *auto_connect,
            protocols: protocols.clone(),
            extra_headers: extra_headers.clone(),
            with_credentials: *with_credentials,
            #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
            ca: ca.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::socketio::Value;

    #[test]
    fn sharing_key_differs_for_every_option() {
        let plain = SharingKey::of(&Options::new());
        assert!(
            plain == SharingKey::of(&Options::new().force_new()),
            "`force_new` concerns the new client alone"
        );
        let hour = Duration::from_secs(3600);
        let others = [
            Options::new().path("/other"),
            Options::new().query("a", "b"),
            Options::new().query("a", ""),
            Options::new().extra_header("a", "b"),
            Options::new().auth(Value::object([("a", Value::from(1))])),
            Options::new().auth(Value::object([("a", Value::from("1"))])),
            Options::new().auth(Value::object([("a", Value::from(1234))])),
            Options::new().auth(Value::object([("a", Value::from(vec![0xd7, 0x6d, 0xf8]))])),
            Options::new().auth_with(|| async { Ok(Value::Null) }),
            Options::new().transports([]),
            Options::new().reconnection(false),
            Options::new().reconnection_attempts(3),
            Options::new().reconnection_delay(hour, hour),
            Options::new().retries(1, hour),
            Options::new().ack_timeout(hour),
            Options::new().timeout(hour),
            Options::new().auto_connect(false),
            Options::new().protocol("a"),
            Options::new().with_credentials(),
        ];
        let mut keys: Vec<SharingKey> = others.iter().map(SharingKey::of).collect();
        keys.push(plain);
        for (place, key) in keys.iter().enumerate() {
            let same = keys.iter().filter(|other| *other == key).count();
            assert_eq!(same, 1, "options {place}");
        }
    }
}
