//! Fetching into a sandbox.

use agent_executor::fetch::fetch;
use flate2::{Compression, write::GzEncoder};
use proto_types::task::Uri;
use std::{fs, io::Write, path::Path};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

fn uri(value: impl Into<String>) -> Uri {
    Uri { value: value.into(), extract: true, executable: false, cache: false, output_file: None, sha256: None }
}

async fn get(uri: Uri, place: &TempDir) -> Result<(), String> {
    let (sandbox, cache) = (place.path().join("sandbox"), place.path().join("cache"));
    fs::create_dir_all(&sandbox).unwrap();
    fetch(&[uri], &sandbox, None, &cache).await.map_err(|error| error.to_string())
}

fn fetched(place: &TempDir, name: &str) -> String {
    fs::read_to_string(place.path().join("sandbox").join(name)).unwrap()
}

/// Answers each request with this, and counts nothing: it lives as long as the runtime of the test.
async fn server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // Past the builder's own checks: what is tested is what comes from strangers.
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

fn file(place: &TempDir, name: &str, bytes: &[u8]) -> String {
    let path = place.path().join(name);
    fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn over_http() {
    let place = tempfile::tempdir().unwrap();
    let address = server("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello").await;
    get(uri(format!("http://{address}/a/file?x=1")), &place).await.unwrap();
    assert_eq!(fetched(&place, "file"), "hello");
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let place = tempfile::tempdir().unwrap();
    let address = server("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
    let value = format!("http://{address}/file");
    let error = get(uri(&value), &place).await.unwrap_err();
    assert_eq!(error, format!("cannot fetch {value:?}: 404 Not Found"));
    let error = get(uri("/no/such/file"), &place).await.unwrap_err();
    assert!(error.contains("No such file"), "{error}");
    let error = get(uri("ftp://host/file"), &place).await.unwrap_err();
    assert!(error.contains("must be http://"), "{error}");
}

#[tokio::test]
async fn archives_are_unpacked() {
    let place = tempfile::tempdir().unwrap();
    let plain = file(&place, "one.tar", &tar(&[("inner/one", b"1")]));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&tar(&[("inner/two", b"2")])).unwrap();
    let zipped = file(&place, "two.tgz", &gzip.finish().unwrap());
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("inner/three", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(b"3").unwrap();
    let three = file(&place, "three.zip", &zip.finish().unwrap().into_inner());
    for archive in [plain, zipped, three] {
        get(uri(archive), &place).await.unwrap();
    }
    assert_eq!(["inner/one", "inner/two", "inner/three"].map(|name| fetched(&place, name)), ["1", "2", "3"]);
}

#[tokio::test]
async fn nothing_leaves_the_sandbox() {
    let place = tempfile::tempdir().unwrap();
    let evil = file(&place, "evil.tar", &tar(&[("../escaped", b"x")]));
    let error = get(uri(evil), &place).await.unwrap_err();
    assert!(error.contains("leads out of the sandbox"), "{error}");
    assert!(!place.path().join("escaped").exists());
    let plain = file(&place, "plain", b"x");
    let named = Uri { output_file: Some("../escaped".to_owned()), ..uri(plain) };
    assert!(get(named, &place).await.is_err());
    assert!(!place.path().join("escaped").exists());
}

#[tokio::test]
async fn a_checksum_is_checked() {
    let place = tempfile::tempdir().unwrap();
    let value = file(&place, "data", b"hello");
    let right = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    get(Uri { sha256: Some(right.to_owned()), ..uri(&value) }, &place).await.unwrap();
    let error = get(Uri { sha256: Some("0".repeat(64)), ..uri(&value) }, &place).await.unwrap_err();
    assert!(error.contains(right), "{error}");
}

#[tokio::test]
async fn a_kept_copy_serves_without_its_source() {
    let place = tempfile::tempdir().unwrap();
    let value = file(&place, "data", b"hello");
    let cached = Uri { cache: true, ..uri(&value) };
    get(cached.clone(), &place).await.unwrap();
    fs::remove_file(Path::new(&value)).unwrap();
    fs::remove_file(place.path().join("sandbox/data")).unwrap();
    get(cached, &place).await.unwrap();
    assert_eq!(fetched(&place, "data"), "hello");
}

#[tokio::test]
async fn a_program_is_made_executable_and_not_unpacked() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    let value = file(&place, "program.tar", b"not an archive");
    get(Uri { executable: true, ..uri(value) }, &place).await.unwrap();
    let mode = fs::metadata(place.path().join("sandbox/program.tar")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}
