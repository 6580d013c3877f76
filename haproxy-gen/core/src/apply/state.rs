//! What HAProxy says about itself.

use super::{
    ServerKey,
    stats::{Unreadable, csv_rows},
};
use crate::{model::ServerState, render::Map};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// The state HAProxy is in, as far as it can be changed while it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Running {
    /// The backends it has.
    pub backends: BTreeSet<String>,
    /// Their servers.
    pub servers: BTreeMap<ServerKey, RunningServer>,
    /// Its maps. Each key has all its values: HAProxy lets a key come twice, and takes the first.
    pub maps: BTreeMap<Map, BTreeMap<String, Vec<String>>>,
}

/// A server as HAProxy has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningServer {
    /// Its number.
    pub id: u32,
    /// Its address; none if HAProxy knows it by a name it has not resolved.
    pub address: Option<IpAddr>,
    /// Its port.
    pub port: u16,
    /// Its share as it was set.
    pub weight: u16,
    /// What it gets.
    pub state: ServerState,
    /// Sessions it has, and those that wait for it.
    pub sessions: u64,
}

/// Bits of the administrative state: in maintenance by command, by a tracked server, by resolution. 0x04 only remembers
/// that the file said so.
const MAINTENANCE: u32 = 0x01 | 0x02 | 0x20 | 0x40;

/// The same for draining.
const DRAIN: u32 = 0x08 | 0x10;

impl Running {
    /// Puts together what `show servers state`, `show stat` and `show map` (of each map) say.
    ///
    /// # Errors
    /// The answer that cannot be read.
    pub fn read(servers: &str, stats: &str, maps: &BTreeMap<Map, String>) -> Result<Self, Unreadable> {
        let mut running = Self { servers: parse_servers(servers)?, ..Self::default() };
        let (backends, sessions) = parse_stats(stats)?;
        running.backends = backends;
        for (key, number) in sessions {
            if let Some(server) = running.servers.get_mut(&key) {
                server.sessions = number;
            }
        }
        running.maps = maps.iter().map(|(map, text)| (*map, parse_map_dump(text))).collect();
        Ok(running)
    }

    /// The servers of one backend.
    pub fn servers_of<'a>(&'a self, backend: &'a str) -> impl Iterator<Item = (&'a ServerKey, &'a RunningServer)> {
        let first = ServerKey { backend: backend.to_owned(), server: String::new() };
        self.servers.range(first..).take_while(move |(key, _)| key.backend == backend)
    }
}

/// Reads the answer to `show servers state`.
///
/// # Errors
/// If it is of another version of the format, or cut.
pub fn parse_servers(text: &str) -> Result<BTreeMap<ServerKey, RunningServer>, Unreadable> {
    let unreadable = |why: String| Unreadable { command: "show servers state", why };
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let version = lines.next().unwrap_or_default().trim();
    if version != "1" {
        return Err(unreadable(format!("its format is \"{}\" and not 1", version.escape_debug())));
    }
    let mut servers = BTreeMap::new();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (key, server) =
            server_of(&words).ok_or_else(|| unreadable(format!("its line \"{}\"", line.escape_debug())))?;
        servers.insert(key, server);
    }
    Ok(servers)
}

/// The columns are backend's number and name, server's number, name and address, operational and administrative state,
/// weight as set and as configured, ten more, name to resolve, port.
fn server_of(words: &[&str]) -> Option<(ServerKey, RunningServer)> {
    let [_, backend, id, name, address, _, admin, weight, ..] = words else {
        return None;
    };
    let admin: u32 = admin.parse().ok()?;
    let state = match (admin & MAINTENANCE, admin & DRAIN) {
        (0, 0) => ServerState::Ready,
        (0, _) => ServerState::Drain,
        _ => ServerState::Maintenance,
    };
    let server = RunningServer {
        id: id.parse().ok()?,
        address: address.parse().ok(),
        port: words.get(18)?.parse().ok()?,
        weight: weight.parse().ok()?,
        state,
        sessions: 0,
    };
    Some((ServerKey { backend: (*backend).to_owned(), server: (*name).to_owned() }, server))
}

/// What `show stat` says: all backends, and what each server has to do.
///
/// # Errors
/// If it is no such table.
pub fn parse_stats(text: &str) -> Result<(BTreeSet<String>, BTreeMap<ServerKey, u64>), Unreadable> {
    let mut backends = BTreeSet::new();
    let mut sessions = BTreeMap::new();
    for row in csv_rows(text)? {
        let field = |name: &str| row.get(name).map_or("", String::as_str);
        let number = |name: &str| field(name).parse::<u64>().unwrap_or(0);
        let backend = field("pxname").to_owned();
        match field("svname") {
            "FRONTEND" => {}
            "BACKEND" => {
                backends.insert(backend);
            }
            server => {
                let key = ServerKey { backend, server: server.to_owned() };
                sessions.insert(key, number("scur") + number("qcur"));
            }
        }
    }
    Ok((backends, sessions))
}

/// Reads the answer to `show map <path>`: lines of an address, the key and the value.
#[must_use]
pub fn parse_map_dump(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut entries: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.splitn(3, ' ');
        if let (Some(place), Some(key), Some(value)) = (words.next(), words.next(), words.next())
            && place.starts_with("0x")
        {
            entries.entry(key.to_owned()).or_default().push(value.trim_end().to_owned());
        }
    }
    entries
}
