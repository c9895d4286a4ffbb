//! The chat over real sockets: pages and plain clients against the whole server.

mod auth;
mod limits;
mod lobby;
mod operator;
mod peer;
mod presence;
mod rooms;
mod server;
