//! Which part of an Accept a refusal is about.

use proto_types::{TaskId, scheduling::Accept};

/// A part of an Accept, as in `accepts[3].operations[0].launch.tasks[2].command`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    acceptance: usize,
    /// Which launch, and which of its tasks; none: the acceptance, or the launch, as a whole.
    launch: Option<(usize, Option<usize>)>,
}

impl Place {
    /// Reads the field of a refusal.
    pub(crate) fn read(field: &str) -> Option<Self> {
        let mut parts = field.split('.');
        let acceptance = index(parts.next()?, "accepts")?;
        let launch = parts.next().and_then(|part| index(part, "operations"));
        let task = parts.nth(1).and_then(|part| index(part, "tasks"));
        Some(Self { acceptance, launch: launch.map(|launch| (launch, task)) })
    }

    /// Takes the part out of the request; the tasks that it held. A group goes as a whole.
    pub(crate) fn take_out(self, accept: &mut Accept) -> Option<Vec<TaskId>> {
        let acceptance = accept.acceptances.get_mut(self.acceptance)?;
        let Some((launch_index, task)) = self.launch else {
            let launches = accept.acceptances.remove(self.acceptance).launches;
            return Some(launches.iter().flat_map(|launch| &launch.tasks).map(|task| task.id.clone()).collect());
        };
        let launch = acceptance.launches.get_mut(launch_index)?;
        match task.filter(|_| !launch.group && launch.tasks.len() > 1) {
            Some(task) if task < launch.tasks.len() => Some(vec![launch.tasks.remove(task).id.clone()]),
            Some(_) => None,
            None => {
                let tasks = acceptance.launches.remove(launch_index).tasks;
                Some(tasks.iter().map(|task| task.id.clone()).collect())
            }
        }
    }
}

fn index(part: &str, name: &str) -> Option<usize> {
    part.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read() {
        let place = |acceptance, launch| Some(Place { acceptance, launch });
        assert_eq!(Place::read("accepts[3].operations[1].launch.tasks[2].command"), place(3, Some((1, Some(2)))));
        assert_eq!(Place::read("accepts[3].operations[1].launch.executor.id"), place(3, Some((1, None))));
        assert_eq!(Place::read("accepts[0].offer_ids[1]"), place(0, None));
        assert_eq!(Place::read("session_id"), None);
    }
}
