//! The Socket.IO server, tested with raw frames and the official client.

#[path = "io_server/abuse.rs"]
mod abuse;
#[path = "io_server/acks.rs"]
mod acks;
#[path = "io_server/backlog.rs"]
mod backlog;
#[path = "io_server/compress.rs"]
mod compress;
#[path = "io_server/connect.rs"]
mod connect;
#[path = "io_server/handlers.rs"]
mod handlers;
#[path = "io_server/leaving.rs"]
mod leaving;
#[path = "io_server/msgpack.rs"]
mod msgpack;
#[path = "io_server/official.rs"]
mod official;
#[path = "io_server/order.rs"]
mod order;
#[path = "io_server/recovery.rs"]
mod recovery;
#[path = "io_server/redis.rs"]
mod redis;
#[path = "shared/redis_server.rs"]
#[expect(dead_code, reason = "files stay here")]
mod redis_server;
#[path = "io_server/rooms.rs"]
mod rooms;
#[path = "io_server/support.rs"]
mod support;
#[path = "io_server/tls.rs"]
mod tls;
