//! Names of apps and their tasks.

use super::{DnsOptions, Record, Unnamed, machines::Records};
use crate::source::{App, Network, Task, TaskState, Verdict};
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, net::IpAddr};

/// The records of one app.
pub(super) fn app(
    app: &App,
    hosts: &BTreeMap<String, IpAddr>,
    options: &DnsOptions,
    unnamed: &mut Vec<Unnamed>,
) -> Records {
    let mut records = Records::new();
    let stem = app.id.segments().rev().collect::<Vec<_>>().join(".");
    for task in app.tasks.values().filter(|task| has_name(app, task, options)) {
        if let Err(why) = add(app, task, &stem, hosts, options, &mut records) {
            // All tasks of an app fail alike: their names only differ in a few letters.
            unnamed.push(Unnamed { app: Some(app.id.clone()), why });
            break;
        }
    }
    records
}

fn has_name(app: &App, task: &Task, options: &DnsOptions) -> bool {
    let healthy = !options.healthy_only || app.checks.is_empty() || task.verdict == Verdict::Alive;
    // Names are kept for a while by those who asked: a task that is about to end must not be given out any more.
    healthy && task.state == TaskState::Running
}

fn add(
    app: &App,
    task: &Task,
    stem: &str,
    hosts: &BTreeMap<String, IpAddr>,
    options: &DnsOptions,
    records: &mut Records,
) -> Result<(), String> {
    let agent = task.host.parse().ok().or_else(|| hosts.get(&task.host).copied());
    let own: Vec<IpAddr> = if app.network == Network::Container { task.addresses.clone() } else { Vec::new() };
    let addresses = if own.is_empty() { agent.into_iter().collect() } else { own.clone() };
    let instance = format!("{stem}-{}{}", short(&task.id.0), agent_part(task));
    for name in [stem, &instance] {
        let entry = records.entry(options.task(name)?).or_default();
        entry.extend(addresses.iter().copied().map(Record::address));
        if let Some(agent) = agent {
            records.entry(options.task_agent(name)?).or_default().push(Record::address(agent));
        }
    }
    if addresses.is_empty() {
        return Ok(());
    }
    let target = options.task(&instance)?;
    for (index, port) in app.ports.iter().enumerate() {
        let given = task.ports.get(index).copied();
        let number = if own.is_empty() { given } else { port.container.or(given) };
        let Some(number) = number.filter(|number| *number != 0) else {
            continue;
        };
        let record = Record::Srv { port: number, target: target.clone() };
        for (protocol, carried) in [("tcp", port.protocol.has_tcp()), ("udp", port.protocol.has_udp())] {
            if !carried {
                continue;
            }
            records.entry(options.task(&format!("_{stem}._{protocol}"))?).or_default().push(record.clone());
            if let Some(name) = &port.name {
                let name = options.task(&format!("_{name}._{stem}._{protocol}"))?;
                records.entry(name).or_default().push(record.clone());
            }
        }
    }
    Ok(())
}

/// A few letters that follow from a task's id. Eight of 32 keep any two tasks of one app apart.
fn short(id: &str) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let digest = Sha256::digest(id.as_bytes());
    digest.iter().take(8).map(|byte| char::from(LETTERS[usize::from(*byte & 31)])).collect()
}

/// The last part of the agent's id, as in `-s12`.
fn agent_part(task: &Task) -> String {
    let last = task.agent.as_deref().and_then(|id| id.rsplit('-').next()).unwrap_or_default();
    let plain: String = last.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    if plain.is_empty() { String::new() } else { format!("-{}", plain.to_ascii_lowercase()) }
}
