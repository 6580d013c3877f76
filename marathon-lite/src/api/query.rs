//! What stands behind the question mark, as Marathon's clients write it.

use super::path::decode;

/// The parameters of a request, in their order; a name may come several times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=b&c=d`. Nothing is refused: what is no pair is a name without a value.
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name, true), decode(value, true))
        };
        Self(pairs.map(pair).collect())
    }

    /// All values of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a name, if it is not empty.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.value(name).filter(|value| !value.is_empty())
    }

    /// Whether a name is there at all.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// Yes or no as Java reads it: `true` in any case is yes, everything else is no.
    pub(crate) fn flag(&self, name: &str, default: bool) -> bool {
        self.value(name).map_or(default, |value| value.eq_ignore_ascii_case("true"))
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_flags_are_javas() {
        let query = Query::parse("embed=apps.tasks&embed=app.counts&force=True&scale=1&id=%2Fa+b&wipe&&x=");
        assert_eq!(query.all("embed").collect::<Vec<_>>(), ["apps.tasks", "app.counts"]);
        assert!(query.flag("force", false), "requests of Python write True");
        assert!(!query.flag("scale", true), "a number is no yes");
        assert!(!query.flag("wipe", true), "a name without a value is no yes");
        assert!(query.flag("other", true) && !query.flag("other", false));
        assert_eq!(query.first("id"), Some("/a b"));
        assert!(query.first("x").is_none() && query.has("x") && !query.has("y"));
        assert_eq!(Query::parse(""), Query::default());
    }
}
