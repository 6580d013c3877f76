//! From a URI to a file.

use futures::StreamExt;
use std::{path::Path, sync::OnceLock, time::Duration};
use tokio::io::AsyncWriteExt;

/// How long a transfer may stand still.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Fetches the URI into the file.
pub(super) async fn download(uri: &str, target: &Path) -> Result<(), String> {
    if uri.starts_with("http://") || uri.starts_with("https://") {
        return over_http(uri, target).await;
    }
    let path = uri.strip_prefix("file://").unwrap_or(uri);
    if !path.starts_with('/') {
        return Err("must be http://, https://, file:// or an absolute path on the agent".to_owned());
    }
    tokio::fs::copy(path, target).await.map(drop).map_err(|error| error.to_string())
}

async fn over_http(uri: &str, target: &Path) -> Result<(), String> {
    let response = client()?.get(uri).send().await.map_err(|error| words(&error))?;
    if !response.status().is_success() {
        return Err(response.status().to_string());
    }
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", target.display());
    let mut file = tokio::fs::File::create(target).await.map_err(failed)?;
    let mut body = response.bytes_stream();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| words(&error))?;
        file.write_all(&piece).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)
}

fn client() -> Result<&'static reqwest::Client, String> {
    static CLIENT: OnceLock<Result<reqwest::Client, String>> = OnceLock::new();
    let made = CLIENT.get_or_init(|| {
        crate::tls();
        let builder = reqwest::Client::builder().connect_timeout(Duration::from_secs(10)).read_timeout(STALL_TIMEOUT);
        builder.build().map_err(|error| words(&error))
    });
    made.as_ref().map_err(Clone::clone)
}

/// The cause that a person understands: the innermost.
pub(crate) fn words(error: &reqwest::Error) -> String {
    let error: &dyn std::error::Error = error;
    std::iter::successors(Some(error), |cause| cause.source()).last().map(ToString::to_string).unwrap_or_default()
}
