//! What is offered of one agent, while instances are put on it.

use super::{
    NewInstance, Settings, Shortage,
    needs::{Accepted, Needs},
    ports,
};
use crate::app::{AppResources, Timestamp};
use proto_types::{
    AgentId, Offer, Resource, ResourceName, Resources, Role, Scalar,
    resources::{Ranges, Value},
    scheduling::ACCEPT_TASKS_MAX,
};
use std::{collections::BTreeMap, sync::Arc};

/// All offers of one agent for one role, as one: what two of them hold together is enough for an instance too.
#[derive(Debug)]
pub(super) struct Lot {
    pub(super) offers: Vec<Arc<Offer>>,
    /// Numbers its agent within the batch.
    pub(super) slot: usize,
    /// What no instance took yet.
    left: Resources,
    /// The sums of that: of what is everybody's, and of what is reserved for the framework's role.
    shared: Amounts,
    reserved: Amounts,
    /// Whether there was anything of each before instances were put on it.
    offered: Accepted,
    /// When the agent goes into maintenance, if that is near.
    maintenance: Option<Timestamp>,
    /// Whether the agent has graphics processors, used or not.
    pub(super) has_gpus: bool,
    pub(super) launched: Vec<NewInstance>,
    tasks: usize,
}

/// The numbers of the agents of a batch.
pub(super) type Slots = BTreeMap<AgentId, usize>;

#[derive(Debug, Clone, Default)]
struct Amounts {
    cpus: Scalar,
    mem: Scalar,
    disk: Scalar,
    gpus: Scalar,
    ports: Ranges,
    port_count: u64,
}

impl Lot {
    /// Puts offers together, in the order in which they came; and numbers their agents.
    pub(super) fn gather(offers: Vec<Offer>, settings: &Settings, now: Timestamp) -> (Vec<Self>, Slots) {
        let mut places: BTreeMap<(AgentId, Role), usize> = BTreeMap::new();
        let (mut lots, mut slots) = (Vec::<Self>::new(), Slots::new());
        for offer in offers {
            let offer = Arc::new(offer);
            let next = lots.len();
            let place = *places.entry((offer.agent.clone(), offer.role.clone())).or_insert(next);
            match lots.get_mut(place) {
                Some(lot) => lot.add(offer, settings, now),
                None => {
                    let slot = *slots.entry(offer.agent.clone()).or_insert(next);
                    lots.push(Self::new(offer, slot, settings, now));
                }
            }
        }
        for lot in &mut lots {
            lot.sum_up();
            lot.offered = Accepted { shared: !lot.shared.is_empty(), reserved: !lot.reserved.is_empty() };
        }
        (lots, slots)
    }

    fn new(offer: Arc<Offer>, slot: usize, settings: &Settings, now: Timestamp) -> Self {
        Self {
            slot,
            left: offer.resources.clone(),
            shared: Amounts::default(),
            reserved: Amounts::default(),
            offered: Accepted { shared: false, reserved: false },
            maintenance: settings.maintenance(offer.unavailability, now),
            has_gpus: offer.agent_info.resources.scalar(&ResourceName::Gpus) > Scalar::ZERO,
            offers: vec![offer],
            launched: Vec::new(),
            tasks: 0,
        }
    }

    fn add(&mut self, offer: Arc<Offer>, settings: &Settings, now: Timestamp) {
        self.left.add(&offer.resources);
        self.maintenance = self.maintenance.or(settings.maintenance(offer.unavailability, now));
        self.offers.push(offer);
    }

    /// The first of its offers, which tells of the agent.
    pub(super) fn offer(&self) -> &Arc<Offer> {
        &self.offers[0]
    }

    fn sum_up(&mut self) {
        (self.shared, self.reserved) = (Amounts::default(), Amounts::default());
        for resource in self.left.iter().filter(|resource| is_usable(resource)) {
            let side = if resource.kind.reservation.is_some() { &mut self.reserved } else { &mut self.shared };
            match (&resource.kind.name, &resource.value) {
                (ResourceName::Cpus, Value::Scalar(amount)) => side.cpus += *amount,
                (ResourceName::Mem, Value::Scalar(amount)) => side.mem += *amount,
                (ResourceName::Disk, Value::Scalar(amount)) => side.disk += *amount,
                (ResourceName::Gpus, Value::Scalar(amount)) => side.gpus += *amount,
                (ResourceName::Ports, Value::Ranges(ports)) => side.ports = side.ports.union(ports),
                _ => {}
            }
        }
        self.shared.port_count = self.shared.ports.count();
        self.reserved.port_count = self.reserved.ports.count();
    }

    fn sides(&self, accepted: Accepted) -> impl Iterator<Item = &Amounts> {
        let shared = accepted.shared.then_some(&self.shared);
        shared.into_iter().chain(accepted.reserved.then_some(&self.reserved))
    }

    fn free(&self, name: &ResourceName, accepted: Accepted) -> Scalar {
        self.sides(accepted).map(|side| side.scalar(name)).sum()
    }

    /// Whether another instance fits, whatever constraints say.
    pub(super) fn fits(&self, needs: &Needs) -> bool {
        let port_is_free = |port: &u16| self.sides(needs.accepted).any(|side| ports::is_free(&side.ports, *port));
        self.maintenance.is_none()
            && !needs.reservation
            && !(needs.avoids_gpus && self.has_gpus)
            && self.tasks + needs.tasks <= ACCEPT_TASKS_MAX
            && needs.amounts.iter().all(|(name, needed)| self.free(name, needs.accepted) >= *needed)
            && self.sides(needs.accepted).map(|side| side.port_count).sum::<u64>() >= needs.port_count
            && needs.fixed_ports.iter().all(port_is_free)
    }

    /// Everything that is in the way of another instance, besides constraints.
    pub(super) fn shortages(&self, needs: &Needs) -> Vec<Shortage> {
        let mut shortages = Vec::new();
        let Accepted { shared, reserved } = needs.accepted;
        if !(shared && self.offered.shared || reserved && self.offered.reserved) {
            shortages.push(Shortage::Role);
        }
        if needs.reservation {
            shortages.push(Shortage::Reservation);
        }
        shortages.extend(self.maintenance.map(|from| Shortage::Maintenance { from }));
        for (name, needed) in &needs.amounts {
            let free = self.free(name, needs.accepted);
            if free < *needed {
                shortages.push(Shortage::Amount { name: name.clone(), needed: *needed, free });
            }
        }
        let free = self.sides(needs.accepted).map(|side| side.port_count).sum();
        if free < needs.port_count {
            shortages.push(Shortage::Ports { needed: needs.port_count, free });
        }
        let taken = |port: &&u16| !self.sides(needs.accepted).any(|side| ports::is_free(&side.ports, **port));
        shortages.extend(needs.fixed_ports.iter().find(taken).map(|port| Shortage::PortTaken(*port)));
        if needs.avoids_gpus && self.has_gpus {
            shortages.push(Shortage::Scarce);
        }
        shortages
    }

    /// Ports for an instance.
    pub(super) fn pick_ports(&self, needs: &Needs, seed: u64) -> Option<Vec<Option<u16>>> {
        let free = self.sides(needs.accepted).fold(Ranges::default(), |all, side| all.union(&side.ports));
        ports::pick(&free, &needs.ports, seed)
    }

    /// Takes these out, of what is reserved first: others may use the rest. None: they are not there, and nothing is
    /// taken.
    pub(super) fn take(&mut self, amounts: &AppResources, ports: &[u16], accepted: Accepted) -> Option<Resources> {
        let mut taken = Resources::default();
        for (name, amount) in [
            (ResourceName::Cpus, amounts.cpus),
            (ResourceName::Mem, amounts.mem),
            (ResourceName::Disk, amounts.disk),
            (ResourceName::Gpus, Scalar::from_units(u64::from(amounts.gpus))),
        ] {
            self.take_scalar(&name, amount, accepted, &mut taken)?;
        }
        let ports = Ranges::new(ports.iter().map(|port| (u64::from(*port), u64::from(*port)))).ok()?;
        self.take_ports(ports, accepted, &mut taken)?;
        self.left.subtract(&taken).ok()?;
        self.sum_up();
        Some(taken)
    }

    fn take_scalar(
        &self,
        name: &ResourceName,
        needed: Scalar,
        accepted: Accepted,
        taken: &mut Resources,
    ) -> Option<()> {
        let mut missing = needed;
        for resource in self.admitted(name, accepted) {
            let Value::Scalar(free) = resource.value else { continue };
            let part = free.min(missing);
            missing = missing.saturating_sub(part);
            taken.add_resource(Resource { kind: resource.kind.clone(), value: Value::Scalar(part) });
        }
        (missing == Scalar::ZERO).then_some(())
    }

    fn take_ports(&self, needed: Ranges, accepted: Accepted, taken: &mut Resources) -> Option<()> {
        let mut missing = needed;
        for resource in self.admitted(&ResourceName::Ports, accepted) {
            let Value::Ranges(free) = &resource.value else { continue };
            let elsewhere = missing.difference(free);
            let part = missing.difference(&elsewhere);
            taken.add_resource(Resource { kind: resource.kind.clone(), value: Value::Ranges(part) });
            missing = elsewhere;
        }
        missing.is_empty().then_some(())
    }

    /// What of a resource may be used, the reserved part first.
    fn admitted<'a>(&'a self, name: &'a ResourceName, accepted: Accepted) -> impl Iterator<Item = &'a Resource> {
        [true, false].into_iter().filter(move |reserved| accepted.admits(*reserved)).flat_map(move |reserved| {
            let mine = move |resource: &&Resource| {
                resource.kind.name == *name && resource.kind.reservation.is_some() == reserved && is_usable(resource)
            };
            self.left.iter().filter(mine)
        })
    }

    /// An instance was put on it.
    pub(super) fn launch(&mut self, instance: NewInstance) {
        self.tasks += instance.tasks.len();
        self.launched.push(instance);
    }
}

impl Amounts {
    fn scalar(&self, name: &ResourceName) -> Scalar {
        match name {
            ResourceName::Cpus => self.cpus,
            ResourceName::Mem => self.mem,
            ResourceName::Disk => self.disk,
            ResourceName::Gpus => self.gpus,
            ResourceName::Ports | ResourceName::Custom(_) => Scalar::ZERO,
        }
    }

    fn is_empty(&self) -> bool {
        self.cpus == Scalar::ZERO && self.mem == Scalar::ZERO && self.disk == Scalar::ZERO && self.port_count == 0
    }
}

/// Services need what stays theirs, and volumes are for whoever made them.
fn is_usable(resource: &Resource) -> bool {
    !resource.kind.revocable && resource.kind.volume.is_none()
}
