//! Fitting tasks into offers.

use proto_types::{
    Offer, ResourceName, Resources,
    resources::{Kind, Ranges, Resource, Value},
};

/// What of an offer its framework may use for this role: everything unreserved, and what is reserved for the role.
#[must_use]
pub fn usable(offer: &Offer) -> Resources {
    offer.resources.usable_by(&offer.role)
}

/// What is left of an offer while tasks are put into it.
#[derive(Debug, Clone)]
pub struct Packing {
    left: Resources,
}

impl Packing {
    /// Begins with the whole offer.
    #[must_use]
    pub fn new(offer: &Offer) -> Self {
        Self { left: usable(offer) }
    }

    /// Takes what a task needs out of what is left; false, and nothing changed, if there is too little. What is
    /// reserved for the role is used where the plain kind does not suffice.
    pub fn take(&mut self, needed: &Resources) -> Option<Resources> {
        if self.left.subtract(needed).is_ok() {
            return Some(needed.clone());
        }
        let mut left = self.left.clone();
        let mut taken = Resources::default();
        for resource in needed.iter() {
            take_over_kinds(&mut left, &mut taken, resource)?;
        }
        self.left = left;
        Some(taken)
    }

    /// Takes one port.
    pub fn take_port(&mut self) -> Option<u16> {
        let port = self.left.ports().numbers().next()?;
        let one = Resource { kind: Kind::plain(ResourceName::Ports), value: Value::Ranges(Ranges::single(port)) };
        self.take(&Resources::from_iter([one]))?;
        u16::try_from(port).ok()
    }

    /// What is left.
    #[must_use]
    pub fn left(&self) -> &Resources {
        &self.left
    }
}

/// Takes a resource from whatever reservations have it.
fn take_over_kinds(left: &mut Resources, taken: &mut Resources, needed: &Resource) -> Option<()> {
    let mut missing = needed.value.clone();
    let candidates: Vec<Resource> = left
        .iter()
        .filter(|resource| {
            resource.kind.name == needed.kind.name && !resource.kind.revocable && resource.kind.volume.is_none()
        })
        .cloned()
        .collect();
    for candidate in candidates {
        let part = match (&candidate.value, &mut missing) {
            (Value::Scalar(has), Value::Scalar(wanted)) => {
                let part = (*has).min(*wanted);
                *wanted = wanted.saturating_sub(part);
                Value::Scalar(part)
            }
            (Value::Ranges(has), Value::Ranges(wanted)) => {
                let rest = wanted.difference(has);
                let part = wanted.difference(&rest);
                *wanted = rest;
                Value::Ranges(part)
            }
            _ => continue,
        };
        let part = Resources::from_iter([Resource { kind: candidate.kind.clone(), value: part }]);
        left.subtract(&part).ok()?;
        taken.add(&part);
        if missing.is_empty() {
            return Some(());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto_types::{AgentId, AgentInfo, FrameworkId, OfferId, Role};
    use std::sync::Arc;

    fn offer(resources: &str) -> Offer {
        Offer {
            id: OfferId::new("o").unwrap(),
            framework: FrameworkId::new("f").unwrap(),
            role: Role::new("a").unwrap(),
            agent: AgentId::new("s").unwrap(),
            agent_info: Arc::new(AgentInfo::default()),
            resources: resources.parse().unwrap(),
            unavailability: None,
        }
    }

    #[test]
    fn as_many_tasks_as_fit() {
        let mut packing = Packing::new(&offer("cpus:1;mem:100"));
        let task = "cpus:0.3;mem:10".parse().unwrap();
        assert_eq!(std::iter::from_fn(|| packing.take(&task)).count(), 3);
        assert_eq!(packing.left().to_string(), "cpus:0.1;mem:70");
    }

    #[test]
    fn reservations_of_the_role_are_used_and_those_of_others_are_not() {
        let mut packing = Packing::new(&offer("cpus:1;cpus(a):1;cpus(b):8"));
        let taken = packing.take(&"cpus:1.5".parse().unwrap()).unwrap();
        assert_eq!(taken.quantities().to_string(), "cpus:1.5");
        assert!(packing.take(&"cpus:1".parse().unwrap()).is_none());
    }

    #[test]
    fn ports_are_taken_one_by_one() {
        let mut packing = Packing::new(&offer("ports:[7-8]"));
        assert_eq!((packing.take_port(), packing.take_port(), packing.take_port()), (Some(7), Some(8), None));
    }
}
