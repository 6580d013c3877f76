//! Names of things. Each kind is a type of its own, so that one cannot be passed for another.

use std::{borrow::Borrow, fmt, sync::Arc};

/// Longest id accepted, in bytes. Ids become file names, and most file systems end at 255.
pub const ID_BYTES_MAX: usize = 255;

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// The text is empty.
    #[error("must not be empty")]
    Empty,
    /// The text has more than [`ID_BYTES_MAX`] bytes.
    #[error("has {0} bytes, at most {ID_BYTES_MAX} are allowed")]
    TooLong(usize),
    /// The text contains a character that cannot stand in a file name or a terminal line.
    #[error("contains {0:?}; '/', '\\' and control characters are not allowed")]
    Character(char),
    /// The text is `.` or `..`, which name directories.
    #[error("must not be '.' or '..'")]
    Dots,
}

/// Checks the rules every id obeys (those of Mesos: `src/common/validation.cpp`).
///
/// # Errors
/// The first rule that the text breaks.
pub fn validate_id(text: &str) -> Result<(), InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty);
    }
    if text.len() > ID_BYTES_MAX {
        return Err(InvalidId::TooLong(text.len()));
    }
    if text == "." || text == ".." {
        return Err(InvalidId::Dots);
    }
    match text.chars().find(|c| matches!(c, '/' | '\\') || c.is_control()) {
        Some(character) => Err(InvalidId::Character(character)),
        None => Ok(()),
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id that `text` spells.
            ///
            /// # Errors
            /// The rule of [`validate_id`] that it breaks.
            pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidId> {
                validate_id(text.as_ref())?;
                Ok(Self(Arc::from(text.as_ref())))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }
    };
}

text_id! {
    /// A cluster: the first entry of its log, drawn at random once. Whoever holds another one belongs elsewhere.
    ClusterId
}
text_id! {
    /// An agent, named by the master that admitted it; it lives in the agent's work directory and survives restarts.
    AgentId
}
text_id! {
    /// A framework, named by the master at its first subscription.
    FrameworkId
}
text_id! {
    /// A task, named by its framework and unique within it for ever.
    TaskId
}
text_id! {
    /// An executor, unique within its framework on one agent.
    ExecutorId
}
text_id! {
    /// An offer of one epoch.
    OfferId
}
text_id! {
    /// One subscription of a scheduler to one master; every call of it carries this.
    SessionId
}
text_id! {
    /// Chosen by a client to make a retried call answer what the first one did.
    RequestId
}
text_id! {
    /// Who caused an input or a stored record.
    Principal
}

impl Principal {
    /// Whoever has not said who they are.
    #[must_use]
    pub fn anonymous() -> Self {
        Self(Arc::from("anonymous"))
    }
}

impl ExecutorId {
    /// The executor built into Proffer, one per framework and agent.
    #[must_use]
    pub fn built_in() -> Self {
        Self(Arc::from("built-in"))
    }

    /// Whether this names the executor built into Proffer.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        &*self.0 == "built-in"
    }
}

/// The term of a leader. A later leader has a higher one; agents refuse lower ones than they have seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A role: a path such as `research/physics` in the tree by which resources are shared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(Arc<str>);

/// Why a text is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRole {
    /// A part between slashes is empty, `.`, `..` or `*`, begins with `-`, or has a space, backslash or control
    /// character.
    #[error(
        "role {role:?}: part {part:?} is not allowed; parts are non-empty words without spaces, not '.', '..', '*', nor beginning with '-'"
    )]
    Part {
        /// The whole text.
        role: String,
        /// The part that is wrong.
        part: String,
    },
}

impl Role {
    /// The role `*`, of whoever names none.
    #[must_use]
    pub fn any() -> Self {
        Self(Arc::from("*"))
    }

    /// The role that `text` spells (the rules of Mesos: `src/common/roles.cpp`).
    ///
    /// # Errors
    /// The part of the path that is not allowed.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidRole> {
        let text = text.as_ref();
        if text == "*" {
            return Ok(Self::any());
        }
        for part in text.split('/') {
            let wrong = matches!(part, "" | "." | ".." | "*")
                || part.starts_with('-')
                || part.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\');
            if wrong {
                return Err(InvalidRole::Part { role: text.to_owned(), part: part.to_owned() });
            }
        }
        Ok(Self(Arc::from(text)))
    }

    /// The role as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `*`.
    #[must_use]
    pub fn is_any(&self) -> bool {
        &*self.0 == "*"
    }

    /// The role one level up; none for a top-level role.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(Arc::from(parent)))
    }

    /// Whether this role is `other` or stands below it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self == other || self.0.strip_prefix(&*other.0).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Role {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_file_names() {
        assert_eq!(TaskId::new(""), Err(InvalidId::Empty));
        assert_eq!(TaskId::new(".."), Err(InvalidId::Dots));
        assert_eq!(TaskId::new("a/b"), Err(InvalidId::Character('/')));
        assert_eq!(TaskId::new("x".repeat(256)), Err(InvalidId::TooLong(256)));
        assert_eq!(TaskId::new("web.1").unwrap().as_str(), "web.1");
    }

    #[test]
    fn roles_are_paths() {
        let role = Role::new("a/b/c").unwrap();
        assert!(role.is_within(&Role::new("a/b").unwrap()));
        assert!(!Role::new("ab").unwrap().is_within(&Role::new("a").unwrap()));
        assert_eq!(role.parent().unwrap().as_str(), "a/b");
        for wrong in ["", "a//b", "-a", "a b", "a/*", "a/.."] {
            assert!(Role::new(wrong).is_err(), "{wrong:?}");
        }
    }
}
