//! The files in `deploy/`, the proxy configurations run by their proxies. Tests of a proxy that is not installed are skipped.

#[path = "shared/raw_http.rs"]
mod raw_http;

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use raw_http::{POLLING, exchange, join, request};
use tempfile::TempDir;

/// Timeout for a proxy to listen.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Process that is killed when the test ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            self.0.kill().expect("may be killed");
            self.0.wait().expect("ends");
        }
    }
}

/// Chat server on a free port that trusts proxies on this machine.
struct Server {
    _process: Process,
    address: String,
    socket: PathBuf,
}

impl Server {
    fn start(folder: &Path, name: &str) -> Self {
        let dist = folder.join("dist");
        std::fs::create_dir_all(&dist).expect("writable");
        std::fs::write(dist.join("index.html"), "<title>pesan</title>").expect("writable");
        let socket = folder.join(format!("{name}.sock"));
        let mut child = Command::new(env!("CARGO_BIN_EXE_pesan-server"))
            .current_dir(folder)
            .args([
                "--port",
                "0",
                "--ephemeral",
                "--trusted-proxy",
                "127.0.0.0/8",
                "--admin-socket",
            ])
            .arg(&socket)
            .env_clear()
            .stderr(Stdio::piped())
            .spawn()
            .expect("runs");
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        while !line.contains("listening on ") {
            line.clear();
            assert!(
                log.read_line(&mut line).expect("text") > 0,
                "ended before it listened"
            );
        }
        let (_, address) = line.trim().rsplit_once("http://").expect("an address");
        let address = address.to_owned();
        // a full pipe would block the server
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self {
            _process: Process(child),
            address,
            socket,
        }
    }

    /// Output of `admin list`.
    fn admin_list(&self) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_pesan-server"))
            .args(["admin", "list", "--admin-socket"])
            .arg(&self.socket)
            .env_clear()
            .output()
            .expect("runs");
        String::from_utf8(output.stdout).expect("text")
    }
}

/// Finds an installed program; prints a note if there is none.
fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        eprintln!("skipped: {name} is not installed (apt-get install {name})");
    }
    found
}

/// Reads a file in `deploy/`, with some texts replaced.
fn read_deploy_file(name: &str, changes: &[(&str, &str)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name);
    let mut text = std::fs::read_to_string(path).expect("is there");
    for (old, new) in changes {
        assert!(text.contains(old), "{name} has no '{old}'");
        text = text.replace(old, new);
    }
    text
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it listens").port()
}

fn start(command: &mut Command, address: &str) -> Process {
    let mut process = Process(command.spawn().expect("runs"));
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        let ended = process.0.try_wait().expect("a child of this process");
        assert!(ended.is_none(), "the proxy ended: {ended:?}");
        assert!(begun.elapsed() < START_TIMEOUT, "the proxy does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    process
}

/// Checks pages, polling, the client address and WebSockets through a proxy on an unusual port.
fn assert_proxied(address: &str, servers: &[Server]) {
    let status_line = |path: &str, headers: &str| {
        let port = address.rsplit(':').next().expect("a port");
        let origin = format!("host: chat.example:{port}\r\norigin: http://chat.example:{port}\r\n");
        let answer = exchange(address, &format!("GET {path} HTTP/1.1\r\n{origin}{headers}\r\n"));
        answer.lines().next().unwrap_or_default().to_owned()
    };
    assert!(status_line("/", "connection: close\r\n").contains("200"));
    // the page of the same host may connect: the proxy forwards the port of the host header
    assert!(status_line(POLLING, "connection: close\r\n").contains("200"));

    // a client without cookies reaches its session with every new connection
    for _ in 0..4 {
        let session = join(address, "");
        let first = request(address, "GET", &session, "");
        assert!(first.starts_with("40"), "{first}");
        assert_eq!(request(address, "POST", &session, "42[\"pesan\",\"halo\"]"), "ok");
        let mut received = first;
        while !received.contains("halo") {
            received = request(address, "GET", &session, "");
        }
    }

    // the address in a header of the client is ignored
    let spoof = format!(
        "GET {POLLING} HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 203.0.113.9\r\nconnection: close\r\n\r\n"
    );
    let open = exchange(address, &spoof);
    assert!(open.contains("\"sid\""), "{open}");
    let connections: String = servers.iter().map(Server::admin_list).collect();
    assert!(
        connections.contains("127.0.0.1") && !connections.contains("203.0.113.9"),
        "{connections}"
    );

    // the first frame of the WebSocket is the Engine.IO handshake
    let upgrade = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let path = "/socket.io/?EIO=4&transport=websocket";
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("not zero");
    let text = format!("GET {path} HTTP/1.1\r\nhost: a\r\n{upgrade}\r\n");
    std::io::Write::write_all(&mut stream, text.as_bytes()).expect("it reads");
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).expect("text");
    assert!(line.contains("101"), "{line}");
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).expect("text");
    }
    assert!(reader.fill_buf().expect("a frame").starts_with(&[0x81]));
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn nginx_configuration_passes_pages_polling_and_websockets() {
    let Some(nginx) = find_program("nginx") else {
        return;
    };
    let folder = folder();
    let server = Server::start(folder.path(), "one");
    let address = format!("127.0.0.1:{}", free_port());
    let server_block = read_deploy_file(
        "nginx.conf",
        &[
            ("server 127.0.0.1:5000;", &format!("server {};", server.address)),
            ("listen 8080;", &format!("listen {address};")),
        ],
    );
    let root = folder.path().display();
    let temp_paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {root}/{name};\n"))
        .collect();
    let user = if std::env::var("USER").is_ok_and(|user| user != "root") {
        ""
    } else {
        "user root;\n"
    };
    let config = format!(
        "{user}daemon off;\nmaster_process off;\npid {root}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{temp_paths}{server_block}}}\n"
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, config).expect("writable");
    let _proxy = start(
        Command::new(nginx)
            .arg("-c")
            .arg(&file)
            .arg("-p")
            .arg(folder.path()),
        &address,
    );
    assert_proxied(&address, &[server]);
}

#[test]
fn haproxy_configuration_keeps_each_client_at_its_node() {
    let Some(haproxy) = find_program("haproxy") else {
        return;
    };
    let folder = folder();
    let servers = [
        Server::start(folder.path(), "one"),
        Server::start(folder.path(), "two"),
    ];
    let address = format!("127.0.0.1:{}", free_port());
    let [one, two] = [&servers[0].address, &servers[1].address];
    let config = read_deploy_file(
        "haproxy.cfg",
        &[
            // within the limit of file descriptors of this machine
            ("maxconn 40000", "maxconn 1000"),
            ("chat1:5000", one),
            ("chat2:5000", two),
            ("bind :8080", &format!("bind {address}")),
        ],
    );
    let file = folder.path().join("haproxy.cfg");
    std::fs::write(&file, config).expect("writable");
    let _proxy = start(Command::new(haproxy).arg("-db").arg("-f").arg(&file), &address);
    assert_proxied(&address, &servers);
}

#[test]
fn container_files_set_only_variables_of_the_server() {
    let dockerfile = read_deploy_file("Dockerfile", &[]);
    assert!(dockerfile.matches("\nFROM ").count() >= 3, "several stages");
    for line in [
        "\nUSER pesan\n",
        "\nHEALTHCHECK ",
        "\nVOLUME /data\n",
        "\nENTRYPOINT [\"pesan-server\"]",
    ] {
        assert!(dockerfile.contains(line), "{line}");
    }
    let compose = read_deploy_file("compose.yaml", &[]);
    let help = Command::new(env!("CARGO_BIN_EXE_pesan-server"))
        .arg("--help")
        .env_clear()
        .output()
        .expect("runs");
    let help = String::from_utf8(help.stdout).expect("text");
    for (file, text) in [("Dockerfile", &dockerfile), ("compose.yaml", &compose)] {
        for word in text.split(|c: char| !(c.is_ascii_uppercase() || c == '_')) {
            if word.starts_with("PESAN_") {
                assert!(
                    ["=", "]"]
                        .iter()
                        .any(|end| help.contains(&format!("[env: {word}{end}"))),
                    "{file} sets {word}, which the server does not read"
                );
            }
        }
    }
    let unit = read_deploy_file("pesan.service", &[]);
    for line in [
        "DynamicUser=yes",
        "UMask=0077",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
    ] {
        assert!(unit.contains(line), "{line}");
    }
}
