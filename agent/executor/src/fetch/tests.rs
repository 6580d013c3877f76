//! Fetching into a sandbox.

use super::{Owner, archive, fetch, sandbox::Sandbox};
use flate2::{Compression, write::GzEncoder};
use proto_types::task::Uri;
use std::{
    fs,
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};
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

/// What an archive holds.
enum Entry<'a> {
    File(&'a str, &'a [u8]),
    Directory(&'a str, u32),
    Symlink(&'a str, &'a str),
    Hardlink(&'a str, &'a str),
    Device(&'a str),
}
use Entry::{Device, Directory, File, Hardlink, Symlink};

fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    use tar::EntryType;
    let mut tar = tar::Builder::new(Vec::new());
    for entry in entries {
        let (kind, name, bytes, link, mode): (_, _, &[u8], _, _) = match entry {
            File(name, bytes) => (EntryType::Regular, name, bytes, "", 0o4755),
            Directory(name, mode) => (EntryType::Directory, name, b"", "", *mode),
            Symlink(name, link) => (EntryType::Symlink, name, b"", link, 0o777),
            Hardlink(name, link) => (EntryType::Link, name, b"", link, 0o644),
            Device(name) => (EntryType::Char, name, b"", "", 0o644),
        };
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(mode);
        // Past the builder's own checks: what is tested is what comes from strangers.
        let old = header.as_old_mut();
        old.name[..name.len()].copy_from_slice(name.as_bytes());
        old.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        tar.append(&header, bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn zip(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for entry in entries {
        match entry {
            File(name, bytes) => {
                zip.start_file(*name, options.unix_permissions(0o750)).unwrap();
                zip.write_all(bytes).unwrap();
            }
            Symlink(name, link) => zip.add_symlink(*name, *link, options).unwrap(),
            Directory(..) | Hardlink(..) | Device(_) => panic!("no such entry in these tests"),
        }
    }
    zip.finish().unwrap().into_inner()
}

fn mode(place: &TempDir, name: &str) -> u32 {
    fs::symlink_metadata(place.path().join("sandbox").join(name)).unwrap().permissions().mode() & 0o7777
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
    let archives = [
        file(&place, "one.tar", &tar(&[File("./inner/one", b"1")])),
        file(&place, "two.tgz", &gzip(&tar(&[Directory("inner/", 0o755), File("inner/two", b"2")]))),
        file(&place, "three.TAR.GZ", &gzip(&tar(&[File("inner/three", b"3")]))),
        file(&place, "four.zip", &zip(&[File("inner/four", b"4")])),
        file(&place, "five.gz", &gzip(b"5")),
    ];
    for archive in archives {
        get(uri(archive), &place).await.unwrap();
    }
    let names = ["inner/one", "inner/two", "inner/three", "inner/four", "five"];
    assert_eq!(names.map(|name| fetched(&place, name)), ["1", "2", "3", "4", "5"]);
    assert_eq!((mode(&place, "inner/one"), mode(&place, "inner/four")), (0o755, 0o750), "no more than these bits");
}

#[tokio::test]
async fn an_archive_is_left_alone_if_asked_for() {
    let place = tempfile::tempdir().unwrap();
    let value = file(&place, "one.tar", &tar(&[File("one", b"1")]));
    get(Uri { extract: false, ..uri(value) }, &place).await.unwrap();
    assert!(place.path().join("sandbox/one.tar").exists());
    assert!(!place.path().join("sandbox/one").exists());
}

#[tokio::test]
async fn links_within_the_sandbox_are_kept() {
    let place = tempfile::tempdir().unwrap();
    let before = {
        fs::create_dir(place.path().join("sandbox")).unwrap();
        mode(&place, "")
    };
    let entries = [
        Directory("./", 0o777),
        Directory("lib/", 0o555),
        File("lib/one", b"1"),
        Symlink("lib/up", "../lib/./one"),
        Symlink("through", "lib/../lib/one"),
        Hardlink("hard", "lib/one"),
    ];
    get(uri(file(&place, "links.tar", &tar(&entries))), &place).await.unwrap();
    get(uri(file(&place, "links.zip", &zip(&[Symlink("zipped", "lib/one")]))), &place).await.unwrap();
    for name in ["lib/up", "through", "hard", "zipped"] {
        assert_eq!(fetched(&place, name), "1", "{name}");
    }
    assert_eq!((mode(&place, "lib"), mode(&place, "")), (0o555, before));
}

#[tokio::test]
async fn nothing_leaves_the_sandbox() {
    let evil: &[(&str, Vec<u8>)] = &[
        ("parent.tar", tar(&[File("../escaped", b"x")])),
        ("hidden.tar", tar(&[File("a/../../escaped", b"x")])),
        ("absolute.tar", tar(&[File("/tmp/escaped", b"x")])),
        ("absolute-link.tar", tar(&[Symlink("link", "/etc")])),
        ("link.tar", tar(&[Symlink("link", "..")])),
        ("dotted-link.tar", tar(&[Symlink("./link", "..")])),
        ("deep-link.tar", tar(&[Symlink("a/link", "../..")])),
        ("turning-link.tar", tar(&[Symlink("link", "a/../..")])),
        ("through.tar", tar(&[Symlink("a/b/top", "../.."), Symlink("a/b/top/c/link", "../../..")])),
        ("through-file.tar", tar(&[Symlink("link", "inner"), Directory("inner", 0o755), File("link/x", b"x")])),
        ("hard.tar", tar(&[Hardlink("hard", "../escaped")])),
        ("hard-absolute.tar", tar(&[Hardlink("hard", "/etc/hostname")])),
        ("hard-symlink.tar", tar(&[File("a/one", b"1"), Symlink("a/b/up", "../../a"), Hardlink("hard", "a/b/up")])),
        ("device.tar", tar(&[Device("device")])),
        ("parent.zip", zip(&[File("../escaped", b"x")])),
        ("absolute.zip", zip(&[File("/tmp/escaped", b"x")])),
        ("link.zip", zip(&[Symlink("link", "..")])),
        ("through.zip", zip(&[Symlink("link", "inner"), File("inner/y", b"y"), File("link/x", b"x")])),
    ];
    for (name, bytes) in evil {
        let place = tempfile::tempdir().unwrap();
        let value = file(&place, name, bytes);
        let Err(error) = get(uri(&value), &place).await else { panic!("{name} was unpacked") };
        assert!(error.starts_with(&format!("cannot fetch {value:?}: cannot unpack it: ")), "{error}");
        let reasons = ["out of the sandbox", "through a link", "neither a file", "a link to a link"];
        assert!(reasons.iter().any(|reason| error.contains(reason)), "{name}: {error}");
        assert!(!error.contains('\n'), "{error}");
        let mut around = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(around.all(|found| found == **name || found == *"sandbox"), "{name} put something beside the sandbox");
    }
}

#[tokio::test]
async fn one_archive_does_not_help_another_out() {
    let place = tempfile::tempdir().unwrap();
    let link = file(&place, "link.tar", &tar(&[Symlink("./way", "..")]));
    let _ = get(uri(link), &place).await;
    for bytes in [("out.zip", zip(&[File("way/escaped", b"x")])), ("out.tar", tar(&[File("way/escaped", b"x")]))] {
        let _ = get(uri(file(&place, bytes.0, &bytes.1)), &place).await;
        assert!(!place.path().join("escaped").exists(), "{}", bytes.0);
    }
}

#[tokio::test]
async fn names_stay_in_the_sandbox() {
    let place = tempfile::tempdir().unwrap();
    let value = file(&place, "plain", b"x");
    for name in ["", "../escaped", "/tmp/escaped", "a/../../escaped", ".", "a\0b"] {
        let named = Uri { output_file: Some(name.to_owned()), ..uri(&value) };
        let error = get(named, &place).await.unwrap_err();
        assert!(error.contains("is no name for a file in the sandbox"), "{name:?}: {error}");
    }
    for value in ["http://127.0.0.1:9", "http://127.0.0.1:9/a/", "http://127.0.0.1:9/%2e%2e%2fescaped", "/"] {
        let error = get(uri(value), &place).await.unwrap_err();
        assert!(error.contains("is no name for a file in the sandbox"), "{value:?}: {error}");
    }
    assert!(!place.path().join("escaped").exists());
    get(Uri { output_file: Some("a/b/c".to_owned()), ..uri(&value) }, &place).await.unwrap();
    assert_eq!(fetched(&place, "a/b/c"), "x");
}

#[tokio::test]
async fn names_are_read_as_people_write_them() {
    let place = tempfile::tempdir().unwrap();
    let address = server("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello").await;
    get(uri(format!("HTTP://{address}/a/my%20file?x=/1#y")), &place).await.unwrap();
    assert_eq!(fetched(&place, "my file"), "hello");
    let odd = file(&place, "100%?.txt", b"odd");
    get(uri(odd), &place).await.unwrap();
    assert_eq!(fetched(&place, "100%?.txt"), "odd");
    let spaced = file(&place, "a b", b"spaced");
    get(uri(format!("file://{}", spaced.replace(' ', "%20"))), &place).await.unwrap();
    assert_eq!(fetched(&place, "a b"), "spaced");
}

#[tokio::test]
async fn what_is_no_file_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("directory");
    fs::create_dir(&directory).unwrap();
    let pipe = place.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for path in [directory, pipe, "/dev/zero".into()] {
        let error = get(uri(path.display().to_string()), &place).await.unwrap_err();
        assert!(error.contains("no regular file"), "{error}");
    }
}

#[tokio::test]
async fn what_is_fetched_belongs_to_its_owner() {
    if !nix::unistd::Uid::effective().is_root() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (sandbox, cache) = (place.path().join("sandbox"), place.path().join("cache"));
    let owner = Owner { uid: 65534, gid: 65534 };
    let archive = file(&place, "a.tar", &tar(&[File("deep/er/one", b"1"), Symlink("deep/link", "er/one")]));
    let uris = [Uri { output_file: Some("new/a.tar".to_owned()), ..uri(archive) }];
    fetch(&uris, &sandbox, Some(owner), &cache).await.unwrap();
    for name in ["new", "new/a.tar", "deep", "deep/er", "deep/er/one", "deep/link"] {
        let metadata = fs::symlink_metadata(sandbox.join(name)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (65534, 65534), "{name}");
    }
}

#[tokio::test]
async fn an_owner_gets_no_file_that_only_root_may_read() {
    if !nix::unistd::Uid::effective().is_root() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (sandbox, cache) = (place.path().join("sandbox"), place.path().join("cache"));
    let secret = file(&place, "secret", b"secret");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let uris = [Uri { cache: true, ..uri(&secret) }];
    fetch(&uris, &sandbox, None, &cache).await.unwrap();
    let owner = Owner { uid: 65534, gid: 65534 };
    fs::remove_file(sandbox.join("secret")).unwrap();
    let error = fetch(&uris, &sandbox, Some(owner), &cache).await.unwrap_err().to_string();
    assert_eq!(error, format!("cannot fetch {secret:?}: Permission denied"));
    assert!(fs::read_dir(&sandbox).unwrap().next().is_none(), "nothing is left");
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

#[test]
fn what_is_too_large_unpacked_is_not_unpacked() {
    let place = tempfile::tempdir().unwrap();
    let large = [b'x'; 600];
    let entries = [File("a", &large), File("b", &large)];
    for (name, bytes, fits) in [
        ("a.tar", tar(&entries), 1200),
        ("a.tgz", gzip(&tar(&entries)), 1200),
        ("a.zip", zip(&entries), 1200),
        ("a.gz", gzip(&large), 600),
    ] {
        let archive = place.path().join(name);
        fs::write(&archive, bytes).unwrap();
        let unpack = |room| {
            let root = tempfile::tempdir().unwrap();
            archive::unpack(&archive, Path::new(name), &mut Sandbox::with_room(root.path(), room))
        };
        unpack(fits).unwrap();
        let error = unpack(fits - 1).unwrap_err().to_string();
        assert_eq!(error, format!("what is in it is larger than {} bytes", fits - 1), "{name}");
    }
}

#[tokio::test]
async fn a_program_is_made_executable_and_not_unpacked() {
    let place = tempfile::tempdir().unwrap();
    let value = file(&place, "program.tar", b"not an archive");
    get(Uri { executable: true, ..uri(value) }, &place).await.unwrap();
    let mode = fs::metadata(place.path().join("sandbox/program.tar")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[tokio::test]
async fn what_is_wrong_is_neither_kept_nor_left() {
    let place = tempfile::tempdir().unwrap();
    let right = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let value = file(&place, "data", b"wrong");
    let wanted = Uri { cache: true, sha256: Some(right.to_uppercase()), ..uri(&value) };
    get(wanted.clone(), &place).await.unwrap_err();
    assert!(fs::read_dir(place.path().join("sandbox")).unwrap().next().is_none(), "nothing is left");
    fs::write(&value, b"hello").unwrap();
    get(wanted.clone(), &place).await.unwrap();
    assert_eq!(fetched(&place, "data"), "hello");
    for kept in fs::read_dir(place.path().join("cache")).unwrap() {
        fs::write(kept.unwrap().path(), b"damaged").unwrap();
    }
    get(wanted, &place).await.unwrap();
    assert_eq!(fetched(&place, "data"), "hello");
}

#[tokio::test]
async fn many_keep_the_same_at_once() {
    let place = tempfile::tempdir().unwrap();
    let bytes = vec![b'x'; 4 << 20];
    let value = file(&place, "data", &bytes);
    let (sandbox, cache) = (place.path().join("sandbox"), place.path().join("cache"));
    let named = |number: usize| Uri { cache: true, output_file: Some(number.to_string()), ..uri(&value) };
    let uris: Vec<_> = (0..24).map(named).collect();
    fetch(&uris, &sandbox, None, &cache).await.unwrap();
    for number in 0..24 {
        assert_eq!(fs::metadata(sandbox.join(number.to_string())).unwrap().len(), bytes.len() as u64);
    }
    let kept: Vec<_> = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap()).collect();
    assert_eq!(kept.len(), 1, "nothing half done is left: {kept:?}");
    assert_eq!(kept[0].metadata().unwrap().len(), bytes.len() as u64);
}
