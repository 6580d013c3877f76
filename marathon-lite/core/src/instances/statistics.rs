//! `taskStats`.

use super::{Counts, Instance};
use crate::app::{Timestamp, VersionInfo};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The statistics of an app's instances: of all, of those of its latest configuration, of those of older ones, and of
/// those that were started since it was last scaled. A group without instances is left out.
pub fn statistics<'a>(
    instances: impl IntoIterator<Item = &'a Arc<Instance>>,
    versions: VersionInfo,
    now: Timestamp,
) -> Value {
    let all: Vec<&Instance> = instances.into_iter().map(|instance| &**instance).collect();
    let latest = |one: &Instance| one.config_version >= versions.last_config_change_at;
    let mut out = Map::new();
    let mut put = |name: &str, belongs: &dyn Fn(&Instance) -> bool| {
        let group: Vec<&Instance> = all.iter().copied().filter(|one| belongs(one)).collect();
        if !group.is_empty() {
            out.insert(name.to_owned(), json!({"stats": stats(&group, now)}));
        }
    };
    put("startedAfterLastScaling", &|one| one.staged_at >= versions.last_scaling_at);
    put("withLatestConfig", &latest);
    put("withOutdatedConfig", &|one| !latest(one));
    put("totalSummary", &|_| true);
    Value::Object(out)
}

fn stats(instances: &[&Instance], now: Timestamp) -> Value {
    let mut counts = Counts::default();
    for instance in instances {
        counts.count(Counts::of(instance), true);
    }
    let mut out = json!({"counts": {
        "staged": counts.staged, "running": counts.running, "healthy": counts.healthy, "unhealthy": counts.unhealthy,
    }});
    let running = instances.iter().filter(|one| one.runs());
    let mut ages: Vec<f64> = running.filter_map(|one| Some(now.since(one.started_at?).as_secs_f64())).collect();
    ages.sort_by(f64::total_cmp);
    if !ages.is_empty() {
        let average = ages.iter().sum::<f64>() / ages.len() as f64;
        let middle = ages.len() / 2;
        let median =
            if ages.len().is_multiple_of(2) { f64::midpoint(ages[middle - 1], ages[middle]) } else { ages[middle] };
        out["lifeTime"] = json!({"averageSeconds": average, "medianSeconds": median});
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{app::PathId, instances::Condition};
    use proto_types::{AgentId, TaskId, TaskState};

    fn at(second: u64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    fn one(number: u64, config: u64, started: Option<u64>) -> Arc<Instance> {
        let (id, agent) = (TaskId::new(format!("web.{number}")).unwrap(), AgentId::new("a1").unwrap());
        let mut one = Instance::new(id, PathId::parse("/web").unwrap(), agent, "h1".into(), at(number));
        one.config_version = at(config);
        one.started_at = started.map(at);
        one.condition = started.map_or(Condition::Created, |_| Condition::Task(TaskState::Running));
        Arc::new(one)
    }

    #[test]
    fn instances_are_told_apart_by_their_configuration() {
        let all = [one(1, 1, Some(10)), one(2, 1, Some(20)), one(7, 5, Some(90)), one(8, 5, None)];
        let versions = VersionInfo { last_scaling_at: at(8), last_config_change_at: at(5) };
        let shown = statistics(&all, versions, at(100));
        let counts = |staged, running| json!({"staged": staged, "running": running, "healthy": 0, "unhealthy": 0});
        assert_eq!(shown["startedAfterLastScaling"], json!({"stats": {"counts": counts(1, 0)}}));
        assert_eq!(shown["withLatestConfig"]["stats"]["counts"], counts(1, 1));
        let old = json!({"counts": counts(0, 2), "lifeTime": {"averageSeconds": 85.0, "medianSeconds": 85.0}});
        assert_eq!(shown["withOutdatedConfig"]["stats"], old);
        assert_eq!(shown["totalSummary"]["stats"]["lifeTime"]["medianSeconds"], json!(80.0));
        assert_eq!(statistics(&[], versions, at(100)), json!({}));
    }
}
