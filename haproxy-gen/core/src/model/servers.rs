//! The servers of a service.

use super::{Options, Report, Server, ServerState, deployment::Candidate, health::Asked};
use crate::{
    labels::{Effect, shown},
    source::{App, Digest, Network, Task, TaskState, Verdict},
};
use std::{collections::BTreeMap, collections::BTreeSet, net::IpAddr};

/// What the servers of one service have in common.
pub(super) struct Common<'a> {
    pub(super) index: u32,
    pub(super) asked: Asked,
    pub(super) weight: u16,
    pub(super) sticky: bool,
    pub(super) options: &'a Options,
}

/// The servers for one port of an app and of those that it replaces.
pub(super) fn servers_of(
    candidate: &Candidate,
    common: &Common<'_>,
    reports: &mut Vec<Report>,
) -> BTreeMap<String, Server> {
    let mut servers: BTreeMap<String, Server> = BTreeMap::new();
    for app in candidate.former.iter().map(|former| &former.app).chain([&candidate.current.app]) {
        for task in app.tasks.values().filter(|task| is_served(app, task, common.options)) {
            let place = match place_of(app, task, common) {
                Ok(Some(place)) => place,
                Ok(None) => continue,
                Err(why) => {
                    reports.push(unreachable(app, task, common.index, why));
                    continue;
                }
            };
            let mut server = server_at(task, place, common);
            if candidate.retired.contains(&task.id) {
                server.state = ServerState::Maintenance;
            }
            // Two tasks at one place: the one that is being killed is the former holder.
            let held = servers.get(&server.name).is_some_and(|other| other.state < server.state);
            if !held {
                servers.insert(server.name.clone(), server);
            }
        }
    }
    number(&mut servers);
    servers
}

/// Where a task is reached.
struct Place {
    address: IpAddr,
    port: u16,
    check_port: Option<u16>,
}

fn is_served(app: &App, task: &Task, options: &Options) -> bool {
    !options.healthy_only || app.checks.is_empty() || task.verdict == Verdict::Alive
}

fn server_at(task: &Task, place: Place, common: &Common<'_>) -> Server {
    let state = match task.state {
        TaskState::Running => ServerState::Ready,
        // While it drains a server still gets the clients whose cookie names it, for as long as they come.
        TaskState::Killing if common.sticky => ServerState::Maintenance,
        TaskState::Killing => ServerState::Drain,
    };
    Server {
        name: name_of(task, place.address, place.port),
        task: task.id.clone(),
        id: 0,
        address: place.address,
        port: place.port,
        check_port: place.check_port,
        weight: common.weight,
        state,
    }
}

/// `<host>_<address>_<port>`, as marathon-lb names servers; the host only where it is a name.
fn name_of(task: &Task, address: IpAddr, port: u16) -> String {
    let named = task.host.parse::<IpAddr>().is_err() && !task.host.is_empty();
    let text = if named { format!("{}_{address}_{port}", task.host) } else { format!("{address}_{port}") };
    text.chars().map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' }).collect()
}

/// Where a port of a task is; nothing if the task has no such port.
fn place_of(app: &App, task: &Task, common: &Common<'_>) -> Result<Option<Place>, String> {
    let own = (app.network == Network::Container).then(|| task.addresses.first().copied()).flatten();
    let address = match own {
        Some(address) => address,
        None => match task.host.parse() {
            Ok(address) => address,
            Err(_) => *common
                .options
                .hosts
                .get(&task.host)
                .ok_or_else(|| format!("the address of its host \"{}\" is not known", shown(&task.host)))?,
        },
    };
    let port_at = |index: u32| {
        let index = usize::try_from(index).ok()?;
        let inside = app.ports.get(index).and_then(|port| port.container);
        let given = task.ports.get(index).copied();
        if own.is_some() { inside.or(given) } else { given }.filter(|port| *port != 0)
    };
    let Some(port) = port_at(common.index) else {
        return Ok(None);
    };
    let check_port = match common.asked {
        Asked::Same => None,
        Asked::Index(index) => port_at(index),
        Asked::Fixed(port) => Some(port),
    };
    Ok(Some(Place { address, port, check_port: check_port.filter(|check| *check != port) }))
}

fn unreachable(app: &App, task: &Task, index: u32, why: String) -> Report {
    Report {
        app: app.id.clone(),
        port: Some(index),
        label: format!("task {}", shown(&task.id.0)),
        why,
        remedy: "make the host's name resolve on the load balancer's machine".to_owned(),
        effect: Effect::TaskLeftOut,
    }
}

/// Numbers that follow from the names, so that neither a reload nor a server's return moves clients to others.
fn number(servers: &mut BTreeMap<String, Server>) {
    let mut taken = BTreeSet::new();
    for (name, server) in servers {
        // HAProxy keeps the number in an int and takes none below 1.
        let mut id = u32::try_from(Digest::of(name).number() % 0x7fff_ffff).unwrap_or(0) + 1;
        while !taken.insert(id) {
            id = id % 0x7fff_ffff + 1;
        }
        server.id = id;
    }
}
