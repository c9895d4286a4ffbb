//! Compression of events.

use pesan_server::engineio::{Deflate, EngineConfig};
use pesan_server::http::serve::{ServeConfig, serve};
use pesan_server::socketio::{EmitError, Io, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::PATIENCE;

const HANDSHAKE: &str = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n\
    Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

/// First byte of the next frame, whose second highest bit marks compression, and the content.
async fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let read = async {
        let first = stream.read_u8().await?;
        let length = match stream.read_u8().await? {
            126 => usize::from(stream.read_u16().await?),
            length => usize::from(length),
        };
        let mut content = vec![0; length];
        stream.read_exact(&mut content).await?;
        Ok::<_, std::io::Error>((first, content))
    };
    let read = tokio::time::timeout(PATIENCE, read).await;
    read.expect("in time").expect("a frame")
}

#[tokio::test]
async fn event_with_compress_off_is_not_compressed() {
    let io = Io::default();
    io.on_connection(|socket: Socket| {
        let long = "pesan ".repeat(1000);
        socket.emit("one", &long)?;
        socket.compress(false).emit("two", &long)?;
        socket.io().emit("three", &long)?;
        socket.io().compress(false).emit("four", &long)?;
        Ok::<_, EmitError>(())
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("just bound");
    let app = io
        .engine(EngineConfig {
            per_message_deflate: Some(Deflate::default()),
            ..EngineConfig::default()
        })
        .router();
    tokio::spawn(serve(
        listener,
        app,
        ServeConfig::default(),
        std::future::pending(),
    ));

    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream
        .write_all(HANDSHAKE.as_bytes())
        .await
        .expect("the server reads");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("an answer"));
    }
    assert!(String::from_utf8_lossy(&head).contains("permessage-deflate"));
    // CONNECT, masked with zeros
    stream
        .write_all(b"\x81\x82\0\0\0\x0040")
        .await
        .expect("the server reads");
    assert_eq!(frame(&mut stream).await.1.first(), Some(&b'0'), "the open packet");
    assert!(
        frame(&mut stream).await.1.starts_with(b"40"),
        "the reply to CONNECT"
    );
    for (name, first) in [("one", 0xc1), ("two", 0x81), ("three", 0xc1), ("four", 0x81)] {
        let (found, content) = frame(&mut stream).await;
        assert_eq!(found, first, "{name}");
        if first == 0x81 {
            assert!(content.starts_with(format!("42[\"{name}\"").as_bytes()));
        }
    }
}
