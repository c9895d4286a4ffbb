//! The client's machine, rule by rule, on a clock that is turned by hand and against a server that is scripted.
#![cfg(not(target_arch = "wasm32"))]

mod acks;
mod connecting;
mod events;
mod heartbeat;
mod hostile;
mod namespaces;
mod network;
mod order;
mod outbox;
mod parity;
mod polling;
mod properties;
mod reconnection;
mod recovery;
mod retries;
mod sessions;
mod watch;
mod world;
