//! Tests of `proto::Connection` with a manual clock and a scripted server.
#![cfg(not(target_arch = "wasm32"))]

mod acks;
mod connecting;
mod events;
mod harness;
mod heartbeat;
mod hostile;
mod namespaces;
mod network;
mod order;
mod parity;
mod polling;
mod properties;
mod protocol_document;
mod reconnection;
mod recovery;
mod retries;
mod send_buffer;
mod sessions;
mod watch;
