//! What is measured: values handed in, no globals.
//!
//! What happens is counted where it happens; how much there is of what is read from the view when somebody asks.

use crate::handle::Handle;
use axum::http::StatusCode;
use marathon_lite_core::scheduler::View;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet},
    metrics::{MetricType, counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

/// The bounds of what takes time, in seconds.
const SECONDS: [f64; 10] = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0];

/// What is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Terms begun.
    pub(crate) terms: Counter,
    /// Inputs of the core.
    pub(crate) inputs: Counter,
    commits: Counter,
    commit_seconds: Histogram,
    responses: Family<Status, Counter>,
    effects_held: Gauge,
    requests_waiting: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Condition {
    condition: &'static str,
}

impl Metrics {
    /// What is counted, and where it is shown.
    pub(crate) fn new(handle: &Arc<Handle>) -> (Arc<Self>, Arc<Registry>) {
        let metrics = Self {
            terms: Counter::default(),
            inputs: Counter::default(),
            commits: Counter::default(),
            commit_seconds: Histogram::new(SECONDS),
            responses: Family::default(),
            effects_held: Gauge::default(),
            requests_waiting: Gauge::default(),
        };
        let mut registry = Registry::default();
        let marathon = registry.sub_registry_with_prefix("marathon");
        marathon.register("terms", "Terms begun by this process", metrics.terms.clone());
        marathon.register("inputs", "Inputs taken in", metrics.inputs.clone());
        marathon.register("commits", "Batches written to the store", metrics.commits.clone());
        let help = "How long a batch took to be durable";
        marathon.register_with_unit("commit", help, Unit::Seconds, metrics.commit_seconds.clone());
        marathon.register("http_responses", "Answers by status", metrics.responses.clone());
        marathon.register("effects_held", "Effects that wait for the store", metrics.effects_held.clone());
        marathon.register("requests_waiting", "Requests without an answer", metrics.requests_waiting.clone());
        marathon.register_collector(Box::new(State(Arc::clone(handle))));
        (Arc::new(metrics), Arc::new(registry))
    }

    /// A batch was stored.
    pub(crate) fn on_commit(&self, took: Duration) {
        self.commits.inc();
        self.commit_seconds.observe(took.as_secs_f64());
    }

    /// A request was answered.
    pub(crate) fn on_response(&self, status: StatusCode) {
        self.responses.get_or_create(&Status { status: status.as_u16() }).inc();
    }

    /// So much waits.
    pub(crate) fn show_queues(&self, effects: usize, requests: usize) {
        self.effects_held.set(narrow(effects));
        self.requests_waiting.set(narrow(requests));
    }
}

fn narrow(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// How much there is of what in the present term.
struct State(Arc<Handle>);

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State")
    }
}

impl Collector for State {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let term = self.0.term();
        gauge(&mut encoder, "leads", "Whether this instance leads", usize::from(term.is_some()))?;
        let Some(term) = term else { return Ok(()) };
        gauge(&mut encoder, "inputs_waiting", "Messages that wait for the driver", term.waiting())?;
        show(&mut encoder, &term.view())
    }
}

fn show(encoder: &mut DescriptorEncoder<'_>, view: &View) -> fmt::Result {
    gauge(encoder, "apps", "Apps that are wanted", view.root.apps_len())?;
    gauge(encoder, "deployments", "Deployments under way", view.deployments.len())?;
    gauge(encoder, "queue", "Apps that wait to be launched", view.queue.len())?;
    let mut conditions: BTreeMap<&'static str, usize> = BTreeMap::new();
    for instance in view.instances.values().flat_map(|instances| instances.values()) {
        *conditions.entry(instance.condition.name()).or_default() += 1;
    }
    let mut metric = encoder.encode_descriptor("instances", "Instances by condition", None, MetricType::Gauge)?;
    for (condition, count) in conditions {
        metric.encode_family(&Condition { condition })?.encode_gauge(&narrow(count))?;
    }
    Ok(())
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: usize) -> fmt::Result {
    encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&narrow(value))
}
