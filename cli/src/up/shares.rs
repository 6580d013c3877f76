//! Sharing this machine out among agents.

use anyhow::{Context, Result};
use proffer_framework::{ResourceName, Resources};
use std::path::Path;

/// The ports that are shared out.
const PORTS: (u64, u64) = (31000, 31999);

/// The resources of each of so many agents: equal parts of what this machine has.
pub(super) fn shares(agents: u16, directory: &Path) -> Result<Vec<String>> {
    let whole = agent::detect::resources(None, directory).context("this machine's resources")?;
    Ok((0..agents).map(|index| share(&whole, agents, index)).collect())
}

fn share(whole: &Resources, agents: u16, index: u16) -> String {
    let (agents, index) = (u64::from(agents), u64::from(index));
    let cpus = whole.scalar(&ResourceName::Cpus).milli() / agents;
    let part = |name| whole.scalar(&name).milli() / 1000 / agents;
    // Graphics processors cannot be cut: the first agents get one more.
    let gpus = whole.scalar(&ResourceName::Gpus).milli() / 1000;
    let gpus = gpus / agents + u64::from(index < gpus % agents);
    let ports = (PORTS.1 - PORTS.0 + 1) / agents;
    let first = PORTS.0 + index * ports;
    format!(
        "cpus:{}.{:03};mem:{};disk:{};gpus:{gpus};ports:[{first}-{}]",
        cpus / 1000,
        cpus % 1000,
        part(ResourceName::Mem),
        part(ResourceName::Disk),
        first + ports - 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_equal_and_ports_are_disjoint() {
        let whole = "cpus:2;mem:3000;disk:900;gpus:1;ports:[1-2]".parse().unwrap();
        let shares: Vec<Resources> = (0..3).map(|index| share(&whole, 3, index).parse().unwrap()).collect();
        assert_eq!(shares[1].to_string(), "cpus:0.666;mem:1000;disk:300;ports:[31333-31665]");
        assert_eq!(shares[0].scalar(&ResourceName::Gpus).milli(), 1000);
        assert!(!shares[0].ports().contains(&shares[1].ports()));
    }
}
