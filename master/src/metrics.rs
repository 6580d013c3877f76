//! The master's metrics: values handed in, no globals.

use crate::read_model::Counts;
use master_core::RoundReport;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use std::{sync::Arc, time::Duration};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: String,
}

/// What a master counts.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    pub(crate) inputs: Counter,
    pub(crate) events: Counter,
    pub(crate) writes: Counter,
    rounds: Counter,
    round_seconds: Histogram,
    offers_made: Counter,
    agents: Family<State, Gauge>,
    frameworks: Family<State, Gauge>,
    tasks: Family<State, Gauge>,
    offers: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let buckets = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0];
        let mut metrics = Self {
            registry: Arc::default(),
            inputs: Counter::default(),
            events: Counter::default(),
            writes: Counter::default(),
            rounds: Counter::default(),
            round_seconds: Histogram::new(buckets),
            offers_made: Counter::default(),
            agents: Family::default(),
            frameworks: Family::default(),
            tasks: Family::default(),
            offers: Gauge::default(),
        };
        metrics.registry = Arc::new(metrics.registered());
        metrics
    }
}

impl Metrics {
    fn registered(&self) -> Registry {
        let mut registry = Registry::with_prefix("master");
        registry.register("inputs", "Inputs taken in", self.inputs.clone());
        registry.register("events", "Events sent to schedulers", self.events.clone());
        registry.register("registry_writes", "Batches written to the registry", self.writes.clone());
        registry.register("allocation_rounds", "Rounds of allocation", self.rounds.clone());
        registry.register("allocation_round_seconds", "How long a round took", self.round_seconds.clone());
        registry.register("offers_made", "Offers made", self.offers_made.clone());
        registry.register("agents", "Agents by state", self.agents.clone());
        registry.register("frameworks", "Frameworks by state", self.frameworks.clone());
        registry.register("tasks", "Tasks by state, those over as long as they are kept", self.tasks.clone());
        registry.register("offers", "Offers outstanding", self.offers.clone());
        registry
    }

    pub(crate) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry)
    }

    pub(crate) fn on_round(&self, report: RoundReport, cost: Duration) {
        self.rounds.inc();
        self.round_seconds.observe(cost.as_secs_f64());
        self.offers_made.inc_by(report.offers as u64);
    }

    pub(crate) fn show(&self, counts: &Counts) {
        let set = |family: &Family<State, Gauge>, state: &str, count: u64| {
            family.get_or_create(&State { state: state.to_owned() }).set(i64::try_from(count).unwrap_or(i64::MAX));
        };
        if !counts.changed {
            return;
        }
        counts.agents.iter().for_each(|(standing, count)| set(&self.agents, standing.name(), *count));
        counts.tasks.iter().for_each(|(state, count)| set(&self.tasks, state.name(), *count));
        set(&self.frameworks, "connected", counts.frameworks_connected);
        set(&self.frameworks, "disconnected", counts.frameworks_disconnected);
        self.offers.set(i64::try_from(counts.offers).unwrap_or(i64::MAX));
    }
}
