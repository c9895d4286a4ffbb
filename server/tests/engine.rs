//! The engine over real sockets: protocol, limits, abuse, order, and the official client.

#[path = "engine/autobahn.rs"]
mod autobahn;
#[path = "engine/harness.rs"]
mod harness;
#[path = "engine/held.rs"]
mod held;
#[path = "engine/limits.rs"]
mod limits;
#[path = "engine/official.rs"]
mod official;
#[path = "engine/order.rs"]
mod order;
#[path = "engine/polling.rs"]
mod polling;
#[path = "engine/sequences.rs"]
mod sequences;
#[path = "engine/tls.rs"]
mod tls;
#[path = "engine/upgrade.rs"]
mod upgrade;
#[path = "engine/websocket.rs"]
mod websocket;
