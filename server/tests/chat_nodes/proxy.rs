//! A small sticky proxy: who comes back with the same `as=N` in the address gets to the same node, or, when that does
//! not listen, to the next one.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Longest head of a request.
const HEAD: usize = 16 << 10;

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(nodes: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let nodes = nodes.clone();
                // whoever is cut off comes again
                tokio::spawn(async move { drop(pass(client, &nodes).await) });
            }
        });
        Self { address, serving }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass(mut client: TcpStream, nodes: &[SocketAddr]) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        if client.read_buf(&mut head).await? == 0 || head.len() > HEAD {
            return Ok(());
        }
    }
    let line = String::from_utf8_lossy(&head);
    let stick = line
        .split(['?', '&', ' '])
        .find_map(|part| part.strip_prefix("as=")?.parse::<usize>().ok());
    let first = stick.unwrap_or(0);
    for place in first..first + nodes.len() {
        if let Ok(mut node) = TcpStream::connect(nodes[place % nodes.len()]).await {
            node.write_all(&head).await?;
            copy_bidirectional(&mut client, &mut node).await?;
            break;
        }
    }
    Ok(())
}
