//! All labels of an app.

use super::{
    AppLabels, Effect, Fault, PortLabels,
    fault::Bad,
    value::{LONGEST, shown},
};
use std::collections::BTreeMap;

/// What becomes of a port whose labels bring pieces of configuration of their own, as marathon-lb lets them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OverrideLabels {
    /// The port is left out: what the piece was to do (such as keeping people out) would not be done.
    #[default]
    Refuse,
    /// The label is ignored.
    Ignore,
}

/// What labels may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The directories below which labels may name certificates and other files.
    pub certificate_roots: Vec<String>,
    /// What becomes of pieces of configuration in labels.
    pub overrides: OverrideLabels,
}

impl Default for Policy {
    fn default() -> Self {
        Self { certificate_roots: vec!["/etc/ssl".to_owned()], overrides: OverrideLabels::default() }
    }
}

/// What the labels of an app say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// About the whole app.
    pub app: AppLabels,
    /// About single ports, by index. A port without labels of its own is not here.
    pub ports: BTreeMap<u32, PortLabels>,
}

/// What the labels of an app say, and what is wrong with them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// What they say. Ports that are left out because of them are not here.
    pub labels: Labels,
    /// What is wrong. A fault of a whole app leaves it out.
    pub faults: Vec<Fault>,
}

impl Parsed {
    /// Whether the whole app is left out.
    #[must_use]
    pub fn is_left_out(&self) -> bool {
        self.faults.iter().any(|fault| fault.effect == Effect::AppLeftOut)
    }

    /// Whether a port is left out.
    #[must_use]
    pub fn leaves_out(&self, port: u32) -> bool {
        self.faults.iter().any(|fault| fault.effect == Effect::PortLeftOut && fault.port == Some(port))
    }
}

/// Endings of the labels by which marathon-lb lets an app bring pieces of configuration.
const OVERRIDES: [&str; 8] = ["_HEAD", "_ACL", "_OPTIONS", "_GLUE", "_WITH_PATH", "_WITH_AUTH", "_ONLY", "_HTTPS"];

/// Reads the labels of an app that has this number of ports.
#[must_use]
pub fn parse(labels: &BTreeMap<String, String>, ports: usize, policy: &Policy) -> Parsed {
    let mut parsed = Parsed::default();
    for (key, value) in labels {
        if let Some(rest) = key.strip_prefix("HAPROXY_") {
            let value = value.trim_matches(' ');
            match indexed(rest) {
                Some((index, label)) => parse_indexed(key, (index, label), value, ports, policy, &mut parsed),
                None => parse_whole(key, rest, value, &mut parsed),
            }
        }
    }
    parsed
}

/// `0_VHOST` as 0 and `VHOST`.
fn indexed(rest: &str) -> Option<(&str, &str)> {
    let (index, label) = rest.split_once('_')?;
    (!index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit())).then_some((index, label))
}

fn parse_whole(key: &str, label: &str, value: &str, parsed: &mut Parsed) {
    let fault = |bad: Bad, effect| Fault { label: shown(key), port: None, why: bad.why, remedy: bad.remedy, effect };
    if value.is_empty() {
        return;
    }
    match sized(value).and_then(|()| parsed.labels.app.take(label, value)) {
        Ok(true) => {}
        Ok(false) => parsed.faults.push(fault(unknown(), Effect::Ignored)),
        Err(bad) => parsed.faults.push(fault(bad, Effect::AppLeftOut)),
    }
}

fn parse_indexed(
    key: &str,
    (index, label): (&str, &str),
    value: &str,
    ports: usize,
    policy: &Policy,
    parsed: &mut Parsed,
) {
    let number = index.parse::<u32>().ok().filter(|number| usize::try_from(*number).is_ok_and(|at| at < ports));
    let fault = |bad: Bad, effect| Fault { label: shown(key), port: number, why: bad.why, remedy: bad.remedy, effect };
    let Some(index) = number else {
        let bad = Bad::new(format!("the app has no port {}, it has {ports}", shown(index)), "count its ports from 0");
        return parsed.faults.push(fault(bad, Effect::Ignored));
    };
    if value.is_empty() {
        return;
    }
    let port = parsed.labels.ports.entry(index).or_default();
    let known = sized(value).and_then(|()| port.take(label, value, policy));
    match known {
        Ok(true) => {}
        Ok(false) if OVERRIDES.iter().any(|ending| label.ends_with(ending)) => {
            let bad = Bad::new(
                "labels cannot bring pieces of configuration",
                "let the operator give the piece as a template, and take the label away",
            );
            let effect = match policy.overrides {
                OverrideLabels::Refuse => Effect::PortLeftOut,
                OverrideLabels::Ignore => Effect::Ignored,
            };
            parsed.faults.push(fault(bad, effect));
        }
        Ok(false) => parsed.faults.push(fault(unknown(), Effect::Ignored)),
        Err(bad) => parsed.faults.push(fault(bad, Effect::PortLeftOut)),
    }
}

fn sized(value: &str) -> Result<(), Bad> {
    if value.len() > LONGEST {
        let why = format!("is {} bytes long, at most {LONGEST} are taken", value.len());
        return Err(Bad::new(why, "shorten it"));
    }
    Ok(())
}

fn unknown() -> Bad {
    Bad::new("there is no such label", "see the list of labels for how it is spelt")
}
