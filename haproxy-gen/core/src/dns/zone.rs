//! All records, kept up to date app by app.

use super::{
    Agent, DnsOptions, Kind, Master, Name, Record, Unnamed,
    machines::{Records, agents, masters},
    tasks::app as records_of_app,
};
use crate::source::{App, AppId};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// These records.
    Records(Vec<Record>),
    /// The name is there, but has nothing of that kind (or only names below it).
    NoData,
    /// There is no such name.
    NoSuchName,
    /// The name is not in our domain: it is to be asked of others.
    NotOurs,
}

/// Whose records they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    App(AppId),
    Agents,
    Masters,
}

/// All records. A change costs what changed, a question the depth of a tree.
#[derive(Debug, Clone)]
pub struct Zone {
    options: DnsOptions,
    /// The addresses of hosts that tasks name.
    hosts: BTreeMap<String, IpAddr>,
    records: BTreeMap<Name, BTreeMap<Owner, Vec<Record>>>,
    /// The names that each has records of.
    names: BTreeMap<Owner, BTreeSet<Name>>,
    serial: u32,
}

impl Zone {
    /// A zone without records.
    #[must_use]
    pub fn new(options: DnsOptions) -> Self {
        Self { options, hosts: BTreeMap::new(), records: BTreeMap::new(), names: BTreeMap::new(), serial: 1 }
    }

    /// The zone's serial number: another one whenever something is different.
    #[must_use]
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// The domain that is answered for.
    #[must_use]
    pub fn domain(&self) -> &Name {
        self.options.domain()
    }

    /// Takes an app as it is now, and says what of it has no name.
    pub fn update_app(&mut self, app: &App) -> Vec<Unnamed> {
        let mut unnamed = Vec::new();
        let records = records_of_app(app, &self.hosts, &self.options, &mut unnamed);
        self.replace(Owner::App(app.id.clone()), records);
        unnamed
    }

    /// Forgets an app.
    pub fn remove_app(&mut self, id: &AppId) {
        self.replace(Owner::App(id.clone()), Records::new());
    }

    /// Takes the agents as they are now. Apps whose tasks name a new host are to be updated after that.
    pub fn set_agents(&mut self, list: &[Agent]) -> Vec<Unnamed> {
        for agent in list {
            self.hosts.insert(agent.host.clone(), agent.address);
        }
        let mut unnamed = Vec::new();
        let records = agents(list, &self.options, &mut unnamed);
        self.replace(Owner::Agents, records);
        unnamed
    }

    /// Tells the addresses of hosts that are not among the agents.
    pub fn set_hosts(&mut self, hosts: impl IntoIterator<Item = (String, IpAddr)>) {
        self.hosts.extend(hosts);
    }

    /// Takes the masters as they are now.
    pub fn set_masters(&mut self, list: &[Master]) {
        // Only a domain that is itself too long could fail; it was checked.
        if let Ok(records) = masters(list, &self.options) {
            self.replace(Owner::Masters, records);
        }
    }

    /// Answers a question.
    #[must_use]
    pub fn lookup(&self, name: &Name, kind: Kind) -> Answer {
        if !name.is_within(self.options.domain()) {
            return Answer::NotOurs;
        }
        let Some(owners) = self.records.get(name) else {
            let below = name.below();
            let first = self.records.range(&below..).next();
            let is_between = name == self.options.domain() || first.is_some_and(|(other, _)| below.begins(other));
            return if is_between { Answer::NoData } else { Answer::NoSuchName };
        };
        let found: BTreeSet<&Record> = owners.values().flatten().filter(|record| record.is(kind)).collect();
        if found.is_empty() {
            return Answer::NoData;
        }
        Answer::Records(found.into_iter().cloned().collect())
    }

    /// The addresses of the hosts that these records name, to be sent along.
    #[must_use]
    pub fn additional(&self, records: &[Record]) -> Vec<(Name, Record)> {
        let targets: BTreeSet<&Name> = records
            .iter()
            .filter_map(|record| match record {
                Record::Srv { target, .. } => Some(target),
                Record::A(_) | Record::Aaaa(_) => None,
            })
            .collect();
        let with_name = |name: &Name| match self.lookup(name, Kind::Any) {
            Answer::Records(records) => records.into_iter().map(|record| (name.clone(), record)).collect(),
            _ => Vec::new(),
        };
        targets.into_iter().flat_map(with_name).collect()
    }

    /// All names with their records, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, BTreeSet<&Record>)> {
        self.records.iter().map(|(name, owners)| (name, owners.values().flatten().collect()))
    }

    fn replace(&mut self, owner: Owner, records: Records) {
        let mut changed = false;
        for name in self.names.remove(&owner).unwrap_or_default() {
            if records.contains_key(&name) {
                continue;
            }
            changed = true;
            if let Some(owners) = self.records.get_mut(&name) {
                owners.remove(&owner);
                if owners.is_empty() {
                    self.records.remove(&name);
                }
            }
        }
        let mut names = BTreeSet::new();
        for (name, records) in records.into_iter().filter(|(_, records)| !records.is_empty()) {
            let owners = self.records.entry(name.clone()).or_default();
            if owners.get(&owner) != Some(&records) {
                owners.insert(owner.clone(), records);
                changed = true;
            }
            names.insert(name);
        }
        if !names.is_empty() {
            self.names.insert(owner, names);
        }
        if changed {
            self.serial = self.serial.wrapping_add(1);
        }
    }
}
