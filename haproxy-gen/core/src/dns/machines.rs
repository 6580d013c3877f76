//! Names of agents and masters.

use super::{DnsOptions, Name, Record, Unnamed};
use std::{collections::BTreeMap, net::IpAddr};

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Agent {
    /// Its id.
    pub id: String,
    /// Its host name, by which tasks name it.
    pub host: String,
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
}

/// A master.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Master {
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Whether it leads.
    pub leading: bool,
}

/// Records by name.
pub(super) type Records = BTreeMap<Name, Vec<Record>>;

/// `agent.proffer` (and Mesos's word for it) has all agents, `<host>.agent.proffer` one.
pub(super) fn agents(agents: &[Agent], options: &DnsOptions, unnamed: &mut Vec<Unnamed>) -> Records {
    let mut records = Records::new();
    for agent in agents {
        let first = agent.host.split('.').next().unwrap_or_default();
        let label = if agent.host.parse::<IpAddr>().is_ok() {
            format!("ip-{}", dashed(agent.address))
        } else {
            first.to_owned()
        };
        for word in ["agent", "slave"] {
            let named = options.machine(&format!("{label}.{word}"));
            let all = [options.machine(word), options.machine(&format!("_{word}._tcp"))];
            match (named, all) {
                (Ok(named), [Ok(all), Ok(ports)]) => {
                    records.entry(named.clone()).or_default().push(Record::address(agent.address));
                    records.entry(all).or_default().push(Record::address(agent.address));
                    records.entry(ports).or_default().push(Record::Srv { port: agent.port, target: named });
                }
                (Err(why), _) => unnamed.push(Unnamed { app: None, why }),
                _ => {}
            }
        }
    }
    records
}

/// `leader.proffer` has the leading master, `master.proffer` all, `master0.proffer` one.
pub(super) fn masters(masters: &[Master], options: &DnsOptions) -> Result<Records, String> {
    let mut records = Records::new();
    let mut sorted: Vec<&Master> = masters.iter().collect();
    sorted.sort();
    for (number, master) in sorted.into_iter().enumerate() {
        let own = options.machine(&format!("master{number}"))?;
        records.entry(own.clone()).or_default().push(Record::address(master.address));
        for (word, is_one) in [("master", true), ("leader", master.leading)] {
            if is_one {
                let ports = options.machine(&format!("_{word}._tcp"))?;
                records.entry(options.machine(word)?).or_default().push(Record::address(master.address));
                records.entry(ports).or_default().push(Record::Srv { port: master.port, target: own.clone() });
            }
        }
    }
    Ok(records)
}

fn dashed(address: IpAddr) -> String {
    address.to_string().replace(['.', ':'], "-")
}
