//! The entries of the maps.

use super::{Command, Running};
use crate::render::{Map, Maps};

/// The commands that make the maps in HAProxy's memory say what is wanted.
pub(super) fn maps(wanted: &Maps, running: &Running, directory: &str) -> Vec<Vec<Command>> {
    let mut groups = Vec::new();
    for map in Map::ALL {
        // A map that no frontend reads is not in HAProxy's memory.
        let Some(present) = running.maps.get(&map) else {
            continue;
        };
        let path = || map.path(directory);
        for (key, value) in wanted.entries(map) {
            let (key, value) = (key.to_owned(), value.to_owned());
            match present.get(&key) {
                None => groups.push(vec![Command::AddMap { map: path(), key, value }]),
                // One command sets all entries of the key.
                Some(values) if values.iter().any(|other| *other != value) => {
                    groups.push(vec![Command::SetMap { map: path(), key, value }]);
                }
                Some(_) => {}
            }
        }
        let wanted = |key: &&String| wanted.0.get(&map).is_some_and(|entries| entries.contains_key(*key));
        for key in present.keys().filter(|key| !wanted(key)) {
            groups.push(vec![Command::DeleteMap { map: path(), key: key.clone() }]);
        }
    }
    groups
}
