//! Deployments as JSON.

use super::{Action, Deployment, Step};
use crate::app::PathId;
use serde_json::{Value, json};
use std::collections::BTreeSet;

impl Deployment {
    /// The deployment, as an element of the answer to `GET /v2/deployments`. `readiness` gives the
    /// `readinessCheckResults` of an app.
    #[must_use]
    pub fn render(&self, readiness: impl Fn(&PathId) -> Vec<Value>) -> Value {
        let current = |action: &Action| {
            let mut value = action.render();
            let results = if action.pod { Vec::new() } else { readiness(&action.id) };
            value["readinessCheckResults"] = results.into();
            value
        };
        let current: Vec<Value> = self.step().into_iter().flat_map(|step| &step.actions).map(current).collect();
        json!({
            "id": self.id.0,
            "version": self.version.to_string(),
            "affectedApps": names(&self.affected_apps()),
            "affectedPods": names(&self.affected_pods()),
            "steps": render_steps(&self.steps),
            "currentActions": current,
            "currentStep": (self.current_step + 1).min(self.steps.len()),
            "totalSteps": self.steps.len(),
        })
    }

    /// The plan, as events carry it. The Python client fails unless both groups are objects; with nothing in them they cost
    /// nothing.
    #[must_use]
    pub fn render_plan(&self) -> Value {
        json!({
            "id": self.id.0,
            "version": self.version.to_string(),
            "original": {},
            "target": {},
            "steps": render_steps(&self.steps),
        })
    }
}

fn names(ids: &BTreeSet<&PathId>) -> Value {
    ids.iter().map(|id| id.as_str()).collect()
}

/// The `steps` of a plan, also of one that is only asked for (`dryRun`).
#[must_use]
pub fn render_steps(steps: &[Step]) -> Value {
    steps.iter().map(Step::render).collect()
}

impl Step {
    /// The step: `{"actions": [{"action": "ScaleApplication", "app": "/web"}]}`.
    #[must_use]
    pub fn render(&self) -> Value {
        json!({"actions": self.actions.iter().map(Action::render).collect::<Vec<_>>()})
    }
}

impl Action {
    /// The action: `{"action": "ScaleApplication", "app": "/web"}`.
    #[must_use]
    pub fn render(&self) -> Value {
        let whom = if self.pod { "pod" } else { "app" };
        json!({"action": self.name(), whom: self.id.as_str()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::small_world::{at, deployment, path, tree};

    #[test]
    fn a_deployment_as_clients_see_it() {
        let mut deployment = deployment("97c1", &tree(&["/a", "/old"]), &tree(&["/a*1@2", "pod /p"]));
        let decision = crate::deployment::Decision::finished();
        assert!(deployment.record(&path("/old"), &decision, at(1001)) && deployment.advance(at(1001)));
        assert!(deployment.record(&path("/p"), &decision, at(1001)) && deployment.advance(at(1001)));
        let readiness = |id: &PathId| vec![json!({"name": "r", "taskId": format!("{id}.1"), "ready": false})];
        assert_eq!(
            deployment.render(readiness),
            json!({
                "id": "97c1",
                "version": "1970-01-01T00:00:01.000Z",
                "affectedApps": ["/a", "/old"],
                "affectedPods": ["/p"],
                "steps": [
                    {"actions": [{"action": "StopApplication", "app": "/old"}]},
                    {"actions": [{"action": "StartPod", "pod": "/p"}]},
                    {"actions": [
                        {"action": "RestartApplication", "app": "/a"},
                        {"action": "ScalePod", "pod": "/p"},
                    ]},
                ],
                "currentActions": [
                    {
                        "action": "RestartApplication",
                        "app": "/a",
                        "readinessCheckResults": [{"name": "r", "taskId": "/a.1", "ready": false}],
                    },
                    {"action": "ScalePod", "pod": "/p", "readinessCheckResults": []},
                ],
                "currentStep": 3,
                "totalSteps": 3,
            })
        );
    }

    #[test]
    fn a_plan_as_events_carry_it() {
        let deployment = deployment("1", &tree(&[]), &tree(&["/a"]));
        assert_eq!(
            deployment.render_plan(),
            json!({
                "id": "1",
                "version": "1970-01-01T00:00:01.000Z",
                "original": {},
                "target": {},
                "steps": [
                    {"actions": [{"action": "StartApplication", "app": "/a"}]},
                    {"actions": [{"action": "ScaleApplication", "app": "/a"}]},
                ],
            })
        );
        assert_eq!(deployment.render_plan()["steps"], render_steps(&deployment.steps));
    }
}
