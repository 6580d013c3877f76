//! The ids of tasks: which app or pod they belong to can be read off them.
//!
//! `<safe path>.<uuid>` is what Marathon wrote before 1.4. Clients cut it at the last dot to find the app, so nothing may
//! follow the UUID. Pods are younger than those clients: the tasks of their containers have the container's name behind
//! the id of the instance.

use crate::app::PathId;
use proto_types::{TaskId, ids::InvalidId};

/// Letters of a UUID as text.
const UUID_LENGTH: usize = 36;

/// The id of a new instance. The UUID is drawn by the caller.
///
/// # Errors
/// The rule of ids that the UUID breaks.
pub fn instance_id(app: &PathId, uuid: &str) -> Result<TaskId, InvalidId> {
    TaskId::new(format!("{}.{uuid}", app.safe_path()))
}

/// The id of the task of one container of a pod's instance.
///
/// # Errors
/// The rule of ids that the name breaks.
pub fn container_task_id(instance: &TaskId, container: &str) -> Result<TaskId, InvalidId> {
    TaskId::new(format!("{instance}.{container}"))
}

/// The app or pod that a task was launched for, as its id says; none: the id is of another form.
#[must_use]
pub fn app_of(task: &TaskId) -> Option<PathId> {
    let (prefix, last) = task.as_str().rsplit_once('.')?;
    if is_uuid(last) {
        return PathId::from_safe_path(prefix).ok();
    }
    let (prefix, uuid) = prefix.rsplit_once('.')?;
    is_uuid(uuid).then(|| PathId::from_safe_path(prefix).ok())?
}

fn is_uuid(text: &str) -> bool {
    let well_placed = |(index, byte): (usize, u8)| {
        if matches!(index, 8 | 13 | 18 | 23) { byte == b'-' } else { byte.is_ascii_hexdigit() }
    };
    text.len() == UUID_LENGTH && text.bytes().enumerate().all(well_placed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "083be411-5d1f-11e5-88f7-56b91e7a505b";

    #[test]
    fn the_app_is_what_stands_before_the_last_dot() {
        for path in ["/web", "/shop/eu.west/web.v1"] {
            let app = PathId::parse(path).unwrap();
            let id = instance_id(&app, UUID).unwrap();
            assert_eq!(id.as_str().rsplit_once('.').unwrap().0, app.safe_path());
            assert_eq!(app_of(&id), Some(app.clone()));
            let task = container_task_id(&id, "nginx").unwrap();
            assert_eq!(app_of(&task), Some(app));
        }
    }

    #[test]
    fn ids_of_other_forms_tell_no_app() {
        for text in [
            "web",
            "web.1",
            "web.instance-083be411-5d1f-11e5-88f7-56b91e7a505b",
            "Web.083be411-5d1f-11e5-88f7-56b91e7a505b",
        ] {
            assert_eq!(app_of(&TaskId::new(text).unwrap()), None, "{text}");
        }
    }

    #[test]
    fn the_longest_app_id_makes_a_task_id() {
        let app = PathId::parse(&format!("/{}", "a".repeat(217))).unwrap();
        assert!(instance_id(&app, UUID).is_ok());
    }
}
