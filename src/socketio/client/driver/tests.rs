//! What a connection keeps of transports that have come to their end.

use std::time::Duration;

use futures_util::SinkExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{Lock, Port, Report, Shared};
use crate::socketio::client::{Client, Lifecycle, Options};
use crate::socketio::proto::{CloseInfo, TransportKind};
use crate::socketio::sync::Callback;
use crate::socketio::transport::{Http, Polling, Response};

/// Server that greets each client and hangs up; gives its address.
async fn hasty_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("just bound"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // a client that left before its handshake was done has had enough
            if let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await {
                let open = r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
                drop(socket.send(open.into()).await);
            }
        }
    });
    url
}

#[tokio::test]
async fn a_transport_that_has_ended_is_let_go() {
    let soon = Duration::from_millis(1);
    let options = Options::new().force_new().reconnection_delay(soon, soon);
    let client = Client::open(&hasty_server().await, options).expect("a good address");
    let (sender, mut came_back) = mpsc::unbounded_channel();
    let socket = client.socket("/").expect("a legal name");
    let counting = socket.on_lifecycle(move |step: &Lifecycle| {
        if let Lifecycle::Reconnect(_) = step {
            sender.send(()).expect("the test waits");
        }
    });
    for time in 0..50 {
        let next = tokio::time::timeout(Duration::from_secs(10), came_back.recv()).await;
        assert!(next.is_ok(), "it did not come back after {time} times");
    }
    let state = client.connection.state.lock();
    assert!(
        state.transports.len() <= 1,
        "{} transports",
        state.transports.len()
    );
    assert!(state.gone.is_empty());
    drop(state);
    drop(counting);
}

/// Requests that end when the test says so; what ends a POST runs when the GET's request is dropped.
#[derive(Clone)]
struct Slow(Shared<Lock<Vec<Callback<Response>>>>);

struct Given(Option<Slow>);

impl Drop for Given {
    fn drop(&mut self) {
        if let Some(post) = self.0.take().and_then(|slow| slow.0.lock().pop()) {
            post(Ok("ok".to_owned()));
        }
    }
}

impl Http for Slow {
    type Request = Given;

    fn begin(&self, _: &str, body: Option<String>, done: Callback<Response>) -> Result<Given, CloseInfo> {
        self.0.lock().push(done);
        Ok(Given(body.is_none().then(|| self.clone())))
    }

    fn hurry(&self) {}
}

#[tokio::test]
async fn what_the_last_get_brings_is_heard_though_a_post_ends_at_the_same_time() {
    let polling = TransportKind::Polling;
    let options = Options::new()
        .force_new()
        .transports([polling, TransportKind::WebSocket]);
    // Nothing is awaited below, so that its own transports do nothing.
    let client = Client::open("http://127.0.0.1:9", options).expect("a good address");
    let socket = client.socket("/").expect("a legal name");
    let heard = Shared::new(Lock::new(Vec::new()));
    let log = Shared::clone(&heard);
    let listening = socket.on("late", move |number: u8| log.lock().push(number));
    let connection = &client.connection;
    let get = connection.state.lock().transports[0].0;
    let open = r#"0{"sid":"e","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}"#;
    for body in [open, r#"40{"sid":"s"}"#] {
        connection.reported(get, Report::Payload(body.to_owned()));
    }
    let probe = connection.state.lock().transports[1].0;
    connection.reported(probe, Report::Opened);

    let http = Slow(Shared::new(Lock::new(Vec::new())));
    let port = Port::new(connection.downgrade(), get);
    let transport = Polling::open(http.clone(), "", port, 100).expect("it opens");
    transport.send("42[\"echo\"]".into()).expect("there is room");
    transport.flush(&mut connection.state.lock().machine, get);
    connection.reported(probe, Report::Frame("3probe".into()));
    transport.pause();
    let got = http.0.lock().remove(0);
    got(Ok("42[\"late\",7]".to_owned()));
    assert_eq!(*heard.lock(), [7]);
    assert!(http.0.lock().is_empty(), "both have ended");
    assert_eq!(client.transport(), Some(TransportKind::WebSocket));
    drop((listening, transport));
}

/// Requests that note what they send, and end when the test says so.
#[derive(Clone)]
struct Noting(Shared<Lock<Vec<Callback<Response>>>>, Shared<Lock<Vec<String>>>);

impl Http for Noting {
    type Request = ();

    fn begin(&self, _: &str, body: Option<String>, done: Callback<Response>) -> Result<(), CloseInfo> {
        self.0.lock().push(done);
        self.1.lock().extend(body);
        Ok(())
    }

    fn hurry(&self) {}
}

#[tokio::test]
async fn the_last_words_go_in_bodies_that_the_server_takes() {
    let polling = TransportKind::Polling;
    let options = Options::new().force_new().transports([polling]);
    // Nothing is awaited below, so that its own transport does nothing.
    let client = Client::open("http://127.0.0.1:9", options).expect("a good address");
    let socket = client.socket("/").expect("a legal name");
    let connection = &client.connection;
    let id = connection.state.lock().transports[0].0;
    let http = Noting(
        Shared::new(Lock::new(Vec::new())),
        Shared::new(Lock::new(Vec::new())),
    );
    let port = Port::new(connection.downgrade(), id);
    let transport = Polling::open(http.clone(), "", port, 100).expect("it opens");
    let open = r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":9}"#;
    connection.reported(id, Report::Payload(open.to_owned()));
    for text in ["4one", "4two", "4three"] {
        transport.send(text.into()).expect("there is room");
        transport.flush(&mut connection.state.lock().machine, id);
    }
    socket.disconnect();
    drop(transport);
    for _ in 0..2 {
        let post = http.0.lock().pop().expect("one is under way");
        post(Ok("ok".to_owned()));
    }
    assert_eq!(*http.1.lock(), ["4one", "4two", "4three"]);
}

#[tokio::test]
async fn whoever_brings_an_event_does_not_tell_all_that_follow() {
    // Nothing is awaited below, so that its own transport does nothing.
    let client = Client::open("http://127.0.0.1:9", Options::new().force_new()).expect("a good address");
    let socket = client.socket("/").expect("a legal name");
    let connection = &client.connection;
    let id = connection.state.lock().transports[0].0;
    let open = r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
    for frame in [open, r#"40{"sid":"s"}"#] {
        connection.reported(id, Report::Frame(frame.into()));
    }
    let heard = Shared::new(Lock::new(0));
    let (log, same) = (Shared::clone(&heard), connection.downgrade());
    let listening = socket.on("next", move |number: u64| {
        *log.lock() = number;
        // the server is always one ahead
        let frame = format!(r#"42["next",{}]"#, number + 1);
        if let Some(connection) = same.upgrade().filter(|_| number < 100) {
            connection.reported(id, Report::Frame(frame.as_str().into()));
        }
    });
    connection.reported(id, Report::Frame(r#"42["next",1]"#.into()));
    assert_eq!(*heard.lock(), 1, "a task tells the others");
    drop(listening);
}
