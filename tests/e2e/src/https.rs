//! A small web server with TLS, and an authority that nobody knows but who is told.

use anyhow::{Context, Result, ensure};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// How long a client may be silent: a test that hangs must end.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Serves one file until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    authority: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Makes an authority and a certificate of it in this directory, and serves these bytes as `/file`.
    ///
    /// # Errors
    /// If `openssl` is missing, or no port is free.
    pub fn start(directory: &Path, file: &'static [u8]) -> Result<Self> {
        let authority = certify(directory)?;
        let config = Arc::new(config(directory)?);
        let listener = TcpListener::bind("127.0.0.1:0").context("listen")?;
        let address = listener.local_addr().context("read a port")?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                // A client that does not like the certificate goes away, which is for it to tell.
                let _ = answer(stream, &config, file);
            }
        });
        Ok(Self { address, authority, stop, thread: Some(thread) })
    }

    /// The URI of a path, which begins with its slash.
    #[must_use]
    pub fn uri(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// The file with the authority's certificate.
    #[must_use]
    pub fn authority(&self) -> &Path {
        &self.authority
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes it.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(stream: TcpStream, config: &Arc<ServerConfig>, file: &[u8]) -> Result<()> {
    stream.set_read_timeout(Some(SILENCE_MAX)).context("limit a silence")?;
    let connection = ServerConnection::new(Arc::clone(config)).context("begin a connection")?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    let mut request = String::new();
    stream.read_line(&mut request).context("read a request")?;
    let mut line = String::new();
    while stream.read_line(&mut line).context("read a header")? > 0 && !line.trim().is_empty() {
        line.clear();
    }
    let (status, body) = if request.starts_with("GET /file ") { ("200 OK", file) } else { ("404 Not Found", &b""[..]) };
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let stream = stream.get_mut();
    stream.write_all(head.as_bytes()).context("answer")?;
    stream.write_all(body).context("send the file")?;
    stream.conn.send_close_notify();
    stream.flush().context("send the rest")
}

fn config(directory: &Path) -> Result<ServerConfig> {
    let certificates = CertificateDer::pem_file_iter(directory.join("server.pem")).context("read the certificate")?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().context("read the certificate")?;
    let key = PrivateKeyDer::from_pem_file(directory.join("server.key")).context("read the key")?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    config.with_no_client_auth().with_single_cert(certificates, key).context("use the certificate")
}

/// Makes an authority, and has it certify this machine's loopback address.
fn certify(directory: &Path) -> Result<PathBuf> {
    let new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    let authority = ["-keyout", "authority.key", "-out", "authority.pem", "-subj", "/CN=an authority of a test"];
    let server = ["-keyout", "server.key", "-out", "server.pem", "-subj", "/CN=a server of a test"];
    let address = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"];
    openssl(directory, &[&["req", "-x509"], &new[..], &authority[..]].concat())?;
    let signed = ["req", "-x509", "-CA", "authority.pem", "-CAkey", "authority.key"];
    openssl(directory, &[&signed[..], &new[..], &server[..], &address[..]].concat())?;
    Ok(directory.join("authority.pem"))
}

fn openssl(directory: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("openssl");
    let output = command.args(arguments).current_dir(directory).output().context("start openssl")?;
    ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
