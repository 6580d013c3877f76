//! The containers of a cluster: they are the engine's, so that the end of the processes under this one does not end them.

use agent_executor::docker::SANDBOX_LABEL;
use anyhow::{Context, Result};
use bollard::{
    Docker,
    query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder},
};
use std::{collections::HashMap, path::Path, time::Duration};
use tokio::time::timeout;

/// How long an engine may take to say what it has.
const PATIENCE: Duration = Duration::from_secs(5);

/// Removes all containers whose sandboxes lie in this directory. Without an engine there are none.
pub(super) async fn remove(directory: &Path) {
    let Ok(engine) = Docker::connect_with_unix_defaults() else { return };
    let Ok(Ok(_)) = timeout(PATIENCE, engine.ping()).await else { return };
    if let Err(error) = remove_from(&engine, directory).await {
        eprintln!("proffer: containers of the cluster may be left: {error:#}");
    }
}

async fn remove_from(engine: &Docker, directory: &Path) -> Result<()> {
    let filters = HashMap::from([("label".to_owned(), vec![SANDBOX_LABEL.to_owned()])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let listed =
        timeout(PATIENCE, engine.list_containers(Some(options))).await.context("the engine does not answer")?;
    for container in listed.context("list containers")? {
        let sandbox = container.labels.as_ref().and_then(|labels| labels.get(SANDBOX_LABEL));
        let Some(id) =
            container.id.filter(|_| sandbox.is_some_and(|sandbox| Path::new(sandbox).starts_with(directory)))
        else {
            continue;
        };
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        engine.remove_container(&id, Some(options)).await.with_context(|| format!("remove container {id}"))?;
    }
    Ok(())
}
