//! The official JavaScript client, scenario by scenario, over each transport.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pesan_server::socketio::{
    AckSender, Args, ConnectError, DisconnectReason, Io, IoConfig, Parser, Recovery, Socket,
};
use serde_json::json;

use crate::support::Served;

/// Server for the scenarios in `tests/peers/server-scenarios.mjs`.
fn scenarios(io: &Io) {
    io.on_connection(|socket: Socket| {
        socket.on("echo", |socket: Socket, args: Args| socket.emit("echo", args));
        socket.on("ack", |_: Socket, args: Args, ack: AckSender| ack.send(args));
        socket.on("ask-me", async |socket: Socket, text: String| {
            match socket.emit_with_ack::<String>("question", text).await {
                Ok(answer) => socket.emit("answered", answer),
                Err(error) => socket.emit("answered", error.to_string()),
            }
        });
        rooms(&socket);
        socket.on("say-all", |socket: Socket, text: String| {
            socket.io().emit("said", text)
        });
        socket.on("volatile", |socket: Socket, text: String| {
            socket.volatile().emit("volatile", text)
        });
        socket.on("local", |socket: Socket, text: String| {
            socket.io().local().emit("local", text)
        });
        socket.on("kick", |socket: Socket, close: bool| socket.disconnect(close));
        socket.on("disconnect", |socket: Socket, reason: DisconnectReason| {
            socket.nsp().emit("gone", (socket.id(), reason))
        });
        socket.on("who-am-i", |socket: Socket, ack: AckSender| {
            ack.send(socket.handshake().to_value())
        });
        socket.on("panic", || -> () { panic!("on purpose") });
        let count = Arc::new(AtomicU32::new(0));
        let counted = count.clone();
        socket.on("count", move |ack: AckSender| {
            counted.fetch_add(1, Ordering::Relaxed);
            ack.send(json!(null))
        });
        socket.on("counted", move |ack: AckSender| {
            ack.send((json!(null), count.load(Ordering::Relaxed)))
        });
    });
    io.of("/guarded")
        .expect("a legal name")
        .with_middleware(|socket: Socket| match socket.handshake().auth.get("token") {
            Some(_) => Ok(()),
            None => Err(ConnectError::new("authentication error").with_data(&json!({"retry": 5}))),
        });
    io.of_dynamic("/dynamic-*").on_connection(|socket: Socket| {
        socket.on("name", |socket: Socket| socket.emit("name", socket.nsp().name()));
    });
    io.of("/jury")
        .expect("a legal name")
        .on_connection(|socket: Socket| {
            socket.on("call", |socket: Socket, ack: AckSender| async move {
                let asked = socket.nsp().timeout(Duration::from_secs(1));
                let votes = asked.emit_with_ack::<String>("vote", ()).await?;
                let answers: Vec<_> = votes.answers.iter().map(|(_, answer)| answer).collect();
                ack.send(json!({"answers": answers, "missing": votes.missing}))
            });
        });
    io.of("/recover")
        .expect("a legal name")
        .on_connection(|socket: Socket| {
            rooms(&socket);
            socket.on(
                "publish",
                |socket: Socket, room: String, n: u32, ack: AckSender| {
                    socket.nsp().to(room).emit("item", n)?;
                    ack.send(())
                },
            );
        });
}

fn rooms(socket: &Socket) {
    socket.on("join", |socket: Socket, room: String, ack: AckSender| {
        ack.send(socket.join(room))
    });
    socket.on("leave", |socket: Socket, room: String, ack: AckSender| {
        socket.leave(room);
        ack.send(())
    });
    socket.on(
        "say-to",
        |socket: Socket, room: String, text: String, ack: AckSender| {
            socket.to(room).emit("said", text)?;
            ack.send(())
        },
    );
    socket.on(
        "say-all-in",
        |socket: Socket, room: String, text: String, ack: AckSender| {
            socket.nsp().to(room).emit("said", text)?;
            ack.send(())
        },
    );
    socket.on("say-others", |socket: Socket, text: String, ack: AckSender| {
        socket.broadcast().emit("said", text)?;
        ack.send(())
    });
}

async fn run(mode: &str, parser: Parser) {
    let config = IoConfig {
        parser,
        recovery: Some(Recovery::default()),
        ..IoConfig::default()
    };
    let served = Served::with(config).await;
    scenarios(&served.io);
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/peers");
    assert!(
        peers.join("node_modules/socket.io-client").is_dir(),
        "the official packages are missing: run `npm ci` in tests/peers"
    );
    let output = tokio::process::Command::new("node")
        .args([
            "server-scenarios.mjs",
            &format!("http://{}", served.address),
            mode,
            if parser == Parser::Msgpack {
                "msgpack"
            } else {
                "default"
            },
        ])
        .current_dir(&peers)
        .kill_on_drop(true)
        .output()
        .await
        .expect("`node` is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn official_client_with_default_options_passes() {
    run("default", Parser::Default).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn official_client_with_msgpack_passes() {
    run("default", Parser::Msgpack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn official_client_with_msgpack_over_polling_passes() {
    run("polling", Parser::Msgpack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn official_client_over_websocket_passes() {
    run("websocket", Parser::Default).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn official_client_over_polling_passes() {
    run("polling", Parser::Default).await;
}
