//! The binary as an operator meets it: how it starts, what it says when it cannot, and how it stops.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

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
            .rsplit_once("listening on http://")
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
fn what_cannot_work_stops_the_start_with_words_that_help() {
    let folder = folder();
    let folder = folder.path();
    std::fs::write(
        folder.join("colliding"),
        "Budi 0123456789abcdef\nBUDI 1123456789abcdef\n",
    )
    .expect("writable");
    let cases: [(&[&str], &str); 15] = [
        (&["--log", "wran"], "'wran' is no level"),
        (&["--origin", "https://a/path"], "leave out '/path'"),
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
            "cannot use redis at 127.0.0.1:1: Connection refused (os error 111); start it, or correct --redis",
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
fn a_busy_port_is_named_and_the_first_server_goes_on() {
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
fn the_environment_configures_and_port_wins() {
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
    assert!(said.contains("going down") && said.contains("stopped"), "{said}");
}

#[test]
fn empty_variables_count_as_unset() {
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
fn the_operator_talks_to_the_running_server() {
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
        String::from_utf8_lossy(&kick.stderr).contains("nobody here has the id nobody"),
        "{kick:?}"
    );
    assert!(admin(folder.path(), &["announce", "halo"]).status.success());
    assert!(words(&admin(folder.path(), &["close", "--in", "1h"])).contains("closes in 3600 s"));
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
fn the_socket_of_a_server_that_died_is_replaced() {
    let folder = folder();
    let dead = Running::start(folder.path(), &["--port", "0"]);
    drop(dead);
    assert!(folder.path().join("data/admin.sock").exists());
    let running = Running::start(folder.path(), &["--port", "0"]);
    assert!(admin(folder.path(), &["list"]).status.success());
    running.signal("-TERM");
    running.ended();
}

/// Everything that the server answers to these bytes.
fn exchange(address: &str, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("not zero");
    stream.write_all(bytes.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an orderly end");
    answer
}

#[test]
fn request_without_one_host_is_a_bad_request() {
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
fn newcomer_to_a_full_server_gets_a_page_that_says_so_and_readiness_sees_it() {
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
        full.starts_with("HTTP/1.1 503") && full.contains("full: 2 HTTP connections of at most 2"),
        "{full}"
    );
    let list = admin(folder.path(), &["list"]);
    let words = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(words.contains("2 HTTP connections of at most 2"), "{words}");
    drop(held);
}

#[test]
fn second_signal_stops_at_once() {
    let folder = folder();
    let mut running = Running::start(folder.path(), &["--port", "0", "--drain", "600"]);
    // a request whose body never comes holds the stop
    let mut held = TcpStream::connect(&running.address).expect("it listens");
    held.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n")
        .expect("it reads");
    running.signal("-TERM");
    running.wait_for("going down");
    running.signal("-TERM");
    running.wait_for("stops at once");
    let status = running.child.wait().expect("ends");
    assert_eq!(status.code(), Some(1));
}

#[test]
fn lack_of_descriptors_is_logged_once_a_minute() {
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
fn behind_a_trusted_proxy_people_are_counted_and_not_the_proxy() {
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
