//! "Why is it not starting", in plain words with numbers.

use super::{
    QueueItem, Shortage,
    shortage::{amount, constraint_text},
};
use crate::app::Timestamp;
use proto_types::Scalar;
use std::{collections::BTreeMap, time::Duration};

/// Why the instances that are wanted do not start, the weightiest reason first; for `proffer app why`.
#[must_use]
pub fn explain(item: &QueueItem, now: Timestamp) -> Vec<String> {
    let waited = span(now.since(item.since));
    let mut lines = vec![format!("{} wanted and not launched, for {waited}", instances(item.count))];
    if let Some(why) = &item.blocked {
        lines.push(format!("no offer helps: {why}"));
    }
    let delay = item.delay(now);
    if delay > Duration::ZERO {
        lines.push(format!("waits {} more, because instances failed before", span(delay)));
    }
    if item.processed == 0 {
        if item.blocked.is_none() && delay == Duration::ZERO {
            lines.push(
                "no offers came since then: no agent has anything free for this framework, or it is still being asked"
                    .to_owned(),
            );
        }
        return lines;
    }
    lines.push(format!("{} of {} offers were of no use", item.unused, item.processed));
    lines.extend(agents(item));
    if let Some(used) = item.last_used_at {
        lines.push(format!("the last offer was used {} ago", span(now.since(used))));
    }
    lines
}

/// What the agents lacked that were offered last: how many of them lacked each thing, most first.
fn agents(item: &QueueItem) -> Vec<String> {
    let offered = item.last_unused_offers.len();
    let mut kinds: BTreeMap<String, Kind<'_>> = BTreeMap::new();
    for unused in item.last_unused_offers.values() {
        for shortage in &unused.shortages {
            let kind = kinds.entry(key(shortage, item)).or_insert_with(|| Kind::new(shortage));
            kind.add(shortage, &unused.offer.agent_info.hostname);
        }
    }
    let mut kinds: Vec<(String, Kind<'_>)> = kinds.into_iter().collect();
    kinds.sort_by(|(left, a), (right, b)| b.agents.cmp(&a.agents).then_with(|| left.cmp(right)));
    let line = |(key, kind): (String, Kind<'_>)| {
        format!("{} of the {offered} agents offered last {}", kind.agents, kind.words(&key))
    };
    kinds.into_iter().map(line).collect()
}

/// The same thing lacking on several agents.
struct Kind<'a> {
    agents: usize,
    /// The one that lacks least, and on which agent it is.
    best: (&'a Shortage, String),
    /// What agents have where a constraint looks, each once, some of them.
    found: Vec<&'a str>,
}

/// So many values are named at most.
const FOUND_MAX: usize = 5;

impl<'a> Kind<'a> {
    fn new(shortage: &'a Shortage) -> Self {
        Self { agents: 0, best: (shortage, String::new()), found: Vec::new() }
    }

    fn add(&mut self, shortage: &'a Shortage, host: &str) {
        self.agents += 1;
        if self.best.1.is_empty() || free(shortage) > free(self.best.0) {
            self.best = (shortage, host.to_owned());
        }
        if let Shortage::Constraint { found: Some(found), .. } = shortage
            && self.found.len() < FOUND_MAX
            && !self.found.contains(&found.as_str())
        {
            self.found.push(found);
        }
    }

    fn words(&self, key: &str) -> String {
        let (shortage, host) = &self.best;
        match shortage {
            Shortage::Amount { name, needed, free } => {
                let free = if *free == Scalar::ZERO { "none".to_owned() } else { free.to_string() };
                format!(
                    "lack {name}: an instance needs {}, the most that is free is {free}, on {host}",
                    amount(name, *needed)
                )
            }
            Shortage::Ports { needed, free } => {
                format!("lack ports: an instance needs {needed}, the most that are free are {free}, on {host}")
            }
            Shortage::Constraint { .. } if self.found.is_empty() => {
                format!("do not satisfy {key}: they have no such attribute")
            }
            Shortage::Constraint { .. } => format!("do not satisfy {key}: they have {}", self.found.join(", ")),
            Shortage::PortTaken(port) => format!("have port {port} in use, which an instance needs"),
            Shortage::Role => "offered nothing for the accepted resource roles".to_owned(),
            Shortage::Reservation => "have no volume of this app".to_owned(),
            Shortage::Maintenance { .. } => "go into maintenance".to_owned(),
            Shortage::Scarce => "have gpus, which are kept for apps that use them".to_owned(),
            Shortage::BetterElsewhere => "would do, but one that fits the constraints better is waited for".to_owned(),
        }
    }
}

/// What shortages are put together.
fn key(shortage: &Shortage, item: &QueueItem) -> String {
    match shortage {
        Shortage::Amount { name, .. } => name.to_string(),
        Shortage::Constraint { index, .. } => {
            item.spec.constraints().get(*index).map_or_else(String::new, constraint_text)
        }
        Shortage::PortTaken(port) => format!("port {port}"),
        Shortage::Ports { .. } => "ports".to_owned(),
        other => format!("{:?}", other.reason()),
    }
}

/// How much there is of what is lacking.
fn free(shortage: &Shortage) -> u64 {
    match shortage {
        Shortage::Amount { free, .. } => free.milli(),
        Shortage::Ports { free, .. } => *free,
        _ => 0,
    }
}

fn instances(count: u32) -> String {
    if count == 1 { "1 instance is".to_owned() } else { format!("{count} instances are") }
}

/// `4.2 s`, `3 min`, `2 h`.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{}.{} s", seconds, duration.subsec_millis() / 100),
        10..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}
