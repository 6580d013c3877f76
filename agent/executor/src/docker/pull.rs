//! Pulling images.

use super::error::Error;
use bollard::{Docker, models::CreateImageInfo, query_parameters::CreateImageOptionsBuilder};
use futures::StreamExt;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// A pull that says nothing for so long is over.
const SILENCE: Duration = Duration::from_secs(300);
const BETWEEN_PROGRESS: Duration = Duration::from_millis(300);
/// Layers of one image that are counted; the engine has fewer.
const LAYERS: usize = 1024;

/// How far a pull is.
#[derive(Debug, Default)]
struct Progress {
    /// By layer: bytes here, bytes in all.
    layers: HashMap<String, (i64, i64)>,
}

impl Progress {
    fn on_step(&mut self, step: CreateImageInfo) {
        let (Some(layer), Some(status)) = (step.id, step.status) else { return };
        if self.layers.len() >= LAYERS && !self.layers.contains_key(&layer) {
            return;
        }
        match status.as_str() {
            "Downloading" => {
                let detail = step.progress_detail.unwrap_or_default();
                if let (Some(current), Some(total)) = (detail.current, detail.total) {
                    self.layers.insert(layer, (current, total));
                }
            }
            "Download complete" | "Pull complete" => {
                if let Some((current, total)) = self.layers.get_mut(&layer) {
                    *current = *total;
                }
            }
            _ => {}
        }
    }

    fn percent(&self) -> i64 {
        let (current, total) = self.layers.values().fold((0_i64, 0_i64), |(current, total), layer| {
            (current.saturating_add(layer.0.max(0)), total.saturating_add(layer.1.max(0)))
        });
        if total == 0 { 0 } else { (i128::from(current) * 100 / i128::from(total)).clamp(0, 100) as i64 }
    }
}

/// Pulls an image, telling how far it is.
pub(super) async fn pull(
    docker: &Docker,
    image: &str,
    missing: bool,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<(), Error> {
    let options = CreateImageOptionsBuilder::default().from_image(&with_tag(image)).build();
    let mut steps = Box::pin(docker.create_image(Some(options), None, None));
    let mut state = Progress::default();
    let mut told = (Instant::now(), 0);
    progress(format!("pulling {image}: 0 %"));
    while let Some(step) = timeout(SILENCE, steps.next()).await.map_err(|_| Error::late(SILENCE))? {
        let step = step.map_err(|error| match Error::of("pull the image", &error) {
            Error::Refused { reason, .. } if missing => Error::MissingImage { image: image.to_owned(), reason },
            Error::Refused { reason, .. } => Error::Pull { image: image.to_owned(), reason },
            other => other,
        })?;
        state.on_step(step);
        let percent = state.percent();
        if percent != told.1 && told.0.elapsed() >= BETWEEN_PROGRESS {
            told = (Instant::now(), percent);
            progress(format!("pulling {image}: {percent} %"));
        }
    }
    Ok(())
}

/// The image with a tag: without one the engine would pull all there are.
fn with_tag(image: &str) -> String {
    let name = image.rsplit_once('/').map_or(image, |(_, name)| name);
    if name.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::ProgressDetail;

    #[test]
    fn an_image_without_tag_is_the_latest() {
        assert_eq!(with_tag("redis"), "redis:latest");
        assert_eq!(with_tag("host:5000/redis"), "host:5000/redis:latest");
        assert_eq!(with_tag("host:5000/redis:7"), "host:5000/redis:7");
        assert_eq!(with_tag("redis@sha256:0"), "redis@sha256:0");
    }

    #[test]
    fn progress_is_over_all_layers() {
        let step = |id: &str, status: &str, current, total| CreateImageInfo {
            id: Some(id.to_owned()),
            status: Some(status.to_owned()),
            progress_detail: Some(ProgressDetail { current, total }),
            ..CreateImageInfo::default()
        };
        let mut progress = Progress::default();
        assert_eq!(progress.percent(), 0);
        progress.on_step(step("a", "Downloading", Some(30), Some(100)));
        progress.on_step(step("b", "Downloading", Some(0), Some(100)));
        assert_eq!(progress.percent(), 15);
        progress.on_step(step("a", "Download complete", None, None));
        assert_eq!(progress.percent(), 50);
    }
}
