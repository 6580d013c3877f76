//! Looks at tasks of all kinds but containers.

use super::*;
use nix::sys::stat::Mode;
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::Ipv4Addr,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::oneshot,
};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Signed by itself, for nobody, and good for nothing else.
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----
MIIBeTCCAR+gAwIBAgIUKotENEIY3SV7WiLqIJS967HDtlswCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGbm9ib2R5MCAXDTI2MTEyNzA0MzAxN1oYDzIxMjYxMTAzMDQz
MDE3WjARMQ8wDQYDVQQDDAZub2JvZHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAStETTAqS2WDzMM6A6MEVCAe4g8LON2YycJSWn1KzWTPH6gwI7SaoTS7x5qRmJT
RxG4HV1R1Pg7mpyhJvmU1Aizo1MwUTAdBgNVHQ4EFgQULyrioE/YkG7rTLBW+QrP
UURaoZswHwYDVR0jBBgwFoAULyrioE/YkG7rTLBW+QrPUURaoZswDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA4rDUxJavZEc1/wmlU6IzFVq6N/DI
K+BG51yzGYDkhfUCID2CKyWVatZK6wB2QuIlJLe78AbhZvcI4NjGjaTYA9t9
-----END CERTIFICATE-----
";
const KEY: &[u8] = b"-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgE/dsEp+Cd5kPSt4n
NmKwgC28KQCUXqqVvhChyceVW92hRANCAAStETTAqS2WDzMM6A6MEVCAe4g8LON2
YycJSWn1KzWTPH6gwI7SaoTS7x5qRmJTRxG4HV1R1Pg7mpyhJvmU1Aiz
-----END PRIVATE KEY-----
";

fn at(sandbox: &tempfile::TempDir) -> Target {
    let environment = vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned()), ("OF_TASK".to_owned(), "task".to_owned())];
    let commands = Commands::Process { sandbox: sandbox.path().to_owned(), environment, user: None };
    Target { address: IpAddr::V4(Ipv4Addr::LOCALHOST), commands }
}

async fn ask(asked: Probe) -> Result<(), String> {
    let sandbox = tempfile::tempdir().unwrap();
    probe(&asked, &at(&sandbox)).await
}

fn shell(line: &str) -> Probe {
    let environment = BTreeMap::from([("OF_CHECK".to_owned(), "check".to_owned())]);
    Probe::Command { command: vec![line.to_owned()], shell: true, environment }
}

fn http(scheme: &str, port: u16, path: &str) -> Probe {
    Probe::Http { scheme: scheme.to_owned(), port, path: path.to_owned() }
}

/// Nobody listens there.
async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// Answers every request with a status and, in a header, where else to look.
async fn server(status: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let status = if request[..length].starts_with(b"GET /asked") { status } else { "500 Wrong path" };
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nlocation: http://{address}/elsewhere\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address.port()
}

#[tokio::test]
async fn over_http() {
    for (status, expected) in [
        ("200 OK", Ok(())),
        ("302 Found", Ok(())),
        ("399 Odd", Ok(())),
        ("404 Not Found", Err("404 Not Found".to_owned())),
        ("503 Service Unavailable", Err("503 Service Unavailable".to_owned())),
    ] {
        let port = server(status).await;
        assert_eq!(ask(http("http", port, "/asked?really")).await, expected, "{status}");
        assert_eq!(ask(http("http", port, "asked")).await, expected, "{status} without a slash");
    }
}

#[tokio::test]
async fn over_https_by_whoever_answers() {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    crate::tls();
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
    let config = Arc::new(config.unwrap());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut session = rustls::ServerConnection::new(config).unwrap();
        let mut stream = rustls::Stream::new(&mut session, &mut stream);
        let length = stream.read(&mut [0; 4096]).unwrap();
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        length
    });
    assert_eq!(ask(http("https", port, "/")).await, Ok(()));
    assert!(server.join().unwrap() > 0);
}

#[tokio::test]
async fn nobody_answers() {
    let port = free_port().await;
    let refused = Err("connection refused".to_owned());
    assert_eq!(ask(http("http", port, "/")).await, refused);
    assert_eq!(ask(http("https", port, "/")).await, refused);
    assert_eq!(ask(Probe::Tcp { port }).await, refused);
    assert_eq!(ask(Probe::Grpc { port, service: String::new() }).await, refused);
}

#[tokio::test]
async fn over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    assert_eq!(ask(Probe::Tcp { port: listener.local_addr().unwrap().port() }).await, Ok(()));
}

#[tokio::test]
async fn over_grpc() {
    let (reporter, service) = tonic_health::server::health_reporter();
    reporter.set_service_status("well", tonic_health::ServingStatus::Serving).await;
    reporter.set_service_status("ill", tonic_health::ServingStatus::NotServing).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
    let asked = |service: &str| ask(Probe::Grpc { port, service: service.to_owned() });
    assert_eq!(asked("").await, Ok(()));
    assert_eq!(asked("well").await, Ok(()));
    assert_eq!(asked("ill").await, Err("NOT_SERVING".to_owned()));
    let unknown = asked("nobody").await.unwrap_err();
    assert!(!unknown.is_empty() && !unknown.contains('\n'), "{unknown}");
    let no_grpc = server("200 OK").await;
    let strange = ask(Probe::Grpc { port: no_grpc, service: String::new() }).await.unwrap_err();
    assert!(!strange.is_empty() && !strange.contains('\n'), "{strange}");
}

#[tokio::test]
async fn by_a_command() {
    let program = |parts: &[&str]| Probe::Command {
        command: parts.iter().copied().map(str::to_owned).collect(),
        shell: false,
        environment: BTreeMap::new(),
    };
    assert_eq!(ask(shell("true")).await, Ok(()));
    assert_eq!(ask(shell("exit 3")).await, Err("exited with code 3".to_owned()));
    assert_eq!(ask(shell("kill -KILL $$")).await, Err("was killed by SIGKILL".to_owned()));
    assert_eq!(ask(program(&["test", "a b", "=", "a b"])).await, Ok(()));
    assert_eq!(ask(program(&["false"])).await, Err("exited with code 1".to_owned()));
    assert_eq!(ask(program(&[])).await, Err("there is no command".to_owned()));
    let missing = ask(program(&["/no/such/program"])).await.unwrap_err();
    assert_eq!(missing, "cannot execute \"/no/such/program\": No such file or directory");
}

#[tokio::test]
async fn a_command_runs_as_its_task_does() {
    let sandbox = tempfile::tempdir().unwrap();
    std::fs::write(sandbox.path().join("here"), "").unwrap();
    let asked = shell("test -e here && test \"$OF_TASK $OF_CHECK\" = 'task check' && test -z \"$CARGO\"");
    assert_eq!(probe(&asked, &at(&sandbox)).await, Ok(()));
}

/// Runs a command that holds a pipe open together with a child of its own, ends the probe, and waits until
/// nobody holds the pipe any more.
async fn nobody_is_left(line: &str, broken_off: bool) {
    let sandbox = tempfile::tempdir().unwrap();
    let pipe = sandbox.path().join("pipe");
    nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    let (started, starts) = oneshot::channel();
    let reader = std::thread::spawn(move || {
        let mut pipe = BufReader::new(std::fs::File::open(pipe).unwrap());
        pipe.read_line(&mut String::new()).unwrap();
        let _ = started.send(());
        pipe.read_to_end(&mut Vec::new()).unwrap();
    });
    let (asked, target) = (shell(line), at(&sandbox));
    let asking = probe(&asked, &target);
    if broken_off {
        tokio::select! {
            result = asking => panic!("ended by itself: {result:?}"),
            started = tokio::time::timeout(PATIENCE, starts) => started.unwrap().unwrap(),
        }
    } else {
        assert_eq!(asking.await, Ok(()));
    }
    let gone = tokio::task::spawn_blocking(move || reader.join().unwrap());
    tokio::time::timeout(PATIENCE, gone).await.expect("somebody still holds the pipe").unwrap();
}

#[tokio::test]
async fn a_command_broken_off_leaves_nobody() {
    nobody_is_left("exec 3>pipe; sleep 1000 & echo started >&3; wait", true).await;
}

#[tokio::test]
async fn a_command_that_ends_leaves_nobody() {
    nobody_is_left("exec 3>pipe; sleep 1000 & echo started >&3", false).await;
}

#[tokio::test]
async fn a_command_has_the_groups_of_its_user() {
    if users::own() != 0 {
        println!("only root asks as another user: nothing to test");
        return;
    }
    let sandbox = tempfile::tempdir().unwrap();
    let mut target = at(&sandbox);
    let Commands::Process { user, .. } = &mut target.commands else { panic!("it is a process") };
    *user = Some("nobody".to_owned());
    let group = nix::unistd::User::from_name("nobody").unwrap().unwrap().gid;
    // Its own group is the least of what the kernel lists.
    let asked = shell(&format!("test $(id -un) = nobody && grep -q '^Groups:.*\\b{group}\\b' /proc/self/status"));
    assert_eq!(probe(&asked, &target).await, Ok(()));
}
