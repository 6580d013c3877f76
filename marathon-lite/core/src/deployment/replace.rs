//! Rolling replacement: old instances give way to new ones.
//!
//! | number | is |
//! |---|---|
//! | minimum | `ceil(instances * minimumHealthCapacity)`: so many are healthy at any time, if so many were |
//! | maximum | `trunc(instances * (1 + maximumOverCapacity))`: so many exist at most, those being killed included |
//!
//! Where both are the same and so many are healthy, nothing could ever move: then one more may exist, or, of apps with
//! data, one less be healthy.
//!
//! An old instance is killed when more than the minimum are healthy without it, or when a new one has taken its place;
//! those that are not healthy first. This differs from Marathon where Marathon is stuck or does harm: it counts old
//! instances, not kills, so that one that dies by itself is no loss; a leader that takes over in the middle kills nothing
//! for that; and where only sick old instances take all the room, one of them makes room.

use super::{Canary, Decision, InstanceView, Kill, Outcome};
use crate::{
    app::{KillSelection, Timestamp, UpgradeStrategy},
    instances::Condition,
};
use proto_types::{TaskId, TaskState};
use std::cmp::Ordering;

/// What a rolling replacement is decided from.
#[derive(Debug, Clone, Copy)]
pub struct Replace<'a> {
    /// How new instances come in.
    pub strategy: &'a UpgradeStrategy,
    /// How many instances are wanted.
    pub instances: u32,
    /// How many were wanted before: so many are kept up during careful steps.
    pub instances_before: u32,
    /// Whether instances stay with their data.
    pub resident: bool,
    /// Who goes first among equals.
    pub kill_selection: KillSelection,
    /// How many new ones have ended for good and are not replaced: those of an app that runs to its end.
    pub ended: u32,
    /// The instances that there are.
    pub views: &'a [InstanceView],
    /// How far the careful steps were.
    pub canary: Canary,
    /// The time.
    pub now: Timestamp,
}

/// What is to be done now.
#[must_use]
pub fn replace(input: &Replace<'_>) -> Decision {
    let counts = Counts::of(input);
    let steps = &input.strategy.canary_steps;
    let canary = input.canary.observed(steps, input.instances, counts.taken_over, input.now);
    if input.instances == 0 {
        // Nothing can take over from anything.
        let all = input.views.iter().filter(|view| !view.goal_stopped && !view.has_ended());
        return Decision { kill: Kill::These(all.map(|view| view.id.clone()).collect()), ..Decision::finished() };
    }
    let bounds = Bounds::of(input, &counts, canary.limit(steps, input.instances));
    let surplus = (counts.new_staying + input.ended).saturating_sub(input.instances).min(counts.new_staying);
    let mut old_kills = bounds.old_kills(input, &counts);
    let launch = bounds.launches(input, &counts);
    if old_kills == 0 && launch == 0 && surplus == 0 && bounds.is_stuck(input, &counts) {
        old_kills = 1;
    }
    let mut kill: Vec<TaskId> = first_to_go(input, false, old_kills);
    kill.extend(first_to_go(input, true, surplus));
    kill.extend(input.views.iter().filter(|view| !view.is_new && view.is_forgotten()).map(|view| view.id.clone()));
    let all_new = counts.taken_over >= input.instances && counts.new_active + input.ended <= input.instances;
    let remaining = input.instances.saturating_sub(counts.taken_over) + counts.old_active;
    let outcome = if all_new && counts.old_active == 0 && canary.limit(steps, input.instances).is_none() {
        Outcome::Finished
    } else {
        Outcome::Waiting(describe(input, &counts, &bounds, canary, launch))
    };
    Decision { kill: Kill::These(kill), launch, outcome, remaining, canary }
}

/// What there is.
struct Counts {
    old_active: u32,
    old_staying: u32,
    old_serving: u32,
    new_active: u32,
    new_staying: u32,
    /// New ones that do their work and may take over; those that ended for good have done it.
    taken_over: u32,
}

impl Counts {
    fn of(input: &Replace<'_>) -> Self {
        let count = |is_new: bool, of: fn(&InstanceView) -> bool| {
            input.views.iter().filter(|view| view.is_new == is_new && of(view)).count() as u32
        };
        let taken_over = count(true, InstanceView::took_over).saturating_add(input.ended);
        Self {
            old_active: count(false, |view| view.active),
            old_staying: count(false, InstanceView::stays),
            old_serving: count(false, InstanceView::serves),
            new_active: count(true, |view| view.active),
            new_staying: count(true, InstanceView::stays),
            taken_over: taken_over.min(input.instances),
        }
    }

    /// Those whose work is done by somebody.
    fn healthy(&self) -> u32 {
        self.old_serving + self.taken_over
    }

    /// Old and new ones that are on their way out.
    fn going(&self) -> u32 {
        self.old_active - self.old_staying + self.new_active - self.new_staying
    }
}

/// What is allowed.
struct Bounds {
    minimum: u32,
    maximum: u32,
    /// How many more healthy ones than the minimum there are.
    spare: u32,
    /// How many new ones there may be.
    new_limit: u32,
    /// How many old ones stay although they could go.
    old_kept: u32,
}

impl Bounds {
    fn of(input: &Replace<'_>, counts: &Counts, canary: Option<u32>) -> Self {
        let instances = f64::from(input.instances);
        let minimum = (instances * input.strategy.minimum_health_capacity).ceil() as u32;
        let mut maximum = (instances * (1.0 + input.strategy.maximum_over_capacity)) as u32;
        let mut spare = counts.healthy().saturating_sub(minimum);
        if minimum == maximum && maximum <= counts.healthy() {
            if input.resident {
                spare += 1;
            } else {
                maximum += 1;
            }
        }
        let before = input.instances_before.min(input.instances);
        let limit = canary.unwrap_or(input.instances);
        // Old ones that died are replaced by new ones, even in a careful step: nobody launches old ones any more.
        let new_limit = limit.max(before.saturating_sub(counts.old_staying)).min(input.instances);
        Self { minimum, maximum, spare, new_limit, old_kept: before.saturating_sub(limit) }
    }

    fn old_kills(&self, input: &Replace<'_>, counts: &Counts) -> u32 {
        let replaced = (counts.old_staying + counts.taken_over).saturating_sub(input.instances);
        self.spare.max(replaced).min(counts.old_staying.saturating_sub(self.old_kept))
    }

    /// How many new ones are missing, whether or not there is room.
    fn missing(&self, input: &Replace<'_>, counts: &Counts) -> u32 {
        let wanted = input.instances.saturating_sub(input.ended).min(self.new_limit);
        wanted.saturating_sub(counts.new_staying)
    }

    fn launches(&self, input: &Replace<'_>, counts: &Counts) -> u32 {
        let room = self.maximum.saturating_sub(counts.old_active + counts.new_active);
        self.missing(input, counts).min(room)
    }

    /// Whether nothing will move by itself: there is no room, nobody goes, and no new one is about to take over.
    fn is_stuck(&self, input: &Replace<'_>, counts: &Counts) -> bool {
        let settled = counts.new_staying.saturating_add(input.ended) <= counts.taken_over;
        self.missing(input, counts) > 0 && counts.going() == 0 && settled && counts.old_serving < counts.old_staying
    }
}

/// The ids of so many old or new ones that are to go before the others.
fn first_to_go(input: &Replace<'_>, new: bool, count: u32) -> Vec<TaskId> {
    if count == 0 {
        return Vec::new();
    }
    let count = count as usize;
    let mut queue: Vec<&InstanceView> = input.views.iter().filter(|view| view.is_new == new && view.stays()).collect();
    let order = |one: &&InstanceView, other: &&InstanceView| going_first(input.kill_selection, one, other);
    if count < queue.len() {
        // Whole apps are replaced a few instances at a time: the others need no order.
        queue.select_nth_unstable_by(count, order);
        queue.truncate(count);
    }
    queue.sort_unstable_by(order);
    queue.into_iter().map(|view| view.id.clone()).collect()
}

/// Which of two goes first. Ids decide between equals, so that the order is always the same.
fn going_first(selection: KillSelection, one: &InstanceView, other: &InstanceView) -> Ordering {
    // What never ran is younger than all that did.
    let started = |view: &InstanceView| view.started_at.unwrap_or(Timestamp::from_millis(u64::MAX));
    let by_age = match selection {
        KillSelection::YoungestFirst => started(other).cmp(&started(one)),
        KillSelection::OldestFirst => started(one).cmp(&started(other)),
    };
    let key = |view: &InstanceView| (view.serves(), rank(view.condition));
    key(one).cmp(&key(other)).then(by_age).then_with(|| one.id.cmp(&other.id))
}

/// The less an instance does, the sooner it goes.
const fn rank(condition: Condition) -> u8 {
    match condition {
        Condition::UnreachableInactive | Condition::Task(TaskState::Unreachable) => 0,
        Condition::Created | Condition::Task(TaskState::Staging) => 1,
        Condition::Task(TaskState::Starting) => 2,
        Condition::Task(_) => 3,
    }
}

fn describe(input: &Replace<'_>, counts: &Counts, bounds: &Bounds, canary: Canary, launch: u32) -> String {
    let Counts { old_active, old_staying, taken_over, new_staying, .. } = counts;
    let starting = (new_staying + input.ended).saturating_sub(*taken_over);
    let mut text = format!(
        "{taken_over} of {} new instances are healthy and ready, {starting} were launched, {launch} wait to be launched; \
         {old_active} old ones are there, {} of them being killed; at least {} have to be healthy ({} are), at most {} may \
         exist",
        input.instances,
        old_active - old_staying,
        bounds.minimum,
        counts.healthy(),
        bounds.maximum,
    );
    if let Some(pause) = canary.describe(&input.strategy.canary_steps, input.instances) {
        text = format!("{pause}; {text}");
    }
    text
}

#[cfg(test)]
mod tests;
