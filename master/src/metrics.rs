//! The master's metrics: values handed in, no globals.
//!
//! What happens is counted where it happens; how much there is of what is read from the read model when somebody asks.

use crate::{handle::Handle, read_model::Counts};
use master_core::{RoundReport, effect::AgentStanding};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet},
    metrics::{MetricType, counter::Counter, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use proto_types::{TaskState, agent::Duty};
use std::{fmt, sync::Arc, time::Duration};

/// The bounds of what takes time, in seconds.
const SECONDS: [f64; 10] = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0];

/// The bounds of how much a round looks at.
const AGENTS: [f64; 8] = [1.0, 3.0, 10.0, 30.0, 100.0, 1000.0, 10_000.0, 100_000.0];

/// What a master counts.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    pub(crate) inputs: Counter,
    pub(crate) events: Counter,
    writes: Counter,
    write_seconds: Histogram,
    rounds: Counter,
    round_seconds: Histogram,
    round_agents: Histogram,
    offers_made: Counter,
    effects_held: Gauge,
    changes_pending: Gauge,
    pub(crate) terms: Counter,
}

impl Metrics {
    pub(crate) fn new(handle: &Arc<Handle>) -> Self {
        let mut metrics = Self {
            registry: Arc::default(),
            inputs: Counter::default(),
            events: Counter::default(),
            writes: Counter::default(),
            write_seconds: Histogram::new(SECONDS),
            rounds: Counter::default(),
            round_seconds: Histogram::new(SECONDS),
            round_agents: Histogram::new(AGENTS),
            offers_made: Counter::default(),
            effects_held: Gauge::default(),
            changes_pending: Gauge::default(),
            terms: Counter::default(),
        };
        let mut registry = Registry::default();
        metrics.register(registry.sub_registry_with_prefix("master"), handle);
        metrics.registry = Arc::new(registry);
        metrics
    }

    fn register(&self, master: &mut Registry, handle: &Arc<Handle>) {
        master.register("terms", "Terms begun by this process", self.terms.clone());
        master.register("inputs", "Inputs taken in", self.inputs.clone());
        master.register("events", "Events sent to schedulers", self.events.clone());
        master.register("effects_held", "Effects that wait for a write", self.effects_held.clone());
        master.register("registry_writes", "Batches written to the registry", self.writes.clone());
        let help = "How long a batch took to be durable";
        master.register_with_unit("registry_write", help, Unit::Seconds, self.write_seconds.clone());
        master.register("registry_pending", "Changes not being written yet", self.changes_pending.clone());
        master.register("allocation_rounds", "Rounds of allocation", self.rounds.clone());
        let help = "How long a round took";
        master.register_with_unit("allocation_round", help, Unit::Seconds, self.round_seconds.clone());
        master.register("allocation_round_agents", "Agents that a round looked at", self.round_agents.clone());
        master.register("offers_made", "Offers made", self.offers_made.clone());
        master.register_collector(Box::new(State(Arc::clone(handle))));
    }

    pub(crate) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry)
    }

    pub(crate) fn on_round(&self, report: RoundReport, cost: Duration) {
        self.rounds.inc();
        self.round_seconds.observe(cost.as_secs_f64());
        self.round_agents.observe(report.agents as f64);
        self.offers_made.inc_by(report.offers as u64);
    }

    pub(crate) fn on_written(&self, took: Duration) {
        self.writes.inc();
        self.write_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn show_queues(&self, effects_held: usize, changes_pending: usize) {
        self.effects_held.set(narrow(effects_held as u64));
        self.changes_pending.set(narrow(changes_pending as u64));
    }
}

fn narrow(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// How much there is of what in the present term.
#[derive(Debug)]
struct State(Arc<Handle>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Resource {
    resource: String,
}

impl Collector for State {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let model = self.0.model().ok();
        let leads = u64::from(model.is_some());
        gauge(&mut encoder, "leads", "Whether this master leads", leads)?;
        gauge(&mut encoder, "inputs_waiting", "Inputs that wait for the driver", self.0.waiting() as u64)?;
        let Some(model) = model else { return Ok(()) };
        gauge(&mut encoder, "epoch", "The epoch of the term", model.epoch.0)?;
        show(&mut encoder, &model.snapshot().counts)
    }
}

fn show(encoder: &mut DescriptorEncoder<'_>, counts: &Counts) -> fmt::Result {
    let agents = AgentStanding::ALL.map(|standing| (standing.name(), counts.agents.get(&standing)));
    family(encoder, "agents", "Agents by state", agents)?;
    let duties = Duty::NAMES.map(|name| (name, counts.duties.get(name)));
    family(encoder, "agent_duties", "Agents that are not gone, by what operators want of them", duties)?;
    let tasks = TaskState::ALL.map(|state| (state.name(), counts.tasks.get(&state)));
    family(encoder, "tasks", "Tasks by state, those over as long as they are kept", tasks)?;
    let frameworks =
        [("connected", Some(&counts.frameworks_connected)), ("disconnected", Some(&counts.frameworks_disconnected))];
    family(encoder, "frameworks", "Frameworks by state", frameworks)?;
    gauge(encoder, "offers", "Offers outstanding", counts.offers)?;
    for (name, help, amounts) in [
        ("resources_total", "Resources of connected agents", &counts.total),
        ("resources_used", "Of them, used by tasks and executors", &counts.used),
        ("resources_offered", "Of them, offered", &counts.offered),
    ] {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (name, amount) in amounts.iter() {
            metric.encode_family(&Resource { resource: name.to_string() })?.encode_gauge(&amount.as_f64())?;
        }
    }
    Ok(())
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&narrow(value))
}

fn family<const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    counts: [(&'static str, Option<&u64>); N],
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (state, count) in counts {
        let count = narrow(count.copied().unwrap_or(0));
        metric.encode_family(&Label { state })?.encode_gauge(&count)?;
    }
    Ok(())
}
