//! From one condition to the next.

use super::Condition;
use proto_types::TaskState;

/// What a report makes of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It says nothing about it: it repeats, or comes too late.
    Stay,
    /// The condition is this one now; maybe the one that it was.
    Be(Condition),
    /// It is over.
    End(TaskState),
}

/// What a report of a state makes of a condition. An end is final: what ended is in no table any more.
pub(super) const fn step(before: Condition, state: TaskState) -> Step {
    let possible = match before {
        Condition::Created | Condition::UnreachableInactive => true,
        Condition::Task(current) => same(current, state) || current.may_become(state),
    };
    match state {
        // Said only when nobody can hold the task any more.
        TaskState::Unknown => Step::End(TaskState::Unknown),
        TaskState::Finished
        | TaskState::Failed
        | TaskState::Killed
        | TaskState::Error
        | TaskState::Dropped
        | TaskState::Gone
        | TaskState::GoneByOperator => {
            if possible {
                Step::End(state)
            } else {
                Step::Stay
            }
        }
        TaskState::Unreachable => match before {
            Condition::UnreachableInactive => Step::Stay,
            Condition::Created | Condition::Task(_) => Step::Be(Condition::Task(TaskState::Unreachable)),
        },
        TaskState::Staging | TaskState::Starting | TaskState::Running | TaskState::Killing => {
            if possible {
                Step::Be(Condition::Task(state))
            } else {
                Step::Stay
            }
        }
    }
}

const fn same(one: TaskState, other: TaskState) -> bool {
    one as u8 == other as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_reports_take_nothing_back() {
        let running = Condition::Task(TaskState::Running);
        let killing = Condition::Task(TaskState::Killing);
        for late in [TaskState::Staging, TaskState::Starting, TaskState::Dropped] {
            assert_eq!(step(running, late), Step::Stay, "{late}");
        }
        assert_eq!(step(killing, TaskState::Running), Step::Stay);
        assert_eq!(step(running, TaskState::Running), Step::Be(running));
        assert_eq!(step(Condition::UnreachableInactive, TaskState::Unreachable), Step::Stay);
    }

    #[test]
    fn what_is_unknown_to_all_is_over() {
        for state in TaskState::ALL.into_iter().filter(|state| !state.is_terminal()) {
            assert_eq!(step(Condition::Task(state), TaskState::Unknown), Step::End(TaskState::Unknown));
        }
    }

    #[test]
    fn whoever_was_cut_off_comes_back_as_it_is() {
        for cut_off in [Condition::UnreachableInactive, Condition::Task(TaskState::Unreachable)] {
            for state in [TaskState::Starting, TaskState::Running, TaskState::Killing] {
                assert_eq!(step(cut_off, state), Step::Be(Condition::Task(state)));
            }
            assert_eq!(step(cut_off, TaskState::Failed), Step::End(TaskState::Failed));
        }
    }
}
