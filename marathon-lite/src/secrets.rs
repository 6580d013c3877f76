//! Where secrets are looked up: a source names a variable of this process's environment or a file.

use std::io::Read;

/// The largest secret, in bytes: it becomes a variable of an environment.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// What a source holds: `env:NAME`, or `file:/path` or only the path, without the line break at its end. None: there is
/// no such source, or it is no text.
pub(crate) fn look_up(source: &str) -> Option<String> {
    if let Some(name) = source.strip_prefix("env:") {
        return std::env::var(name).ok();
    }
    let path = source.strip_prefix("file:").unwrap_or(source);
    if !path.starts_with('/') {
        return None;
    }
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text));
    if let Err(error) = read {
        tracing::warn!(source, %error, "a secret cannot be read");
        return None;
    }
    if text.len() as u64 > SECRET_BYTES_MAX {
        tracing::warn!(source, "a secret is longer than {SECRET_BYTES_MAX} bytes");
        return None;
    }
    Some(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_in_files_and_variables() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, "s3cr3t\n").unwrap();
        assert_eq!(look_up(&format!("file:{}", path.display())).as_deref(), Some("s3cr3t"));
        assert_eq!(look_up(path.to_str().unwrap()).as_deref(), Some("s3cr3t"));
        assert!(look_up("env:PATH").is_some());
        assert!(
            look_up("env:NO_SUCH_VARIABLE").is_none() && look_up("/no/such/file").is_none() && look_up("x").is_none()
        );
        std::fs::write(&path, "x".repeat(70_000)).unwrap();
        assert!(look_up(path.to_str().unwrap()).is_none(), "an environment has its bounds");
    }
}
