//! What a connection keeps of its options, and which clients may share it.

use std::time::Duration;

use super::options::{Asker, Options};
use crate::socketio::Limits;
use crate::socketio::client::{Auth, Config, OutboxConfig, Reconnection};
use crate::socketio::engine::payload::encode_base64;
use crate::socketio::value::json;

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
    /// Equal for clients that may share a connection.
    pub(super) key: String,
}

impl Settings {
    /// Settings of the machine, those of the driver, and who says who the program is.
    pub(super) fn of(options: Options, key: String) -> (Config, Self, Option<Asker>) {
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
            key,
        };
        (options.config, settings, options.asker)
    }
}

/// Everything that must be equal for a connection to be shared, as one text: less code than to copy and to compare it.
pub(super) fn key(options: &Options) -> String {
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
    // A setting that is added must be named here, or this does not compile.
    let Config {
        address,
        path,
        add_trailing_slash,
        query,
        transports,
        try_all_transports,
        upgrade,
        remember_upgrade,
        force_base64,
        timestamp_param,
        timestamp_requests,
        timeout,
        connect_timeout,
        reconnection,
        auth,
        retries,
        ack_timeout,
        outbox,
        limits,
        early_events,
        parser,
        observe_frames,
        observe_outgoing,
    } = config;
    let Reconnection {
        enabled,
        attempts,
        delay,
        delay_max,
        randomization,
    } = reconnection;
    let OutboxConfig {
        messages,
        bytes,
        max_age,
        when_full,
        flush,
    } = outbox;
    let Limits {
        max_frame_bytes,
        max_attachments,
        max_attachment_bytes,
        max_depth,
        max_namespace_bytes,
        max_payload_packets,
        max_unsent_bytes,
    } = limits;
    let mut key = String::new();
    let it = &mut key;
    number(it, u64::from(*auto_connect));
    number(it, u64::from(*with_credentials));
    number(it, u64::from(*add_trailing_slash));
    number(it, u64::from(*try_all_transports));
    number(it, u64::from(*upgrade));
    number(it, u64::from(*remember_upgrade));
    number(it, u64::from(*force_base64));
    number(it, u64::from(*enabled));
    number(it, u64::from(*observe_frames));
    number(it, u64::from(*observe_outgoing));
    number(it, *messages as u64);
    number(it, *bytes as u64);
    number(it, *max_frame_bytes as u64);
    number(it, *max_attachments as u64);
    number(it, *max_attachment_bytes as u64);
    number(it, *max_depth as u64);
    number(it, *max_namespace_bytes as u64);
    number(it, *max_payload_packets as u64);
    number(it, *max_unsent_bytes as u64);
    number(it, *early_events as u64);
    time(it, *timeout);
    time(it, *connect_timeout);
    time(it, *ack_timeout);
    time(it, *max_age);
    time(it, Some(*delay));
    time(it, Some(*delay_max));
    number(it, timestamp_requests.map_or(2, u64::from));
    number(it, attempts.map_or(u64::MAX, u64::from));
    number(it, u64::from(*retries));
    number(it, randomization.to_bits());
    number(it, *when_full as u64);
    number(it, *flush as u64);
    number(it, *parser as u64);
    texts(&mut key, &[(address.key(path), timestamp_param.clone())]);
    texts(&mut key, address.query());
    texts(&mut key, query);
    texts(&mut key, extra_headers);
    number(&mut key, protocols.len() as u64);
    for protocol in protocols {
        json::write_string(&mut key, protocol);
    }
    for transport in transports {
        key.push_str(transport.as_str());
    }
    match auth {
        Auth::None => {}
        Auth::Ask => key.push('?'),
        Auth::Value(auth) => json::write_with(&mut key, auth, &mut |key, bytes| {
            // no number begins like this
            key.push('b');
            encode_base64(key, bytes);
        }),
    }
    #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
    encode_base64(&mut key, ca);
    key
}

#[inline(never)]
fn number(key: &mut String, number: u64) {
    json::write_uint(key, number);
    key.push(' ');
}

#[inline(never)]
fn time(key: &mut String, time: Option<Duration>) {
    number(key, time.map_or(u64::MAX, |time| time.as_secs()));
    number(key, time.map_or(0, |time| time.subsec_nanos()).into());
}

fn texts(key: &mut String, pairs: &[(String, String)]) {
    number(key, pairs.len() as u64);
    for (name, value) in pairs {
        json::write_string(key, name);
        json::write_string(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socketio::Value;

    #[test]
    fn whatever_is_set_otherwise_makes_another_key() {
        let plain = key(&Options::new());
        assert_eq!(
            plain,
            key(&Options::new().force_new()),
            "that is for the one who asks"
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
        let mut keys: Vec<String> = others.iter().map(key).collect();
        keys.push(plain);
        let all = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), all);
    }
}
