//! From a URI to a file.

use super::{Fault, Owner};
use futures::StreamExt;
use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::OnceLock,
    time::Duration,
};
use tokio::{
    fs::File,
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::Command,
};

/// How long a transfer may stand still.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes read from a file of this machine at once.
const PIECE: usize = 64 * 1024;

/// Where something comes from.
pub(super) enum Source {
    /// By HTTP.
    Web(String),
    /// On this machine.
    Local(PathBuf),
}

impl Source {
    /// What a URI means.
    pub(super) fn of(uri: &str) -> Result<Self, Fault> {
        if uri.starts_with('/') {
            return Ok(Self::Local(PathBuf::from(uri)));
        }
        let (scheme, rest) = uri.split_once("://").ok_or(Fault::Scheme)?;
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Ok(Self::Web(uri.to_owned())),
            "file" => match rest.split_at(rest.find('/').unwrap_or(rest.len())) {
                ("" | "localhost", path) if !path.is_empty() => Ok(Self::Local(PathBuf::from(decoded(path)))),
                (_, "") => Err(Fault::Scheme),
                (host, _) => Err(Fault::Host(host.to_owned())),
            },
            _ => Err(Fault::Scheme),
        }
    }

    pub(super) fn is_local(&self) -> bool {
        matches!(self, Self::Local(_))
    }

    /// The last part of the path; empty if there is none.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Web(uri) => {
                let path = uri.split(['?', '#']).next().unwrap_or_default();
                let after_scheme = path.split_once("://").map_or(path, |(_, rest)| rest);
                decoded(after_scheme.rsplit_once('/').map_or("", |(_, name)| name))
            }
            Self::Local(path) => path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        }
    }

    /// Fetches it into a file. With an owner, a file of this machine is read as the owner: who may not read it does not
    /// get it by asking for it.
    pub(super) async fn download(&self, target: &Path, owner: Option<Owner>) -> Result<(), Fault> {
        match self {
            Self::Web(uri) => {
                static CLIENT: OnceLock<Result<reqwest::Client, String>> = OnceLock::new();
                let client = CLIENT.get_or_init(|| client(STALL_TIMEOUT).map_err(|error| words(&error)));
                let client = client.as_ref().map_err(|why| Fault::Transfer(why.clone()))?;
                over_http(client, STALL_TIMEOUT, uri, target).await
            }
            Self::Local(path) => copy(path, target, owner).await,
        }
    }
}

fn client(stall_timeout: Duration) -> reqwest::Result<reqwest::Client> {
    crate::tls();
    reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(stall_timeout).build()
}

async fn over_http(client: &reqwest::Client, stall: Duration, uri: &str, target: &Path) -> Result<(), Fault> {
    let failed = |error: reqwest::Error| match error.is_timeout() && !error.is_connect() {
        true => Fault::Stalled(stall.as_secs()),
        false => Fault::Transfer(words(&error)),
    };
    let response = client.get(uri).send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(Fault::Answer(response.status().to_string()));
    }
    let mut file = File::create(target).await.map_err(|error| unwritten(&error))?;
    let mut body = response.bytes_stream();
    while let Some(piece) = body.next().await {
        file.write_all(&piece.map_err(failed)?).await.map_err(|error| unwritten(&error))?;
    }
    file.flush().await.map_err(|error| unwritten(&error))
}

async fn copy(path: &Path, target: &Path, owner: Option<Owner>) -> Result<(), Fault> {
    let unread = |error: io::Error| Fault::Read(plain(&error));
    let metadata = tokio::fs::metadata(path).await.map_err(unread)?;
    // A pipe may never end, nor a device.
    if !metadata.is_file() {
        return Err(Fault::Read("it is no regular file".to_owned()));
    }
    match owner {
        None => pour(File::open(path).await.map_err(unread)?, target).await?,
        Some(owner) => copy_as(path, target, owner).await?,
    }
    let mode = fs::Permissions::from_mode(metadata.permissions().mode() & 0o777);
    tokio::fs::set_permissions(target, mode).await.map_err(|error| unwritten(&error))
}

/// A process of the owner's reads: only the kernel knows what the owner may.
async fn copy_as(path: &Path, target: &Path, owner: Owner) -> Result<(), Fault> {
    let unread = |error: io::Error| Fault::Read(plain(&error));
    let mut reader = Command::new("/bin/cat")
        .arg("--")
        .arg(path)
        .env_clear()
        .env("LC_ALL", "C")
        .current_dir("/")
        .uid(owner.uid)
        .gid(owner.gid)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Fault::Read(format!("cannot execute /bin/cat: {}", plain(&error))))?;
    if let Some(output) = reader.stdout.take() {
        pour(output, target).await?;
    }
    let mut said = String::new();
    if let Some(errors) = reader.stderr.take() {
        errors.take(PIECE as u64).read_to_string(&mut said).await.map_err(unread)?;
    }
    if reader.wait().await.map_err(unread)?.success() {
        return Ok(());
    }
    // `cat: PATH: WHY`.
    let why = said.lines().next().unwrap_or_default().rsplit(": ").next().unwrap_or_default();
    Err(Fault::Read(if why.is_empty() { "it cannot be read".to_owned() } else { why.to_owned() }))
}

async fn pour(mut from: impl AsyncRead + Unpin, target: &Path) -> Result<(), Fault> {
    let mut file = File::create(target).await.map_err(|error| unwritten(&error))?;
    let mut piece = vec![0; PIECE];
    loop {
        let read = tokio::time::timeout(STALL_TIMEOUT, from.read(&mut piece)).await;
        let read = read.map_err(|_| Fault::Stalled(STALL_TIMEOUT.as_secs()))?;
        match read.map_err(|error| Fault::Read(plain(&error)))? {
            0 => break,
            count => file.write_all(&piece[..count]).await.map_err(|error| unwritten(&error))?,
        }
    }
    file.flush().await.map_err(|error| unwritten(&error))
}

fn unwritten(error: &io::Error) -> Fault {
    Fault::Write { name: "the file".to_owned(), why: plain(error) }
}

/// A part of a URI without its percent signs; those that mean nothing stay.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The cause that a person understands: the innermost.
pub(crate) fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let innermost = std::iter::successors(Some(error), |cause| cause.source()).last().unwrap_or(error);
    innermost.downcast_ref::<io::Error>().map_or_else(|| innermost.to_string(), plain)
}

/// What the machine says, without its number.
pub(crate) fn plain(error: &io::Error) -> String {
    use io::ErrorKind;
    match error.kind() {
        kind @ (ErrorKind::ConnectionRefused
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable) => kind.to_string(),
        _ => {
            let text = error.to_string();
            text.split(" (os error ").next().unwrap_or_default().replace(['\n', '\r'], " ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_transfer_that_stands_still_ends() {
        let place = tempfile::tempdir().unwrap();
        for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let uri = format!("http://{}/x", listener.local_addr().unwrap());
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.read(&mut [0; 4096]).await;
                stream.write_all(answer.as_bytes()).await.unwrap();
                // Until the other side has had enough.
                stream.read_to_end(&mut Vec::new()).await
            });
            let stall = Duration::from_millis(300);
            let fault = over_http(&client(stall).unwrap(), stall, &uri, &place.path().join("x")).await.unwrap_err();
            assert!(matches!(fault, Fault::Stalled(_)), "{fault}");
            let _ = server.await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_breaks_off_is_not_taken_for_whole() {
        let place = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/x", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
        });
        let client = client(STALL_TIMEOUT).unwrap();
        let fault = over_http(&client, STALL_TIMEOUT, &uri, &place.path().join("x")).await.unwrap_err();
        assert!(matches!(fault, Fault::Transfer(_)), "{fault}");
        server.await.unwrap();
    }

    #[test]
    fn percent_signs() {
        let texts = ["a%20b", "%", "%2", "%zz", "%41%", "%c3%a4", "100%25"].map(decoded);
        assert_eq!(texts, ["a b", "%", "%2", "%zz", "A%", "ä", "100%"]);
    }
}
