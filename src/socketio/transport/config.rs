//! Settings of the transports, and the error of a platform that cannot run them.

/// Settings that concern the transports alone.
pub(crate) struct TransportConfig {
    pub(crate) protocols: Vec<String>,
    pub(crate) extra_headers: Vec<(String, String)>,
    #[cfg_attr(
        not(target_arch = "wasm32"),
        expect(dead_code, reason = "only browsers have cookies to send")
    )]
    pub(crate) with_credentials: bool,
    #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
    pub(crate) ca: Vec<u8>,
    #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
    pub(crate) max_frame_bytes: usize,
    pub(crate) max_unsent_bytes: usize,
}

/// The caller is not inside a tokio runtime.
#[derive(Debug)]
pub(crate) struct NoRuntime;
