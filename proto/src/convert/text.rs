//! Texts, ids, paths and numbers that obey a rule.

use super::{Invalid, at::At};
use proto_types::{ExecutorId, FrameworkId, Labels, OfferId, Principal, Role, TaskId, ids::InvalidId, task::TaskKey};
use std::{collections::BTreeMap, str::FromStr, time::Duration};

/// An id that must be there.
pub(crate) fn id<T: FromStr<Err = InvalidId>>(text: &str, at: &At<'_>) -> Result<T, Invalid> {
    text.parse().map_err(|error| at.invalid(error))
}

/// An id that is empty if there is none.
pub(crate) fn optional_id<T: FromStr<Err = InvalidId>>(text: &str, at: &At<'_>) -> Result<Option<T>, Invalid> {
    if text.is_empty() { Ok(None) } else { id(text, at).map(Some) }
}

/// Ids of tasks.
pub(crate) fn task_ids(texts: Vec<String>, at: &At<'_>) -> Result<Vec<TaskId>, Invalid> {
    super::at::list(texts, at, |text, at| id(&text, at))
}

/// Ids of offers.
pub(crate) fn offer_ids(texts: Vec<String>, at: &At<'_>) -> Result<Vec<OfferId>, Invalid> {
    super::at::list(texts, at, |text, at| id(&text, at))
}

/// A task among all tasks, from the two fields of `at` that name it.
pub(crate) fn task_key(framework: &str, task: &str, at: &At<'_>) -> Result<TaskKey, Invalid> {
    Ok(TaskKey { framework: framework_id(framework, at)?, task: id(task, &at.field("task_id"))? })
}

/// The field `framework_id` of `at`.
pub(crate) fn framework_id(text: &str, at: &At<'_>) -> Result<FrameworkId, Invalid> {
    id(text, &at.field("framework_id"))
}

/// The field `executor_id` of `at`.
pub(crate) fn executor_id(text: &str, at: &At<'_>) -> Result<ExecutorId, Invalid> {
    id(text, &at.field("executor_id"))
}

/// A principal; empty: whoever has not said who they are.
pub(crate) fn principal(text: &str, at: &At<'_>) -> Result<Principal, Invalid> {
    if text.is_empty() { Ok(Principal::anonymous()) } else { id(text, at) }
}

/// A role that must be there.
pub(crate) fn role(text: &str, at: &At<'_>) -> Result<Role, Invalid> {
    Role::new(text).map_err(|error| at.invalid(error))
}

/// Roles, each once.
pub(crate) fn roles(texts: Vec<String>, at: &At<'_>) -> Result<Vec<Role>, Invalid> {
    let mut roles: Vec<Role> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let at = at.index(index);
        let role = role(text, &at)?;
        if roles.contains(&role) {
            return Err(at.invalid(format_args!("role {role} stands here twice; name each role once")));
        }
        roles.push(role);
    }
    Ok(roles)
}

/// A text that must not be empty.
pub(crate) fn filled(text: String, at: &At<'_>) -> Result<String, Invalid> {
    if text.is_empty() { Err(at.missing()) } else { without_nul(text, at) }
}

/// A text that is absent rather than empty.
pub(crate) fn optional_filled(text: Option<String>, at: &At<'_>) -> Result<Option<String>, Invalid> {
    match text {
        Some(text) if text.is_empty() => Err(at.invalid("must not be empty; leave it out to say nothing")),
        Some(text) => without_nul(text, at).map(Some),
        None => Ok(None),
    }
}

/// The name of a user.
pub(crate) fn user(text: Option<String>, at: &At<'_>) -> Result<Option<String>, Invalid> {
    match optional_filled(text, at)? {
        Some(user) if user.contains(|c: char| matches!(c, '/' | ':') || c.is_whitespace() || c.is_control()) => {
            Err(at.invalid(format_args!("{user:?} is no user; write a name or a number")))
        }
        user => Ok(user),
    }
}

/// A text that a program can take as an argument or a variable.
pub(crate) fn without_nul(text: String, at: &At<'_>) -> Result<String, Invalid> {
    if text.contains('\0') { Err(at.invalid("must not contain a NUL character")) } else { Ok(text) }
}

/// The variables of a process.
pub(crate) fn environment(
    variables: BTreeMap<String, String>,
    at: &At<'_>,
) -> Result<BTreeMap<String, String>, Invalid> {
    for (name, value) in &variables {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(at.key(name).invalid("a variable's name must not be empty nor contain '=' or NUL"));
        }
        if value.contains('\0') {
            return Err(at.key(name).invalid("must not contain a NUL character"));
        }
    }
    Ok(variables)
}

/// Labels: names must not be empty.
pub(crate) fn labels(labels: Labels, at: &At<'_>) -> Result<Labels, Invalid> {
    if labels.contains_key("") { Err(at.key("").invalid("a label's name must not be empty")) } else { Ok(labels) }
}

/// Whether a relative path stays below where it starts.
pub(crate) fn stays_inside(path: &str) -> bool {
    !path.starts_with('/') && !path.contains('\0') && path.split('/').all(|part| part != "..")
}

/// A path that stays in the sandbox.
pub(crate) fn sandbox_path(path: String, at: &At<'_>) -> Result<String, Invalid> {
    if stays_inside(&path) {
        Ok(path)
    } else {
        Err(at.invalid(format_args!("{path:?} leads out of the sandbox; write a relative path without '..'")))
    }
}

/// A path from the root.
pub(crate) fn absolute_path(path: String, at: &At<'_>) -> Result<String, Invalid> {
    if path.starts_with('/') && !path.contains('\0') {
        Ok(path)
    } else {
        Err(at.invalid(format_args!("{path:?} must be an absolute path, such as /data")))
    }
}

/// A TCP or UDP port.
pub(crate) fn port(number: u32, at: &At<'_>) -> Result<u16, Invalid> {
    match u16::try_from(number) {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(at.invalid(format_args!("{number} is no port; ports are 1 to 65535"))),
    }
}

/// Milliseconds as a duration.
pub(crate) const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A duration in milliseconds; what is longer than the wire can say becomes the longest it can.
pub(crate) fn to_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// An id or nothing, as the wire has it: empty is none.
pub(crate) fn or_empty(id: Option<impl ToString>) -> String {
    id.map_or_else(String::new, |id| id.to_string())
}

/// Checks that a thing stays so small that it can be stored, or sent among others, whole.
pub(crate) fn check_size(thing: &impl prost::Message, most: usize, at: &At<'_>) -> Result<(), Invalid> {
    let length = thing.encoded_len();
    if length > most {
        return Err(at.invalid(format_args!("has {length} bytes in all, at most {most} are allowed")));
    }
    Ok(())
}

/// The bytes of a message between a scheduler and an executor.
pub(crate) fn message_data(data: Vec<u8>, at: &At<'_>) -> Result<Vec<u8>, Invalid> {
    if data.len() > super::MESSAGE_BYTES_MAX {
        let (length, most) = (data.len(), super::MESSAGE_BYTES_MAX);
        return Err(at.invalid(format_args!("has {length} bytes, at most {most} are allowed")));
    }
    Ok(data)
}

/// Texts of things.
pub(crate) fn texts<T: ToString>(things: impl IntoIterator<Item = T>) -> Vec<String> {
    things.into_iter().map(|thing| thing.to_string()).collect()
}
