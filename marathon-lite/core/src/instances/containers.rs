//! A pod's instance and the tasks of its containers.

use super::{
    Condition, ContainerTask, Instance,
    step::{Step, step},
};
use crate::app::Timestamp;
use proto_types::{TaskState, TaskStatus};

/// Takes a report on one of an instance's tasks into the instance; what that makes of the instance as a whole is returned.
///
/// An app's instance has one task and does as it does. The containers of a pod live and die together, but not at the same
/// moment: the instance is over when all of them are.
pub(super) fn take_in(instance: &mut Instance, status: &TaskStatus, at: Timestamp) -> Step {
    let Some(container) = instance.containers.iter_mut().find(|container| container.task == status.task) else {
        return step(instance.condition, status.state);
    };
    take_in_container(container, status, at);
    match together(&instance.containers) {
        // That another container is cut off too brings nothing back.
        Step::Be(condition) if is_cut_off(condition) && is_cut_off(instance.condition) => Step::Be(instance.condition),
        step => step,
    }
}

fn take_in_container(container: &mut ContainerTask, status: &TaskStatus, at: Timestamp) {
    if is_over(container.condition) {
        return;
    }
    container.condition = match step(container.condition, status.state) {
        Step::Stay => return,
        Step::Be(condition) => condition,
        Step::End(state) => Condition::Task(state),
    };
    if container.condition == Condition::Task(TaskState::Running) {
        container.started_at = container.started_at.or(Some(at));
    }
    container.healthy = status.healthy.or(container.healthy);
    container.message.clone_from(&status.message);
}

const fn is_over(condition: Condition) -> bool {
    match condition {
        Condition::Task(state) => state.is_terminal() || matches!(state, TaskState::Unknown),
        Condition::Created | Condition::UnreachableInactive => false,
    }
}

/// How the instance does, by how its containers do.
fn together(containers: &[ContainerTask]) -> Step {
    let alive = || containers.iter().map(|container| container.condition).filter(|condition| !is_over(*condition));
    let ended = || {
        containers.iter().filter(|container| is_over(container.condition)).filter_map(|container| {
            match container.condition {
                Condition::Task(state) => Some(state),
                Condition::Created | Condition::UnreachableInactive => None,
            }
        })
    };
    // The worst end is that of the instance.
    let worst = ended().max_by_key(|state| badness(*state));
    let Some(slowest) = alive().min_by_key(|condition| progress(*condition)) else {
        return worst.map_or(Step::Stay, Step::End);
    };
    let going = worst.is_some_and(|state| state != TaskState::Finished);
    Step::Be(if going && !is_cut_off(slowest) { Condition::Task(TaskState::Killing) } else { slowest })
}

const fn is_cut_off(condition: Condition) -> bool {
    matches!(condition, Condition::UnreachableInactive | Condition::Task(TaskState::Unreachable))
}

/// Which of several ends is told as that of the instance: the highest.
const fn badness(state: TaskState) -> u8 {
    match state {
        TaskState::Finished => 0,
        TaskState::Killed => 1,
        TaskState::Dropped => 2,
        TaskState::Unknown => 3,
        TaskState::Gone => 4,
        TaskState::GoneByOperator => 5,
        TaskState::Failed => 6,
        TaskState::Error => 7,
        TaskState::Staging | TaskState::Starting | TaskState::Running | TaskState::Killing | TaskState::Unreachable => {
            0
        }
    }
}

/// How far a container is; the instance is as far as the lowest.
const fn progress(condition: Condition) -> u8 {
    match condition {
        Condition::UnreachableInactive | Condition::Task(TaskState::Unreachable) => 0,
        Condition::Task(TaskState::Killing) => 1,
        Condition::Created => 2,
        Condition::Task(TaskState::Staging) => 3,
        Condition::Task(TaskState::Starting) => 4,
        Condition::Task(_) => 5,
    }
}
