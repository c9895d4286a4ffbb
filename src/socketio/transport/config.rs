//! Settings of the transports, and the error of a platform that cannot run them.

/// Settings that concern the transports alone.
pub(crate) struct TransportConfig {
    pub(crate) protocols: Vec<String>,
    pub(crate) extra_headers: Vec<(String, String)>,
    /// Whether polling sends cookies to other origins.
    #[cfg(target_arch = "wasm32")]
    pub(crate) with_credentials: bool,
    #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
    pub(crate) cookies: super::native::cookies::Cookies,
    #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
    pub(crate) ca: Vec<u8>,
    #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
    pub(crate) max_frame_bytes: usize,
    pub(crate) max_unsent_bytes: usize,
}

/// The caller is not inside a tokio runtime.
#[derive(Debug)]
pub(crate) struct NoRuntime;
