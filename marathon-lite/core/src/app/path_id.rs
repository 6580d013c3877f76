//! The ids of apps, pods and groups: paths in a tree.

use std::{fmt, sync::Arc};

/// Longest id accepted, in bytes. A task's id is the app's with 37 bytes after it, and ids of tasks end at 255.
pub const ID_BYTES_MAX: usize = 218;

/// An absolute path such as `/shop/web`, or the root `/`. Cheap to clone.
///
/// Paths are ordered as text, so everything below `/shop` lies between `/shop/` and `/shop0` and is found as a range.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(Arc<str>);

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPathId {
    /// Nothing was written.
    #[error("must not be empty; write an id such as '/shop/web'")]
    Empty,
    /// A part between slashes has letters that are not allowed.
    #[error(
        "must fully match regular expression '^(([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])\\.)*([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])|(\\.|\\.\\.)$'"
    )]
    Segment(String),
    /// It is longer than [`ID_BYTES_MAX`].
    #[error("has {0} bytes, at most {ID_BYTES_MAX} are allowed")]
    TooLong(usize),
    /// It goes above the root.
    #[error("has more '..' than there are groups above it")]
    AboveRoot,
}

impl PathId {
    /// The root group.
    #[must_use]
    pub fn root() -> Self {
        Self(Arc::from("/"))
    }

    /// The path that `text` spells, seen from the root.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidPathId> {
        Self::resolve(text, &Self::root())
    }

    /// The path that `text` spells, seen from `base` if it has no leading slash. `.` and `..` are resolved; empty parts
    /// (doubled and trailing slashes) are left out.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn resolve(text: &str, base: &Self) -> Result<Self, InvalidPathId> {
        if text.is_empty() {
            return Err(InvalidPathId::Empty);
        }
        let mut parts: Vec<&str> = if text.starts_with('/') { Vec::new() } else { base.segments().collect() };
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop().ok_or(InvalidPathId::AboveRoot)?;
                }
                part if is_segment(part) => parts.push(part),
                part => return Err(InvalidPathId::Segment(part.to_owned())),
            }
        }
        let path = format!("/{}", parts.join("/"));
        if path.len() > ID_BYTES_MAX {
            return Err(InvalidPathId::TooLong(path.len()));
        }
        Ok(Self(Arc::from(path)))
    }

    /// The path as text, with its leading slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `/`.
    #[must_use]
    pub fn is_root(&self) -> bool {
        &*self.0 == "/"
    }

    /// The parts between the slashes; none for the root.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|segment| !segment.is_empty())
    }

    /// The last part; none for the root.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.segments().next_back()
    }

    /// The group that this is in; none for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        match self.0.rfind('/') {
            Some(0) | None => Some(Self::root()),
            Some(slash) => Some(Self(Arc::from(&self.0[..slash]))),
        }
    }

    /// The groups that this is in, from the nearest to the root.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(self.parent(), Self::parent)
    }

    /// What `segment` names in this group.
    ///
    /// # Errors
    /// The rule that `segment` breaks.
    pub fn child(&self, segment: &str) -> Result<Self, InvalidPathId> {
        if is_segment(segment) { Self::resolve(segment, self) } else { Err(InvalidPathId::Segment(segment.to_owned())) }
    }

    /// Whether this lies below `group`, at any depth. Nothing lies below itself.
    #[must_use]
    pub fn is_below(&self, group: &Self) -> bool {
        if group.is_root() {
            return !self.is_root();
        }
        self.0.strip_prefix(&*group.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// `/shop/web` as `shop_web`: the beginning of its tasks' ids. No id has a `_`, so this can be turned back.
    #[must_use]
    pub fn safe_path(&self) -> String {
        self.0.trim_start_matches('/').replace('/', "_")
    }

    /// The path whose [`PathId::safe_path`] this is.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn from_safe_path(text: &str) -> Result<Self, InvalidPathId> {
        Self::parse(&text.replace('_', "/"))
    }

    /// `/shop/web` as `web.shop`: the name of its tasks, as DNS has it.
    #[must_use]
    pub fn host_name(&self) -> String {
        self.segments().rev().collect::<Vec<_>>().join(".")
    }

    /// The bounds of everything below this, as text: from the first (inclusive) to the second (exclusive).
    #[must_use]
    pub fn bounds_below(&self) -> (String, String) {
        let prefix = self.0.trim_end_matches('/');
        // '0' is the character after '/'.
        (format!("{prefix}/"), format!("{prefix}0"))
    }
}

/// Whether a part of a path is well formed: labels of small letters, digits and inner dashes, joined by dots.
fn is_segment(segment: &str) -> bool {
    segment.split('.').all(|label| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        !label.is_empty()
            && label.bytes().all(|byte| inner(byte) || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

impl std::borrow::Borrow<str> for PathId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PathId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for PathId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PathId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> PathId {
        PathId::parse(text).unwrap()
    }

    #[test]
    fn relative_paths_are_seen_from_their_group() {
        let group = path("/shop/eu");
        for (text, expected) in [
            ("web", "/shop/eu/web"),
            ("/web", "/web"),
            ("../web", "/shop/web"),
            ("./a/../b", "/shop/eu/b"),
            ("//web//v1/", "/web/v1"),
            ("..", "/shop"),
            ("../..", "/"),
            ("a.b-c.d", "/shop/eu/a.b-c.d"),
        ] {
            assert_eq!(PathId::resolve(text, &group).unwrap().as_str(), expected, "{text}");
        }
        for wrong in ["", "Web", "a_b", "-a", "a-", "a..b", ".a", "a.", "ä", "../../..", "a b", "...", &"a".repeat(218)]
        {
            assert!(PathId::resolve(wrong, &group).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_tree_around_a_path() {
        let web = path("/shop/eu/web");
        assert_eq!(web.name(), Some("web"));
        assert_eq!(web.safe_path(), "shop_eu_web");
        assert_eq!(PathId::from_safe_path("shop_eu_web").unwrap(), web);
        assert_eq!(web.host_name(), "web.eu.shop");
        let above: Vec<String> = web.ancestors().map(|group| group.to_string()).collect();
        assert_eq!(above, ["/shop/eu", "/shop", "/"]);
        assert!(web.is_below(&path("/shop")) && web.is_below(&PathId::root()) && !web.is_below(&web));
        assert!(!path("/shopping").is_below(&path("/shop")));
        assert!(PathId::root().parent().is_none() && !PathId::root().is_below(&PathId::root()));
    }

    #[test]
    fn what_is_below_lies_within_the_bounds() {
        let (from, to) = path("/shop").bounds_below();
        for inside in ["/shop/a", "/shop/a/b", "/shop/0"] {
            assert!(*inside >= *from && *inside < *to, "{inside}");
        }
        for outside in ["/shop", "/shop-a", "/shop.a", "/shop0", "/shopa", "/sho"] {
            assert!(!(*outside >= *from && *outside < *to), "{outside}");
        }
    }
}
