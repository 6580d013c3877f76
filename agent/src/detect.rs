//! What this machine has.

use proto_types::{
    Resource, ResourceName, Resources, Scalar,
    resources::{InvalidText, Kind, Ranges, Value},
};
use std::{fs, path::Path};

/// Memory that is left to the machine itself where there is enough, MiB.
const MEM_LEFT_MIB: u64 = 1024;

/// The ports that tasks get where nothing is said: above those that services of the machine use, below those that the
/// kernel hands out by itself.
const PORTS: (u64, u64) = (31000, 32000);

/// All resources of this machine, those that `named` names as it says.
///
/// # Errors
/// `named` is no resources.
pub fn resources(named: Option<&str>, directory: &Path) -> Result<Resources, InvalidText> {
    let mut resources: Resources = named.unwrap_or_default().parse()?;
    let known: Vec<ResourceName> = resources.iter().map(|resource| resource.kind.name.clone()).collect();
    // A resource of which there is to be none is said to be 0, which leaves no trace among the resources.
    let silenced = |name: &str| {
        let parts = named.unwrap_or_default().split(';');
        parts.filter_map(|part| part.split_once(':')).any(|(key, _)| key.split('(').next().map(str::trim) == Some(name))
    };
    for resource in detected(directory) {
        if !known.contains(&resource.kind.name) && !silenced(resource.kind.name.as_str()) {
            resources.add_resource(resource);
        }
    }
    Ok(resources)
}

fn detected(directory: &Path) -> Vec<Resource> {
    let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u64);
    let scalar = |name, units| Resource::scalar(name, Scalar::from_units(units));
    let (start, end) = PORTS;
    let ports = Ranges::new([(start, end)]).unwrap_or_default();
    vec![
        scalar(ResourceName::Cpus, cpus),
        scalar(ResourceName::Mem, memory_mib()),
        scalar(ResourceName::Disk, disk_mib(directory)),
        scalar(ResourceName::Gpus, gpus()),
        Resource { kind: Kind::plain(ResourceName::Ports), value: Value::Ranges(ports) },
    ]
}

/// The memory that tasks may have: all but a GiB where there are two, else half.
fn memory_mib() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    let mib = kib.unwrap_or(2 * MEM_LEFT_MIB * 1024) / 1024;
    if mib >= 2 * MEM_LEFT_MIB { mib - MEM_LEFT_MIB } else { mib / 2 }
}

/// The disk that tasks may have: half of what there is, or all but 5 GiB where that is more.
fn disk_mib(directory: &Path) -> u64 {
    let Ok(stat) = nix::sys::statvfs::statvfs(directory) else { return 10 * 1024 };
    #[expect(clippy::useless_conversion, reason = "the width of these numbers differs between machines")]
    let mib = u64::from(stat.blocks()).saturating_mul(u64::from(stat.fragment_size())) >> 20;
    if mib >= 10 * 1024 { mib - 5 * 1024 } else { mib / 2 }
}

fn gpus() -> u64 {
    let Ok(entries) = fs::read_dir("/dev") else { return 0 };
    let is_gpu = |name: &str| {
        name.strip_prefix("nvidia")
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    entries.filter_map(Result::ok).filter(|entry| entry.file_name().to_str().is_some_and(is_gpu)).count() as u64
}

/// The machine's name.
#[must_use]
pub fn hostname() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

/// Another one each time that the machine is started.
#[must_use]
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_resources_override_detected_ones() {
        let directory = std::env::temp_dir();
        let resources = resources(Some("cpus:2.5;gpus:0;fpga:1"), &directory).unwrap();
        assert_eq!(resources.scalar(&ResourceName::Cpus), Scalar::from_milli(2500));
        assert_eq!(resources.scalar(&ResourceName::Gpus), Scalar::ZERO);
        assert_eq!(resources.scalar(&ResourceName::new("fpga")), Scalar::from_units(1));
        assert!(resources.scalar(&ResourceName::Mem) > Scalar::ZERO);
        assert_eq!(resources.ports().count(), 1001);
        assert!(super::resources(Some("cpus"), &directory).is_err());
    }
}
