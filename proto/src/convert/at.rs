//! Where in a message something stands: kept on the stack while reading, spelled out only when something is wrong.

use std::fmt;

/// A message of the wire that cannot be taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Invalid {
    /// The path of the field that is wrong, such as `accepts[0].operations[1].launch.tasks[2].resources[0].name`.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A place in a message.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    parent: Option<&'a At<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Field(&'static str),
    Index(usize),
    Key(&'a str),
}

impl At<'static> {
    pub(crate) const fn root() -> Self {
        Self { parent: None, step: Step::Root }
    }
}

impl At<'_> {
    /// The field of this name in here.
    pub(crate) const fn field(&self, name: &'static str) -> At<'_> {
        At { parent: Some(self), step: Step::Field(name) }
    }

    /// The element with this index in this list.
    pub(crate) const fn index(&self, index: usize) -> At<'_> {
        At { parent: Some(self), step: Step::Index(index) }
    }

    /// The value under this key in this map.
    pub(crate) const fn key<'b>(&'b self, key: &'b str) -> At<'b> {
        At { parent: Some(self), step: Step::Key(key) }
    }

    /// What is here is wrong.
    pub(crate) fn invalid(&self, message: impl fmt::Display) -> Invalid {
        Invalid { field: self.to_string(), message: message.to_string() }
    }

    /// What must be here is not.
    pub(crate) fn missing(&self) -> Invalid {
        self.invalid("is required")
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parent = self.parent.filter(|parent| !matches!(parent.step, Step::Root));
        if let Some(parent) = parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Root => Ok(()),
            Step::Field(name) if parent.is_some() => write!(f, ".{name}"),
            Step::Field(name) => f.write_str(name),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) => write!(f, "[{key:?}]"),
        }
    }
}

/// Reads each element of a list.
pub(crate) fn list<W, D>(
    wire: Vec<W>,
    at: &At<'_>,
    mut read: impl FnMut(W, &At<'_>) -> Result<D, Invalid>,
) -> Result<Vec<D>, Invalid> {
    wire.into_iter().enumerate().map(|(index, item)| read(item, &at.index(index))).collect()
}

/// Reads what may be there.
pub(crate) fn optional<W, D>(
    wire: Option<W>,
    at: &At<'_>,
    read: impl FnOnce(W, &At<'_>) -> Result<D, Invalid>,
) -> Result<Option<D>, Invalid> {
    wire.map(|wire| read(wire, at)).transpose()
}

/// What must be there.
pub(crate) fn required<T>(value: Option<T>, at: &At<'_>) -> Result<T, Invalid> {
    value.ok_or_else(|| at.missing())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_like_the_message() {
        let root = At::root();
        let (tasks, labels) = (root.field("tasks"), root.field("labels"));
        let task = tasks.index(2);
        assert_eq!(task.field("name").to_string(), "tasks[2].name");
        assert_eq!(labels.key("a.b").to_string(), r#"labels["a.b"]"#);
        assert_eq!(root.invalid("is wrong").to_string(), ": is wrong");
    }
}
