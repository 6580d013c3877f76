//! Starting containers as fast as the engine's own API does.

use anyhow::{Context, Result};
use bollard::{
    Docker,
    models::{ContainerCreateBody, HostConfig},
    query_parameters::RemoveContainerOptionsBuilder,
};
use futures::{StreamExt, TryStreamExt};
use std::time::Instant;

/// How many requests the engine gets at once.
pub(crate) const PARALLEL: usize = 8;

/// Creates and starts so many containers with host networking; containers per second until all run.
///
/// # Errors
/// If the engine refuses one.
pub(crate) async fn containers_per_second(docker: &Docker, image: &str, count: usize) -> Result<f64> {
    let start = Instant::now();
    let names: Vec<String> =
        futures::stream::iter(0..count).map(|_| run(docker, image)).buffer_unordered(PARALLEL).try_collect().await?;
    let rate = count as f64 / start.elapsed().as_secs_f64();
    let remove = |name: String| async move {
        let options = RemoveContainerOptionsBuilder::default().force(true).build();
        docker.remove_container(&name, Some(options)).await
    };
    let removed: Vec<_> = futures::stream::iter(names).map(remove).buffer_unordered(PARALLEL).collect().await;
    removed.into_iter().collect::<Result<Vec<()>, _>>().context("remove the containers of the floor")?;
    Ok(rate)
}

async fn run(docker: &Docker, image: &str) -> Result<String> {
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        cmd: Some(vec!["sleep".to_owned(), "600".to_owned()]),
        host_config: Some(HostConfig { network_mode: Some("host".to_owned()), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    let created = docker.create_container(None, body).await.context("create a container of the floor")?;
    docker.start_container(&created.id, None).await.context("start a container of the floor")?;
    Ok(created.id)
}
