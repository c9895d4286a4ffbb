//! What the page uses of the outside world: the connection, the browser's storage, address, clipboard and clock.

pub mod chat_socket;
pub mod clipboard;
pub mod clock;
pub mod graphemes;
pub mod route;
pub mod server_target;
pub mod storage;
