//! Backoff, upgrades, kills and lost agents.

use crate::{
    app::{
        AppUpdate, CanarySize, CanaryStep, KillSelection, Residency, TaskLostBehavior, UnreachableStrategy,
        update::UpgradeUpdate,
    },
    json::{Fields, Item},
};
use serde_json::Value;
use std::time::Duration;

pub(super) fn read(fields: &Fields<'_>, update: &mut AppUpdate) {
    update.backoff_initial = fields.read("backoffSeconds", Item::seconds);
    update.backoff_factor = fields.read("backoffFactor", |item| item.number(1.0..=1e6));
    update.backoff_max = fields.read("maxLaunchDelaySeconds", Item::seconds);
    update.kill_grace = fields.read("taskKillGracePeriodSeconds", Item::seconds);
    update.kill_selection = fields.read("killSelection", kill_selection);
    update.unreachable_strategy = fields.read("unreachableStrategy", unreachable_strategy);
    update.upgrade_strategy = fields.read("upgradeStrategy", upgrade_strategy);
    update.residency = fields.read("residency", residency);
}

/// `YOUNGEST_FIRST` or `OLDEST_FIRST`.
pub(crate) fn kill_selection(item: &Item<'_>) -> Option<KillSelection> {
    item.choice(&[("YOUNGEST_FIRST", KillSelection::YoungestFirst), ("OLDEST_FIRST", KillSelection::OldestFirst)])
}

/// `"disabled"`, or the two periods.
pub(crate) fn unreachable_strategy(item: &Item<'_>) -> Option<UnreachableStrategy> {
    if item.value.is_string() {
        return item.choice(&[("disabled", UnreachableStrategy::Disabled)]);
    }
    let fields = item.object()?;
    let seconds = |key| fields.read(key, long_seconds).unwrap_or_default();
    Some(UnreachableStrategy::Enabled {
        inactive_after: seconds("inactiveAfterSeconds"),
        expunge_after: seconds("expungeAfterSeconds"),
    })
}

/// Seconds that Marathon keeps in 64 bits; a century is long enough.
fn long_seconds(item: &Item<'_>) -> Option<Duration> {
    item.whole(0..=100 * 366 * 86_400).map(Duration::from_secs)
}

fn residency(item: &Item<'_>) -> Option<Residency> {
    let fields = item.object()?;
    let defaults = Residency::default();
    let behaviors = [
        ("WAIT_FOREVER", TaskLostBehavior::WaitForever),
        ("RELAUNCH_AFTER_TIMEOUT", TaskLostBehavior::RelaunchAfterTimeout),
    ];
    let timeout = fields.read("relaunchEscalationTimeoutSeconds", long_seconds);
    Some(Residency {
        relaunch_escalation_timeout: timeout.unwrap_or(defaults.relaunch_escalation_timeout),
        task_lost_behavior: fields.read("taskLostBehavior", |item| item.choice(&behaviors)).unwrap_or_default(),
    })
}

fn upgrade_strategy(item: &Item<'_>) -> Option<UpgradeUpdate> {
    let fields = item.object()?;
    let share = |item: &Item<'_>| item.number(0.0..=1.0);
    let update = UpgradeUpdate {
        minimum_health_capacity: fields.read("minimumHealthCapacity", share),
        maximum_over_capacity: fields.read("maximumOverCapacity", share),
        progress_deadline: fields
            .read("progressDeadlineSeconds", |item| item.whole(1..=i32::MAX as u64))
            .map(Duration::from_secs),
        rollback_on_failure: fields.read("rollbackOnFailure", Item::flag).unwrap_or(false),
        canary_steps: fields.read("canarySteps", |item| item.each(canary_step)).unwrap_or_default(),
    };
    if update.rollback_on_failure && fields.get("progressDeadlineSeconds").is_none() {
        let path = fields.path_of("rollbackOnFailure");
        fields
            .report()
            .refuse(&path, "needs 'progressDeadlineSeconds' beside it: that is when a deployment has failed");
    }
    Some(update)
}

/// `{"instances": n}` or `{"share": s}`, with `pauseSeconds`.
fn canary_step(item: &Item<'_>) -> Option<CanaryStep> {
    let fields = item.object()?;
    let instances = fields.read("instances", |item| item.whole(1..=i32::MAX as u64));
    let share = fields.read("share", |item| item.number(0.001..=1.0));
    let pause = fields.read("pauseSeconds", Item::seconds).unwrap_or_default();
    let size = match (fields.get("instances").is_some(), fields.get("share").is_some()) {
        (true, false) => CanarySize::Instances(u32::try_from(instances?).unwrap_or(u32::MAX)),
        (false, true) => CanarySize::Share(share?),
        _ => {
            item.refuse("must have either 'instances', a number, or 'share', from 0.001 to 1");
            return None;
        }
    };
    Some(CanaryStep { size, pause })
}

/// The built-in executor is not paid for by its tasks.
pub(crate) fn refuse_executor_resources(fields: &Fields<'_>) {
    let read = |item: &Item<'_>| {
        let fields = item.object()?;
        let amounts = ["cpus", "mem", "disk"].map(|key| fields.get(key).is_none_or(|item| item.amount(0).is_some()));
        amounts.into_iter().all(|well| well).then_some(())
    };
    let why = "resources of the executor cannot be chosen; leave them out";
    fields.refuse_if_present("executorResources", read, why);
}

/// Tasks are limited to what they asked for.
pub(crate) fn refuse_resource_limits(fields: &Fields<'_>) {
    let read = |item: &Item<'_>| {
        let fields = item.object()?;
        let limits = ["cpus", "mem"].map(|key| fields.get(key).is_none_or(|item| limit(&item).is_some()));
        limits.into_iter().all(|well| well).then_some(())
    };
    let why = "limits above what is asked for are not supported; leave them out";
    fields.refuse_if_present("resourceLimits", read, why);
}

/// A number or `"unlimited"`.
fn limit(item: &Item<'_>) -> Option<()> {
    match item.value {
        Value::String(_) => item.choice(&[("unlimited", ())]),
        _ => item.amount(0).map(|_| ()),
    }
}
