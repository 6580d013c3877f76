//! Figures for Prometheus, read from the read model when asked for.

use crate::model::Model;
use prometheus_client::{
    encoding::text::encode as encode_text,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use proto_types::resources::Value;
use std::sync::atomic::{AtomicU32, AtomicU64};

type Labels = Vec<(String, String)>;

/// All figures in the text form.
pub(crate) fn encode(model: &Model) -> String {
    let mut registry = Registry::with_prefix("proffer_agent");
    register(&mut registry, model);
    let mut text = String::new();
    // Writing into a String cannot fail.
    let written = encode_text(&mut text, &registry);
    debug_assert!(written.is_ok());
    text
}

fn register(registry: &mut Registry, model: &Model) {
    let shown = model.read();
    let registered: Gauge<u32, AtomicU32> = Gauge::default();
    registered.set(u32::from(shown.agent.as_ref().is_some_and(|agent| agent.registered)));
    registry.register("registered", "Whether a master has admitted the agent", registered);

    let tasks = Family::<Labels, Gauge>::default();
    for task in shown.tasks.values() {
        tasks.get_or_create(&vec![("state".to_owned(), task.latest.state.name().to_owned())]).inc();
    }
    registry.register("tasks", "Tasks held, by state", tasks);

    let launched: Counter<u64, AtomicU64> = Counter::default();
    launched.inc_by(shown.launched);
    registry.register("tasks_launched", "Tasks taken since the start of the process", launched);

    let ended = Family::<Labels, Counter>::default();
    for (state, count) in &shown.ended {
        ended.get_or_create(&vec![("state".to_owned(), (*state).to_owned())]).inc_by(*count);
    }
    registry.register("tasks_ended", "Tasks that ended since the start of the process, by state", ended);

    let executors = Family::<Labels, Gauge>::default();
    for executor in shown.executors.values() {
        executors.get_or_create(&vec![("connected".to_owned(), executor.connected.to_string())]).inc();
    }
    registry.register("executors", "Executors, by whether they are connected", executors);

    let resources = Family::<Labels, Gauge<f64, AtomicU64>>::default();
    if let Some(agent) = &shown.agent {
        for (bag, what) in [(&agent.info.resources, "total"), (&agent.used, "used")] {
            for resource in bag.iter() {
                let amount = match &resource.value {
                    Value::Scalar(scalar) => scalar.as_f64(),
                    Value::Ranges(ranges) => ranges.count() as f64,
                    Value::Set(items) => items.len() as f64,
                };
                let labels = vec![
                    ("resource".to_owned(), resource.kind.name.to_string()),
                    ("amount".to_owned(), what.to_owned()),
                ];
                resources.get_or_create(&labels).inc_by(amount);
            }
        }
    }
    registry.register("resources", "What the agent has and what is used of it", resources);
}
