//! Domain names.

use std::fmt;

/// A full name in lower case, kept with its last label first, so that all names below one stand together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// Takes a name as people write it, with or without the dot at its end, in any case.
    ///
    /// # Errors
    /// What is wrong with it: labels have 1 to 63 letters, digits, hyphens and underscores, a name has at most 253.
    pub fn new(text: &str) -> Result<Self, String> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.len() > 253 {
            return Err(format!("the name \"{}\" is longer than 253 letters", text.escape_debug()));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let fits = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(allowed);
        if let Some(label) = text.split('.').find(|label| !fits(label)) {
            let shown = label.escape_debug();
            return Err(format!(
                "the label \"{shown}\" does not have 1 to 63 letters, digits, hyphens and underscores"
            ));
        }
        Ok(Self(reversed(&text.to_ascii_lowercase())))
    }

    /// Whether this is that name or one below it.
    #[must_use]
    pub fn is_within(&self, domain: &Self) -> bool {
        self.0.strip_prefix(&domain.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// The beginning of the names below this one, in the order of names.
    pub(super) fn below(&self) -> Self {
        Self(format!("{}.", self.0))
    }

    pub(super) fn begins(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&reversed(&self.0))
    }
}

fn reversed(text: &str) -> String {
    text.rsplit('.').collect::<Vec<_>>().join(".")
}
