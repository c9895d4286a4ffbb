//! Transports at the end of their life, and dispatch from transport events.

use std::time::Duration;

use futures_util::SinkExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{Lock, Shared, TransportEvent, TransportEventSink, TransportHandler as _};
use crate::socketio::client::{Lifecycle, Manager, Options};
use crate::socketio::proto::{CloseInfo, TransportKind};
use crate::socketio::sync::Callback;
use crate::socketio::transport::{HttpClient, HttpResponse, PollingTransport};

/// Server that sends the handshake and closes; returns its address.
async fn closing_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("just bound"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that disconnected during the handshake is ignored.
            if let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await {
                let open = r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
                drop(socket.send(open.into()).await);
            }
        }
    });
    url
}

#[tokio::test]
async fn transport_ended_is_dropped() {
    let soon = Duration::from_millis(1);
    let options = Options::new().force_new().reconnection_delay(soon, soon);
    let client = Manager::open(&closing_server().await, options).expect("a good address");
    let (sender, mut reconnected) = mpsc::unbounded_channel();
    let socket = client.socket("/").expect("a legal name");
    socket.on_lifecycle(move |step: &Lifecycle| {
        if let Lifecycle::Reconnect(_) = step {
            sender.send(()).expect("the test waits");
        }
    });
    for time in 0..50 {
        let next = tokio::time::timeout(Duration::from_secs(10), reconnected.recv()).await;
        assert!(next.is_ok(), "no reconnection after {time} times");
    }
    let state = client.driver.state.lock();
    assert!(
        state.transports.len() <= 1,
        "{} transports",
        state.transports.len()
    );
    assert!(state.closed_transports.is_empty());
    drop(state);
}

/// Requests completed by the test. Dropping the GET completes the POST.
#[derive(Clone)]
struct ManualHttp(Shared<Lock<Vec<Callback<HttpResponse>>>>);

struct ManualRequest(Option<ManualHttp>);

impl Drop for ManualRequest {
    fn drop(&mut self) {
        if let Some(post) = self.0.take().and_then(|slow| slow.0.lock().pop()) {
            post(Ok("ok".to_owned()));
        }
    }
}

impl HttpClient for ManualHttp {
    type Request = ManualRequest;

    fn send(
        &self,
        _: &str,
        body: Option<String>,
        done: Callback<HttpResponse>,
    ) -> Result<ManualRequest, CloseInfo> {
        self.0.lock().push(done);
        Ok(ManualRequest(body.is_none().then(|| self.clone())))
    }

    fn finish_soon(&self) {}
}

#[tokio::test]
async fn polling_last_get_before_pause_is_delivered() {
    let polling = TransportKind::Polling;
    let options = Options::new()
        .force_new()
        .transports([polling, TransportKind::WebSocket]);
    // Nothing is awaited below, so that its own transports do nothing.
    let client = Manager::open("http://127.0.0.1:9", options).expect("a good address");
    let socket = client.socket("/").expect("a legal name");
    let result = Shared::new(Lock::new(Vec::new()));
    let log = Shared::clone(&result);
    socket.on("late", move |number: u8| log.lock().push(number));
    let driver = &client.driver;
    let get = driver.state.lock().transports[0].0;
    let open = r#"0{"sid":"e","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}"#;
    for body in [open, r#"40{"sid":"s"}"#] {
        driver.on_transport_event(get, TransportEvent::Payload(body.to_owned()));
    }
    let probe = driver.state.lock().transports[1].0;
    driver.on_transport_event(probe, TransportEvent::Opened);

    let http = ManualHttp(Shared::new(Lock::new(Vec::new())));
    let events = TransportEventSink::new(driver.downgrade(), get);
    let transport = PollingTransport::open(http.clone(), "", events, 100).expect("it opens");
    transport.send("42[\"echo\"]".into()).expect("there is room");
    transport.flush(&mut driver.state.lock().connection, get);
    driver.on_transport_event(probe, TransportEvent::Frame("3probe".into()));
    transport.pause();
    let got = http.0.lock().remove(0);
    got(Ok("42[\"late\",7]".to_owned()));
    assert_eq!(*result.lock(), [7]);
    assert!(http.0.lock().is_empty(), "both have last_end");
    assert_eq!(client.transport(), Some(TransportKind::WebSocket));
    drop(transport);
}

/// Requests that record their bodies, and are completed by the test.
#[derive(Clone)]
struct RecordingHttp(
    Shared<Lock<Vec<Callback<HttpResponse>>>>,
    Shared<Lock<Vec<String>>>,
);

impl HttpClient for RecordingHttp {
    type Request = ();

    fn send(&self, _: &str, body: Option<String>, done: Callback<HttpResponse>) -> Result<(), CloseInfo> {
        self.0.lock().push(done);
        self.1.lock().extend(body);
        Ok(())
    }

    fn finish_soon(&self) {}
}

#[tokio::test]
async fn polling_frames_after_close_respect_max_payload() {
    let polling = TransportKind::Polling;
    let options = Options::new().force_new().transports([polling]);
    // Nothing is awaited below, so that its own transport does nothing.
    let client = Manager::open("http://127.0.0.1:9", options).expect("a good address");
    let socket = client.socket("/").expect("a legal name");
    let driver = &client.driver;
    let id = driver.state.lock().transports[0].0;
    let http = RecordingHttp(
        Shared::new(Lock::new(Vec::new())),
        Shared::new(Lock::new(Vec::new())),
    );
    let events = TransportEventSink::new(driver.downgrade(), id);
    let transport = PollingTransport::open(http.clone(), "", events, 100).expect("it opens");
    let open = r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":9}"#;
    driver.on_transport_event(id, TransportEvent::Payload(open.to_owned()));
    for text in ["4one", "4two", "4three"] {
        transport.send(text.into()).expect("there is room");
        transport.flush(&mut driver.state.lock().connection, id);
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
async fn transport_event_dispatches_only_its_own_notifications() {
    // Nothing is awaited below, so that its own transport does nothing.
    let client = Manager::open("http://127.0.0.1:9", Options::new().force_new()).expect("a good address");
    let socket = client.socket("/").expect("a legal name");
    let driver = &client.driver;
    let id = driver.state.lock().transports[0].0;
    let open = r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
    for frame in [open, r#"40{"sid":"s"}"#] {
        driver.on_transport_event(id, TransportEvent::Frame(frame.into()));
    }
    let result = Shared::new(Lock::new(0));
    let (log, same) = (Shared::clone(&result), driver.downgrade());
    socket.on("next", move |number: u64| {
        *log.lock() = number;
        // the server is always one ahead
        let frame = format!(r#"42["next",{}]"#, number + 1);
        if let Some(driver) = same.upgrade().filter(|_| number < 100) {
            driver.on_transport_event(id, TransportEvent::Frame(frame.as_str().into()));
        }
    });
    driver.on_transport_event(id, TransportEvent::Frame(r#"42["next",1]"#.into()));
    assert_eq!(*result.lock(), 1, "a task dispatches the others");
}
