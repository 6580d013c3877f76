//! From an app or a pod and a place to the tasks that an agent is given.

mod app;
mod command;
mod container;
mod health;
mod pod;
mod port;
mod secrets;

use super::{NewInstance, RunSpec, Settings, lot::Lot, needs::Needs, ports};
use crate::{app::Timestamp, instances::Instance};
use proto_types::TaskId;
use std::sync::Arc;

pub(super) use secrets::blocked;

/// What secrets hold, by the source that the app names; none: there is no such source.
pub type Secrets<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What is the same for all launches of a batch.
pub(super) struct Circumstances<'a> {
    pub(super) now: Timestamp,
    pub(super) settings: &'a Settings,
    pub(super) secrets: Secrets<'a>,
}

/// Makes an instance and its tasks of what is left of a lot.
///
/// # Errors
/// What is in the way, in words: nothing that other offers would change.
pub(super) fn launch(
    spec: &RunSpec,
    needs: &Needs,
    lot: &mut Lot,
    id: TaskId,
    circumstances: &Circumstances<'_>,
) -> Result<NewInstance, String> {
    let ports = lot.pick_ports(needs, ports::seed_of(id.as_str())).ok_or("the ports are taken")?;
    let mut instance = instance(spec, lot, id, circumstances.now);
    instance.host_ports = ports.iter().copied().flatten().collect();
    match spec {
        RunSpec::App(app) => {
            let resources = lot.take(&app.resources, &instance.host_ports, needs.accepted);
            let resources = resources.ok_or("the resources are taken")?;
            instance.health = vec![Default::default(); app.health_checks.len()];
            let task = app::task(app, &instance, &ports, resources, circumstances)?;
            Ok(NewInstance { instance, tasks: vec![Arc::new(task)], group: false })
        }
        RunSpec::Pod(pod) => {
            let tasks = pod::tasks(pod, &mut instance, &ports, circumstances, |container, ports| {
                lot.take(&container.resources, ports, needs.accepted)
            })?;
            Ok(NewInstance { instance, tasks, group: true })
        }
    }
}

/// The instance, without its ports and tasks.
fn instance(spec: &RunSpec, lot: &Lot, id: TaskId, now: Timestamp) -> Instance {
    let offer = lot.offer();
    let agent = &offer.agent_info;
    Instance {
        config_version: spec.config_version(),
        version: spec.version(),
        attributes: Arc::new(agent.attributes.clone()),
        region: agent.region.clone(),
        zone: agent.zone.clone(),
        ..Instance::new(id, spec.id().clone(), offer.agent.clone(), agent.hostname.clone(), now)
    }
}
