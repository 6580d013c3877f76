//! Upgrades, single instances and lost agents.

use crate::{
    app::{AppDefinition, CanarySize, CanaryStep, UnreachableStrategy},
    json::Report,
};

pub(super) fn check(app: &AppDefinition, at: &str, report: &Report) {
    unreachable(&app.unreachable_strategy, &format!("{at}/unreachableStrategy"), report);
    canary_steps(&app.upgrade_strategy.canary_steps, &format!("{at}/upgradeStrategy/canarySteps"), report);
    single_instance(app, at, report);
    resident(app, at, report);
}

fn single_instance(app: &AppDefinition, at: &str, report: &Report) {
    if !app.is_single_instance() {
        return;
    }
    let label = AppDefinition::SINGLE_INSTANCE_LABEL;
    if app.instances > 1 {
        report.refuse(&format!("{at}/instances"), format!("must be 0 or 1, since the label {label} is set"));
    }
    let strategy = &app.upgrade_strategy;
    for (field, value) in [
        ("minimumHealthCapacity", strategy.minimum_health_capacity),
        ("maximumOverCapacity", strategy.maximum_over_capacity),
    ] {
        if value != 0.0 {
            let path = format!("{at}/upgradeStrategy/{field}");
            report.refuse(&path, format!("must be 0 but is {value}, since the label {label} is set"));
        }
    }
}

fn resident(app: &AppDefinition, at: &str, report: &Report) {
    if !app.is_resident() {
        return;
    }
    if app.upgrade_strategy.maximum_over_capacity != 0.0 {
        let path = format!("{at}/upgradeStrategy/maximumOverCapacity");
        report.refuse(&path, "must be 0 for apps with persistent volumes");
    }
    if app.unreachable_strategy != UnreachableStrategy::Disabled {
        report.refuse(&format!("{at}/unreachableStrategy"), "must be 'disabled' for apps with persistent volumes");
    }
    if app.run_once.is_some() {
        report.refuse(&format!("{at}/runOnce"), "is not allowed for apps with persistent volumes");
    }
}

/// An instance that was forgotten cannot be replaced later.
pub(crate) fn unreachable(strategy: &UnreachableStrategy, path: &str, report: &Report) {
    if let UnreachableStrategy::Enabled { inactive_after, expunge_after } = strategy
        && inactive_after > expunge_after
    {
        let (inactive, expunge) = (inactive_after.as_secs(), expunge_after.as_secs());
        report.refuse(
            &format!("{path}/inactiveAfterSeconds"),
            format!("must be less than or equal to expungeAfterSeconds, but {inactive} is more than {expunge}"),
        );
    }
}

/// Each step has more new instances than the one before.
fn canary_steps(steps: &[CanaryStep], path: &str, report: &Report) {
    for (index, pair) in steps.windows(2).enumerate() {
        let grows = match (pair[0].size, pair[1].size) {
            (CanarySize::Instances(before), CanarySize::Instances(after)) => before < after,
            (CanarySize::Share(before), CanarySize::Share(after)) => before < after,
            // How they compare depends on the number of instances at the time.
            _ => true,
        };
        if !grows {
            report.refuse(&format!("{path}({})", index + 1), "must be a larger step than the one before");
        }
    }
}
