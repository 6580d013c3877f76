//! HAProxy's maps: routes that change without a reload.

use crate::model::Routes;
use std::collections::BTreeMap;

/// One of the maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Map {
    /// By name.
    Domains,
    /// By name and the beginning of the path.
    Paths,
    /// By the id of an app.
    Apps,
}

impl Map {
    /// All maps.
    pub const ALL: [Self; 3] = [Self::Domains, Self::Paths, Self::Apps];

    /// The name of its file, as marathon-lb has it.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Domains => "domain2backend.map",
            Self::Paths => "path2backend.map",
            Self::Apps => "app2backend.map",
        }
    }

    /// Its path, by which commands name it too.
    #[must_use]
    pub fn path(self, directory: &str) -> String {
        format!("{}/{}", directory.trim_end_matches('/'), self.file_name())
    }
}

/// What is in the maps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maps(pub BTreeMap<Map, BTreeMap<String, String>>);

impl Maps {
    pub(super) fn of(routes: &Routes) -> Self {
        Self(BTreeMap::from([
            (Map::Domains, routes.domains.clone()),
            (Map::Paths, routes.paths.clone()),
            (Map::Apps, routes.apps.clone()),
        ]))
    }

    /// The entries of one map.
    pub fn entries(&self, map: Map) -> impl Iterator<Item = (&str, &str)> {
        self.0.get(&map).into_iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The text of its file.
    #[must_use]
    pub fn text(&self, map: Map) -> String {
        self.entries(map).map(|(key, value)| format!("{key} {value}\n")).collect()
    }
}

/// Reads the text of a map's file back.
#[must_use]
pub fn parse_map(text: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| line.split_once(' ').map(|(key, value)| (key.to_owned(), value.trim().to_owned()));
    text.lines().filter(|line| !line.starts_with('#')).filter_map(pair).collect()
}
