//! Clusters that notice quickly what is amiss.

use anyhow::Result;
use e2e::cluster::{Cluster, Plan};

/// A cluster of one master with a scheduler.
pub(crate) type World = e2e::world::World<Cluster>;

/// Pings so short that a missing agent is marked after a second and a half.
pub(crate) const SHORT_PINGS: [&str; 4] = ["--ping-interval", "300ms", "--ping-misses", "5"];

/// A plan of so many agents, with short pings.
pub(crate) fn plan(agents: usize, resources: &str) -> Plan {
    let mut plan = Plan::agents(agents, resources);
    plan.master.extend(SHORT_PINGS.map(str::to_owned));
    plan
}

/// Starts it, with a scheduler.
pub(crate) async fn start(plan: Plan) -> Result<World> {
    World::within(plan.start().await?).await
}
