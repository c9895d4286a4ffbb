//! Raw HTTP requests, and a polling session made of them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Sends the bytes and reads until the server closes the connection.
pub(crate) fn exchange(address: &str, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("not zero");
    stream.write_all(bytes.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an orderly end");
    answer
}

/// Sends one request; returns the body of the response.
pub(crate) fn request(address: &str, method: &str, path: &str, body: &str) -> String {
    let length = body.len();
    let answer = exchange(
        address,
        &format!(
            "{method} {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        ),
    );
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    body.to_owned()
}

pub(crate) const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// Opens a polling session that has joined the chat with this auth payload; returns its path.
pub(crate) fn join(address: &str, auth: &str) -> String {
    let open = request(address, "GET", POLLING, "");
    let sid = open.split('"').nth(3).expect("a session id");
    let path = format!("{POLLING}&sid={sid}");
    assert_eq!(request(address, "POST", &path, &format!("40{auth}")), "ok");
    path
}
