//! How many bytes things have on the wire, about: enough to bound messages and what waits for a reader, without
//! encoding anything twice.

use crate::{
    AgentInfo, Attributes, Labels, Offer, Resources, TaskInfo, TaskStatus,
    attributes::AttributeValue,
    link::AgentLaunch,
    reconcile::Answer,
    resources::{Ranges, Resource, Value},
    task::{Command, ExecutorInfo},
};

/// Of anything, for what is not looked at: ids, numbers, tags.
pub const BASE: usize = 64;

/// What is put together in one message weighs so much at most; a single thing may weigh more. Messages stay below
/// 1 MiB on the wire, weights being estimates.
pub const BATCH_MAX: usize = 512 * 1024;

/// Of a range: two numbers.
const RANGE: usize = 24;

/// Something that goes over the wire.
pub trait Weigh {
    /// Its bytes, about.
    fn weight(&self) -> usize;
}

impl Weigh for TaskStatus {
    fn weight(&self) -> usize {
        let container = self.container.as_ref().map_or(0, |container| BASE + container.container_id.len());
        4 * BASE + self.message.len() + self.data.len() + self.labels.weight() + container
    }
}

impl Weigh for Answer {
    fn weight(&self) -> usize {
        match self {
            Self::Status(status) => status.weight(),
            Self::Recovering { .. } => 2 * BASE,
        }
    }
}

impl Weigh for Offer {
    fn weight(&self) -> usize {
        // The resources of the whole agent are not in an offer.
        3 * BASE + self.agent_info.weight() + self.resources.weight()
    }
}

impl Weigh for AgentInfo {
    fn weight(&self) -> usize {
        BASE + self.hostname.len() + self.isolation.len() + self.attributes.weight()
    }
}

impl Weigh for Attributes {
    fn weight(&self) -> usize {
        let value = |value: &AttributeValue| match value {
            AttributeValue::Scalar(_) => 0,
            AttributeValue::Ranges(ranges) => ranges.weight(),
            AttributeValue::Text(text) => text.len(),
        };
        self.0.iter().map(|attribute| BASE + attribute.name.len() + value(&attribute.value)).sum()
    }
}

impl Weigh for Resources {
    fn weight(&self) -> usize {
        self.iter().map(Weigh::weight).sum()
    }
}

impl Weigh for Resource {
    fn weight(&self) -> usize {
        2 * BASE
            + match &self.value {
                Value::Scalar(_) => 0,
                Value::Ranges(ranges) => ranges.weight(),
                Value::Set(items) => items.iter().map(|item| item.len() + 4).sum(),
            }
    }
}

impl Weigh for Ranges {
    fn weight(&self) -> usize {
        RANGE * self.iter().count()
    }
}

impl Weigh for AgentLaunch {
    fn weight(&self) -> usize {
        let executor = self.launch.executor.as_ref().map_or(0, Weigh::weight);
        executor + self.launch.tasks.iter().map(|task| task.weight()).sum::<usize>()
    }
}

impl Weigh for ExecutorInfo {
    fn weight(&self) -> usize {
        BASE + self.command.weight() + self.data.len()
    }
}

impl Weigh for TaskInfo {
    fn weight(&self) -> usize {
        let described = self.name.len() + self.labels.weight() + self.data.len();
        // A container's description, discovery and health checks are looked at as little as they vary.
        let parts = [self.container.is_some(), self.discovery.is_some(), self.health_check.is_some()];
        let more = parts.into_iter().filter(|part| *part).count() * 16 * BASE;
        4 * BASE + more + described + self.resources.weight() + self.command.weight()
    }
}

impl Weigh for Command {
    fn weight(&self) -> usize {
        let arguments: usize = self.arguments.iter().map(String::len).sum();
        let uris: usize = self.uris.iter().map(|uri| BASE + uri.value.len()).sum();
        self.value.len() + arguments + uris + self.environment.weight()
    }
}

impl Weigh for Labels {
    fn weight(&self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.len() + 4).sum()
    }
}

/// Cuts a list into pieces that weigh `max` at most; a thing that weighs more is a piece of its own.
pub fn batches<T: Weigh>(things: impl IntoIterator<Item = T>, max: usize) -> Vec<Vec<T>> {
    let mut pieces: Vec<Vec<T>> = Vec::new();
    let mut weight = 0;
    for thing in things {
        let more = thing.weight();
        match pieces.last_mut().filter(|_| weight + more <= max) {
            Some(piece) => {
                weight += more;
                piece.push(thing);
            }
            None => {
                weight = more;
                pieces.push(vec![thing]);
            }
        }
    }
    pieces
}

impl<T: Weigh + ?Sized> Weigh for std::sync::Arc<T> {
    fn weight(&self) -> usize {
        (**self).weight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing(usize);

    impl Weigh for Thing {
        fn weight(&self) -> usize {
            self.0
        }
    }

    fn cut(weights: &[usize]) -> Vec<Vec<usize>> {
        let pieces = batches(weights.iter().map(|weight| Thing(*weight)), 10);
        pieces.into_iter().map(|piece| piece.into_iter().map(|thing| thing.0).collect()).collect()
    }

    #[test]
    fn a_batch_holds_what_fits() {
        assert_eq!(cut(&[]), [[0; 0]; 0]);
        assert_eq!(cut(&[4, 6, 1]), [vec![4, 6], vec![1]]);
        assert_eq!(cut(&[3, 50, 3]), [vec![3], vec![50], vec![3]]);
    }
}
