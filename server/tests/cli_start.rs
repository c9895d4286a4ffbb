//! The binary as an operator meets it: how it starts, what it says when it cannot, and how it stops.

#[path = "shared/raw_http.rs"]
mod raw_http;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use raw_http::{exchange, join, request};
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore};

const SERVER: &str = env!("CARGO_BIN_EXE_pesan-server");

/// Folder with a page.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("dist")).expect("writable");
    std::fs::write(folder.path().join("dist/index.html"), "<title>pesan</title>").expect("writable");
    folder
}

fn server(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(SERVER);
    command
        .current_dir(folder)
        .args(args)
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn fails(folder: &Path, args: &[&str]) -> String {
    let Output { status, stderr, .. } = server(folder, args).output().expect("runs");
    let words = String::from_utf8(stderr).expect("text");
    assert!(!status.success(), "{words}");
    assert!(!words.contains("panicked"), "{words}");
    words
}

/// A running server, ended with the test.
struct Running {
    child: Child,
    address: String,
    operator: String,
    log: BufReader<std::process::ChildStderr>,
}

impl Running {
    fn start(folder: &Path, args: &[&str]) -> Self {
        Self::with(server(folder, args))
    }

    fn with(mut command: Command) -> Self {
        Self::with_operator(&mut command)
    }

    /// The same with the address of `--admin-listen`.
    fn with_operator(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("runs");
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        let (mut line, mut operator) = (String::new(), String::new());
        while !line.contains("listening on ") {
            if let Some((_, address)) = line.trim().rsplit_once("metrics on http://") {
                address.clone_into(&mut operator);
            }
            line.clear();
            assert!(
                log.read_line(&mut line).expect("text") > 0,
                "ended before it listened"
            );
        }
        let (_, address) = line
            .trim()
            .rsplit_once("listening on http")
            .and_then(|(_, rest)| rest.split_once("://"))
            .expect("an address");
        Self {
            address: address.to_owned(),
            operator,
            child,
            log,
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill")
            .args([name, &id])
            .status()
            .expect("kill is there");
        assert!(status.success());
    }

    /// Reads the log up to a line with these words.
    fn wait_for(&mut self, words: &str) {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert!(
                self.log.read_line(&mut line).expect("text") > 0,
                "ended without saying '{words}'"
            );
        }
    }

    /// What it said until its end, which was a good one.
    fn ended(mut self) -> String {
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).expect("text");
        let status = self.child.wait().expect("ends");
        assert!(status.success(), "{rest}");
        rest
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // it may have ended by itself
        if let Ok(None) = self.child.try_wait() {
            self.child.kill().expect("may be killed");
            self.child.wait().expect("ends");
        }
    }
}

fn admin(folder: &Path, args: &[&str]) -> Output {
    let mut command = server(folder, &["admin"]);
    command.args(args).output().expect("runs")
}

#[test]
fn configuration_invalid_stops_the_start_with_advice() {
    let folder = folder();
    let folder = folder.path();
    std::fs::write(
        folder.join("colliding"),
        "Budi 0123456789abcdef\nBUDI 1123456789abcdef\n",
    )
    .expect("writable");
    let cases: [(&[&str], &str); 15] = [
        (&["--log", "wran"], "'wran' is not a level"),
        (&["--origin", "https://a/path"], "remove '/path'"),
        (&["--connect-to", "x;script-src *"], "--connect-to"),
        (
            &["--port", "0", "--token-file", "colliding"],
            "colliding, lines 1 and 2: names 'Budi' and 'BUDI'",
        ),
        (
            &["--assets", "nowhere"],
            "nowhere has no index.html: build the page",
        ),
        (&["--listen", "nonsense"], "--listen"),
        (&["--keep-days", "0"], "--keep-days"),
        (&["--trusted-proxy", "proxy"], "--trusted-proxy"),
        (&["--tls-cert", "cert.pem"], "--tls-key"),
        (
            &["--port", "0", "--tls-cert", "cert.pem", "--tls-key", "key.pem"],
            "cert.pem",
        ),
        (&["--port", "0", "--data", "dist/index.html"], "dist/index.html"),
        (&["--port", "0", "--token-file", "tokens"], "cannot read tokens"),
        (&["--port", "0", "--redis", "localhost"], "--redis"),
        (&["--ephemeral", "--redis", "redis://localhost"], "--redis"),
        (
            &["--port", "0", "--redis", "redis://ana:rahasia@127.0.0.1:1"],
            "cannot use redis at 127.0.0.1:1: Connection refused (os error 111); start Redis, or correct --redis",
        ),
    ];
    for (args, words) in cases {
        let said = fails(folder, args);
        assert!(said.contains(words), "{args:?}: {said}");
    }
    std::fs::create_dir(folder.join("bad")).expect("writable");
    std::fs::write(folder.join("bad/history.sqlite"), "no database".repeat(100)).expect("writable");
    let said = fails(folder, &["--port", "0", "--data", "bad"]);
    assert!(said.contains("is damaged or not a history of pesan"), "{said}");
}

#[test]
fn port_in_use_is_reported_and_the_first_server_continues() {
    let folder = folder();
    let first = Running::start(folder.path(), &["--port", "0"]);
    let said = fails(folder.path(), &["--listen", &first.address, "--data", "other"]);
    assert!(
        said.contains(&format!("cannot listen on {}", first.address)),
        "{said}"
    );
    let said = fails(folder.path(), &["--port", "0"]);
    assert!(said.contains("another pesan-server is using data"), "{said}");
    first.signal("-TERM");
    first.ended();
}

#[test]
fn environment_variables_configure_and_port_takes_precedence() {
    let folder = folder();
    let mut command = server(folder.path(), &[]);
    command
        .env("PORT", "0")
        .env("PESAN_EPHEMERAL", "true")
        .env("PESAN_OWN_SERVER_ONLY", "1")
        .env("PESAN_ASSETS", "dist");
    let running = Running::with(command);
    assert!(!running.address.ends_with(":5000"), "{}", running.address);
    assert!(!folder.path().join("data").exists());
    running.signal("-INT");
    let said = running.ended();
    assert!(
        said.contains("shutting down") && said.contains("stopped"),
        "{said}"
    );
}

#[test]
fn environment_variables_that_are_empty_count_as_unset() {
    let folder = folder();
    let mut command = server(folder.path(), &["--port", "0"]);
    for name in [
        "PORT",
        "PESAN_LISTEN",
        "PESAN_ORIGIN",
        "PESAN_REDIS",
        "PESAN_EPHEMERAL",
        "PESAN_KEEP_DAYS",
        "PESAN_LOG",
        "PESAN_MAX_CONNECTIONS",
        "PESAN_TLS_CERT",
        "PESAN_TOKEN_FILE",
        "PESAN_SECRET",
        "PESAN_ADMIN_SOCKET",
        "PESAN_TRUSTED_PROXY",
        "PESAN_ALLOW_SERVER",
        "PESAN_OWN_SERVER_ONLY",
    ] {
        command.env(name, "");
    }
    let running = Running::with(command);
    let mut list = server(folder.path(), &["admin", "list"]);
    assert!(
        list.env("PESAN_ADMIN_SOCKET", "")
            .status()
            .expect("runs")
            .success()
    );
    running.signal("-TERM");
    running.ended();
}

#[test]
fn operator_commands_are_answered_by_the_running_server() {
    let folder = folder();
    let words = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    let none = admin(folder.path(), &["list"]);
    assert!(
        String::from_utf8_lossy(&none.stderr).contains("is it running?"),
        "{none:?}"
    );

    let running = Running::start(folder.path(), &["--port", "0"]);
    let mode = std::fs::metadata(folder.path().join("data/admin.sock"))
        .expect("is there")
        .permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
    let list = admin(folder.path(), &["list"]);
    assert!(words(&list).contains("0 connections"), "{list:?}");
    let rooms = admin(folder.path(), &["rooms"]);
    assert!(words(&rooms).contains("lobby"), "{rooms:?}");
    let kick = admin(folder.path(), &["kick", "nobody", "--reason", "x"]);
    assert!(!kick.status.success());
    assert!(
        String::from_utf8_lossy(&kick.stderr).contains("no connection or person has the id nobody"),
        "{kick:?}"
    );
    assert!(admin(folder.path(), &["announce", "halo"]).status.success());
    assert!(words(&admin(folder.path(), &["close", "--in", "1h"])).contains("shutdown in 3600 s"));
    assert!(admin(folder.path(), &["close", "--cancel"]).status.success());
    assert!(
        admin(folder.path(), &["close", "--in", "1s", "--reason", "perawatan"])
            .status
            .success()
    );
    running.ended();
    assert!(!folder.path().join("data/admin.sock").exists());
}

#[test]
fn admin_socket_folder_is_private() {
    let folder = folder();
    let args = [
        "--port",
        "0",
        "--ephemeral",
        "--admin-socket",
        "run/pesan/admin.sock",
    ];
    let running = Running::start(folder.path(), &args);
    let mode = std::fs::metadata(folder.path().join("run/pesan"))
        .expect("is there")
        .permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o700);
    drop(running);
}

#[test]
fn admin_socket_of_a_crashed_server_is_replaced() {
    let folder = folder();
    let dead = Running::start(folder.path(), &["--port", "0"]);
    drop(dead);
    assert!(folder.path().join("data/admin.sock").exists());
    let running = Running::start(folder.path(), &["--port", "0"]);
    assert!(admin(folder.path(), &["list"]).status.success());
    running.signal("-TERM");
    running.ended();
}

#[test]
fn request_without_exactly_one_host_is_a_bad_request() {
    let folder = folder();
    let running = Running::start(folder.path(), &["--port", "0", "--ephemeral"]);
    for (head, status) in [
        ("HTTP/1.1\r\n", "400"),
        ("HTTP/1.1\r\nhost: a\r\nhost: b\r\n", "400"),
        ("HTTP/1.1\r\nhost: a\r\nhost: a\r\n", "400"),
        ("HTTP/1.0\r\nhost: a\r\nhost: b\r\n", "400"),
        ("HTTP/1.1\r\nhost: a\r\n", "200"),
        ("HTTP/1.0\r\n", "200"),
    ] {
        for path in ["/", "/socket.io/?EIO=4&transport=polling"] {
            let answer = exchange(
                &running.address,
                &format!("GET {path} {head}connection: close\r\n\r\n"),
            );
            assert_eq!(answer.split(' ').nth(1), Some(status), "{path} {head}: {answer}");
        }
    }
}

#[test]
fn connection_limit_reached_sends_a_page_and_fails_readiness() {
    let folder = folder();
    let admin_listen = ["--admin-listen", "127.0.0.1:0", "--max-connections", "2"];
    let mut command = server(folder.path(), &["--port", "0"]);
    let running = Running::with_operator(command.args(admin_listen));
    let ready = || {
        exchange(
            &running.operator,
            "GET /readyz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        )
    };
    assert!(ready().starts_with("HTTP/1.1 200"), "{}", ready());

    let held: Vec<TcpStream> = (0..2)
        .map(|_| {
            // answered, so that it is known to count, and then idle
            let mut stream = TcpStream::connect(&running.address).expect("it listens");
            stream
                .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
                .expect("it reads");
            stream.read_exact(&mut [0; 12]).expect("an answer");
            stream
        })
        .collect();
    let refused = exchange(
        &running.address,
        "GET / HTTP/1.1\r\nhost: a\r\naccept: text/html\r\n\r\n",
    );
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    for words in ["Server penuh", "The server is full", "retry-after"] {
        assert!(refused.contains(words), "{refused}");
    }
    let full = ready();
    assert!(
        full.starts_with("HTTP/1.1 503") && full.contains("full: 2 HTTP connections, the maximum is 2"),
        "{full}"
    );
    let list = admin(folder.path(), &["list"]);
    let words = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(words.contains("2 HTTP connections (maximum 2)"), "{words}");
    drop(held);
}

#[test]
fn signal_received_twice_stops_immediately() {
    let folder = folder();
    let mut running = Running::start(folder.path(), &["--port", "0", "--drain", "600"]);
    // a request whose body never comes holds the stop
    let mut held = TcpStream::connect(&running.address).expect("it listens");
    held.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n")
        .expect("it reads");
    running.signal("-TERM");
    running.wait_for("shutting down");
    running.signal("-TERM");
    running.wait_for("stopping immediately");
    let status = running.child.wait().expect("ends");
    assert_eq!(status.code(), Some(1));
}

#[test]
fn accept_without_descriptors_is_logged_once_a_minute() {
    let folder = folder();
    let mut command = Command::new("sh");
    command
        .current_dir(folder.path())
        .args(["-c", "ulimit -n 40; exec \"$0\" --port 0 --ephemeral", SERVER])
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let running = Running::with(command);
    let held: Vec<TcpStream> = (0..60)
        .map(|_| TcpStream::connect(&running.address).expect("the kernel takes it"))
        .collect();
    // a second of failures, which are tried again every 50 ms
    std::thread::sleep(Duration::from_secs(1));
    drop(held);
    running.signal("-TERM");
    let said = running.ended();
    assert_eq!(said.matches("cannot accept a connection").count(), 1, "{said}");
}

/// Status of a handshake that comes through a proxy for this address.
fn handshake(address: &str, client: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!(
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {client}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("text");
    line.split(' ').nth(1).expect("a status").to_owned()
}

#[test]
fn connection_limit_behind_a_trusted_proxy_counts_clients() {
    let folder = folder();
    let limit = ["--port", "0", "--ephemeral", "--max-per-address", "1"];
    let trusting = [&limit[..], &["--trusted-proxy", "127.0.0.0/8"]].concat();
    let statuses = |args: &[&str]| {
        let running = Running::start(folder.path(), args);
        ["192.0.2.1", "192.0.2.2", "192.0.2.1"].map(|client| handshake(&running.address, client))
    };
    assert_eq!(statuses(&trusting), ["200", "200", "429"]);
    assert_eq!(statuses(&limit), ["200", "429", "429"]);
}

/// Sends a plain message that is acknowledged, and reads until that is there.
fn say(address: &str, path: &str, text: &str) {
    assert_eq!(
        request(address, "POST", path, &format!("421[\"pesan\",\"{text}\"]")),
        "ok"
    );
    let mut heard = String::new();
    while !heard.contains("431") {
        heard.push_str(&request(address, "GET", path, ""));
    }
}

#[test]
fn backup_of_a_running_server_is_restored_despite_a_stray_log() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let words = |output: &Output| {
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let failure = |output: &Output| {
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let running = Running::start(folder.path(), &["--port", "0"]);
    let session = join(&running.address, "");
    say(&running.address, &session, "satu");
    say(&running.address, &session, "dua");
    assert!(words(&admin(folder.path(), &["backup", "copy.sqlite"])).contains("2 messages in 1 rooms"));
    say(&running.address, &session, "tiga");
    assert!(failure(&admin(folder.path(), &["backup", "copy.sqlite"])).contains("copy.sqlite exists"));
    assert!(
        failure(&admin(folder.path(), &["restore", "copy.sqlite"])).contains("another pesan-server is using")
    );
    let mode = |name: &str| {
        let meta = std::fs::metadata(path(name)).expect("is there");
        std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o777
    };
    for file in [
        "data/history.sqlite",
        "data/history.sqlite-wal",
        "data/lock",
        "data/history.run",
        "copy.sqlite",
    ] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    assert_eq!(mode("data"), 0o700);
    // killed: its log stays
    drop(running);
    assert!(
        std::fs::metadata(path("data/history.sqlite-wal"))
            .expect("is there")
            .len()
            > 0
    );

    // what people do by hand
    std::fs::copy(path("data/history.sqlite"), path("kept.sqlite")).expect("writable");
    std::fs::copy(path("copy.sqlite"), path("data/history.sqlite")).expect("writable");
    let said = fails(folder.path(), &["--port", "0"]);
    assert!(
        said.contains("history.sqlite-wal does not belong to this history"),
        "{said}"
    );
    std::fs::copy(path("kept.sqlite"), path("data/history.sqlite")).expect("writable");

    let said = words(&admin(folder.path(), &["restore", "copy.sqlite"]));
    assert!(
        said.contains("2 messages") && said.contains("before-restore-"),
        "{said}"
    );
    let running = Running::start(folder.path(), &["--port", "0"]);
    let rooms = words(&admin(folder.path(), &["rooms"]));
    let lobby = rooms
        .lines()
        .find(|line| line.starts_with("lobby"))
        .expect("is there");
    assert_eq!(lobby.split_whitespace().nth(2), Some("2"), "{rooms}");
    running.signal("-TERM");
    running.ended();
}

#[test]
fn history_incomplete_stops_the_start_with_advice() {
    let folder = folder();
    let data = folder.path().join("data");
    let file = data.join("history.sqlite");
    let running = Running::start(folder.path(), &["--port", "0"]);
    running.signal("-TERM");
    running.ended();
    let good = std::fs::read(&file).expect("readable");
    let refused = |words: &str| {
        let said = fails(folder.path(), &["--port", "0"]);
        assert!(said.contains(words), "{words}: {said}");
        let output = admin(
            folder.path(),
            &["restore", "data/history.sqlite", "--data", "other"],
        );
        assert!(!output.status.success(), "{words}: {output:?}");
        assert!(!folder.path().join("other/history.sqlite").exists());
    };

    std::fs::write(&file, &good[..good.len() - 4096]).expect("writable");
    refused("the file is truncated");
    std::fs::write(&file, b"").expect("writable");
    refused("the file is empty");
    std::fs::write(&file, vec![0; 1 << 20]).expect("writable");
    refused("does not start with an SQLite header");
    let bare = |sql: &str| {
        std::fs::remove_file(&file).expect("was there");
        let connection = rusqlite::Connection::open(&file).expect("a database");
        connection.execute_batch(sql).expect("good SQL");
    };
    bare("CREATE TABLE a (b); INSERT INTO a VALUES (zeroblob(1000000)); DROP TABLE a;");
    refused("the file has no tables");
    bare("PRAGMA application_id = 1885696878; PRAGMA user_version = 2; CREATE TABLE a (b);");
    refused("tables are missing");

    // another file's log: that of a run before the last one
    std::fs::write(&file, &good).expect("writable");
    let running = Running::start(folder.path(), &["--port", "0"]);
    let session = join(&running.address, "");
    say(&running.address, &session, "satu");
    drop(running);
    std::fs::write(&file, &good).expect("writable");
    refused("belongs to another history.sqlite");
    std::fs::remove_file(&file).expect("was there");
    let said = fails(folder.path(), &["--port", "0"]);
    assert!(said.contains("there is no history.sqlite"), "{said}");
}

#[test]
fn history_of_a_killed_server_is_recovered_from_its_log() {
    let folder = folder();
    for round in 1..=3 {
        let running = Running::start(folder.path(), &["--port", "0"]);
        let session = join(&running.address, "");
        say(&running.address, &session, "halo");
        let rooms = admin(folder.path(), &["rooms"]);
        let rooms = String::from_utf8_lossy(&rooms.stdout).into_owned();
        let lobby = rooms
            .lines()
            .find(|line| line.starts_with("lobby"))
            .expect("is there");
        assert_eq!(
            lobby.split_whitespace().nth(2),
            Some(round.to_string().as_str()),
            "{rooms}"
        );
        drop(running);
    }
}

#[test]
fn connection_is_logged_with_number_address_and_reason_and_can_be_banned() {
    let folder = folder();
    let mut running = Running::start(folder.path(), &["--port", "0"]);
    let path = join(&running.address, r#"{"pesan":1,"key":"0123456789abcdef"}"#);
    let (_, sid) = path.split_once("&sid=").expect("a session");
    let mut next = |what: &str| {
        let mut line = String::new();
        while !line.contains(what) {
            line.clear();
            assert!(
                running.log.read_line(&mut line).expect("text") > 0,
                "no line with {what}"
            );
        }
        assert!(!line.contains(sid), "the session id is a secret: {line}");
        line
    };
    let number = |line: &str| {
        let (_, rest) = line.split_once("connection=").expect("a number");
        rest.split(' ').next().map(str::to_owned)
    };
    let connected = next("person connected");
    assert!(connected.contains("address=127.0.0.1 person=\""), "{connected}");
    let admin = admin(folder.path(), &["ban", "127.0.0.1", "--reason", "iklan"]);
    assert_eq!(String::from_utf8_lossy(&admin.stdout), "ban of 127.0.0.1\n");
    let disconnected = next("User disconnected");
    assert!(
        disconnected.contains("server namespace disconnect"),
        "{disconnected}"
    );
    assert_eq!(number(&connected), number(&disconnected));
}

#[test]
fn reload_takes_new_tokens_and_disconnects_the_revoked() {
    let folder = folder();
    let tokens = folder.path().join("tokens");
    let (ana, budi) = ("Ana 0123456789abcdef\n", "Budi 1123456789abcdef\n");
    std::fs::write(&tokens, [ana, budi].concat()).expect("writable");
    let running = Running::start(folder.path(), &["--port", "0", "--token-file", "tokens"]);
    join(&running.address, "{\"token\":\"0123456789abcdef\"}");
    join(&running.address, "{\"token\":\"1123456789abcdef\"}");
    let connections = || {
        let list = admin(folder.path(), &["list"]);
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        list.lines()
            .find(|line| line.ends_with(" connections"))
            .map(str::to_owned)
            .expect("a number")
    };
    assert_eq!(connections(), "2 connections");
    std::fs::write(&tokens, "Ana short\n").expect("writable");
    let reload = admin(folder.path(), &["reload"]);
    assert!(!reload.status.success());
    assert!(
        String::from_utf8_lossy(&reload.stderr).contains("tokens and secrets are unchanged: tokens, line 1")
    );
    assert_eq!(connections(), "2 connections");
    std::fs::write(&tokens, ana).expect("writable");
    let reload = admin(folder.path(), &["reload"]);
    assert!(
        String::from_utf8_lossy(&reload.stdout).contains("1 connections ended"),
        "{reload:?}"
    );
    assert_eq!(connections(), "1 connections");
    std::fs::write(&tokens, budi).expect("writable");
    running.signal("-HUP");
    for _ in 0..500 {
        if connections() == "0 connections" {
            break;
        }
    }
    assert_eq!(connections(), "0 connections");
    running.signal("-TERM");
    running.ended();
}

/// Certificate that a server presents.
fn presented_certificate(address: &str, known: &[CertificateDer<'static>]) -> CertificateDer<'static> {
    let mut roots = RootCertStore::empty();
    for certificate in known {
        roots.add(certificate.clone()).expect("a usable certificate");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let mut tls = ClientConnection::new(Arc::new(config), name).expect("a good configuration");
    let mut stream = TcpStream::connect(address).expect("it listens");
    tls.complete_io(&mut stream).expect("a TLS handshake");
    let chain = tls.peer_certificates().expect("a certificate");
    chain.first().expect("a certificate").clone().into_owned()
}

#[test]
fn reload_presents_the_renewed_certificate_and_keeps_the_old_one_when_it_is_damaged() {
    let folder = folder();
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/tls");
    let put = |name: &str, from: &str| {
        std::fs::copy(files.join(from), folder.path().join(name)).expect("readable and writable");
    };
    let read = |name| CertificateDer::from_pem_file(files.join(name)).expect("a certificate");
    let known = [read("certificate.pem"), read("renewed-certificate.pem")];
    put("cert.pem", "certificate.pem");
    put("key.pem", "key.pem");
    let args = ["--port", "0", "--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let running = Running::start(folder.path(), &args);
    let presented = || presented_certificate(&running.address, &known);
    assert_eq!(presented(), known[0]);
    put("cert.pem", "renewed-certificate.pem");
    let reload = admin(folder.path(), &["reload"]);
    let words = String::from_utf8_lossy(&reload.stderr).into_owned();
    assert!(
        words.contains("certificate"),
        "key and certificate do not go together: {words}"
    );
    assert_eq!(presented(), known[0]);
    put("key.pem", "renewed-key.pem");
    assert!(admin(folder.path(), &["reload"]).status.success());
    assert_eq!(presented(), known[1]);
}

#[test]
fn shutdown_does_not_wait_for_abandoned_polling_sessions() {
    let folder = folder();
    let running = Running::start(folder.path(), &["--port", "0", "--drain", "600"]);
    join(&running.address, "");
    join(&running.address, "");
    running.signal("-TERM");
    let begun = std::time::Instant::now();
    running.ended();
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}
