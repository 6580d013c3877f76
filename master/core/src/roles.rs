//! The tree of roles: who has how much, and in which order they are served.
//!
//! Dominant resource fairness (Ghodsi et al., NSDI 2011) over the tree, with weights, as in Mesos's hierarchical
//! sorter. Shares are kept in order incrementally: a change costs the depth of the tree times a logarithm. A change of
//! the cluster's total moves every share, so then the order is made anew, once, before it is next read.

use crate::effect::RoleView;
use proto_types::{
    FrameworkId, Principal, Resources, Role, Scalar,
    resources::{Limits, Quantities},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

/// The weight of a role of which nothing was said.
pub(crate) const WEIGHT_DEFAULT_MILLI: u64 = 1000;

/// A dominant share as a fixed-point fraction of the cluster, divided by the weight.
type Share = u64;

/// One whole cluster at weight 1. Finer would overflow with the smallest weight, coarser would take small tasks of a
/// large cluster for equal.
const WHOLE: u128 = 1_000_000_000_000;

#[derive(Debug, Default)]
pub(crate) struct Roles {
    nodes: BTreeMap<Role, Node>,
    top: BTreeSet<(Share, Role)>,
    total: Quantities,
    stale: bool,
    touched: BTreeSet<Role>,
    /// The roles with a limit under which there is more room than before, or the highest of them.
    loosened: BTreeSet<Role>,
    /// Roles with a limit.
    limited: BTreeSet<Role>,
    /// What agents have that are not back after a failover. Which roles use it is not known, so it may be any of them.
    missing: Quantities,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) weight_milli: u64,
    pub(crate) limit: Limits,
    /// Who set these.
    pub(crate) configured_by: Principal,
    /// With the roles below.
    pub(crate) allocated: Quantities,
    /// Of frameworks in this very role.
    own: Quantities,
    rank: Share,
    children: BTreeSet<(Share, Role)>,
    clients: BTreeMap<FrameworkId, Client>,
    order: BTreeSet<(Share, FrameworkId)>,
    /// Active clients here and below: a subtree without any is passed over.
    active: usize,
}

#[derive(Debug, Default)]
struct Client {
    allocated: Quantities,
    rank: Share,
    active: bool,
    subscribed: bool,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            weight_milli: WEIGHT_DEFAULT_MILLI,
            limit: Limits::default(),
            configured_by: Principal::anonymous(),
            allocated: Quantities::default(),
            own: Quantities::default(),
            rank: 0,
            children: BTreeSet::new(),
            clients: BTreeMap::new(),
            order: BTreeSet::new(),
            active: 0,
        }
    }
}

impl Node {
    /// The frameworks subscribed for this very role.
    pub(crate) fn frameworks(&self) -> impl Iterator<Item = &FrameworkId> {
        self.clients.iter().filter(|(_, client)| client.subscribed).map(|(id, _)| id)
    }

    fn is_blank(&self) -> bool {
        self.clients.is_empty()
            && self.children.is_empty()
            && self.allocated.is_empty()
            && self.limit.is_empty()
            && self.weight_milli == WEIGHT_DEFAULT_MILLI
    }
}

impl Roles {
    pub(crate) fn get(&self, role: &Role) -> Option<&Node> {
        self.nodes.get(role)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Role, &Node)> {
        self.nodes.iter()
    }

    /// Roles changed since this was last asked.
    pub(crate) fn take_touched(&mut self) -> BTreeSet<Role> {
        std::mem::take(&mut self.touched)
    }

    pub(crate) fn add_total(&mut self, resources: &Resources) {
        self.total.add(resources);
        self.stale = true;
    }

    pub(crate) fn subtract_total(&mut self, resources: &Resources) {
        self.total.subtract(resources);
        self.stale = true;
    }

    /// An agent with these resources is expected back, with tasks of whatever roles: limits count all of them.
    pub(crate) fn expect(&mut self, resources: &Resources) {
        self.missing.add(resources);
    }

    /// It is back, or given up: what it has is counted like that of others, or no more.
    pub(crate) fn expect_no_more(&mut self, resources: &Resources) {
        self.missing.subtract(resources);
        let missing = &self.missing;
        for role in &self.limited {
            let Some(node) = self.nodes.get(role) else { continue };
            let has_room = |(name, bound): &(_, Scalar)| node.allocated.get(name) + missing.get(name) < *bound;
            if node.limit.iter().any(has_room) {
                self.loosened.insert(role.clone());
            }
        }
    }

    /// What agents have that are not back after a failover.
    pub(crate) fn missing(&self) -> &Quantities {
        &self.missing
    }

    /// Sets the role's weight and limit.
    pub(crate) fn configure(&mut self, role: &Role, weight_milli: u64, limit: Limits, principal: Principal) {
        self.ensure(role);
        if limit.is_empty() {
            self.limited.remove(role);
        } else {
            self.limited.insert(role.clone());
        }
        if let Some(node) = self.nodes.get_mut(role) {
            (node.weight_milli, node.limit, node.configured_by) = (weight_milli, limit, principal);
        }
        self.touched.insert(role.clone());
        self.rerank(role);
        self.prune(role);
    }

    /// Makes the framework a client of the role.
    pub(crate) fn subscribe(&mut self, role: &Role, framework: &FrameworkId) {
        self.client(role, framework).subscribed = true;
        self.touched.insert(role.clone());
    }

    /// Ends it. What the framework still has in the role stays accounted.
    pub(crate) fn unsubscribe(&mut self, role: &Role, framework: &FrameworkId) {
        self.set_active(role, framework, false);
        self.client(role, framework).subscribed = false;
        self.touched.insert(role.clone());
        self.drop_client_if_blank(role, framework);
    }

    /// Whether the framework is served for the role.
    pub(crate) fn set_active(&mut self, role: &Role, framework: &FrameworkId, active: bool) {
        let client = self.client(role, framework);
        if client.active == active {
            return;
        }
        client.active = active;
        let key = (client.rank, framework.clone());
        if let Some(node) = self.nodes.get_mut(role) {
            if active {
                node.order.insert(key)
            } else {
                node.order.remove(&key)
            };
        }
        for ancestor in lineage(role) {
            if let Some(node) = self.nodes.get_mut(&ancestor) {
                node.active = if active { node.active + 1 } else { node.active - 1 };
            }
        }
    }

    pub(crate) fn allocate(&mut self, role: &Role, framework: &FrameworkId, resources: &Resources) {
        self.change(role, framework, |amounts| amounts.add(resources));
    }

    pub(crate) fn release(&mut self, role: &Role, framework: &FrameworkId, resources: &Resources) {
        self.change(role, framework, |amounts| amounts.subtract(resources));
        let limited = |role: &Role| self.nodes.get(role).is_some_and(|node| !node.limit.is_empty());
        if let Some(highest) = lineage(role).filter(limited).last() {
            self.loosened.insert(highest);
        }
        self.drop_client_if_blank(role, framework);
    }

    /// How much more the role may get, by its own limit and those above it. What may run on agents that are not back
    /// counts as the role's, so that it is within its limits when they are.
    pub(crate) fn headroom(&self, role: &Role) -> Limits {
        self.headroom_beside(role, &BTreeMap::new())
    }

    /// The same once each role, with those below it, has been given what is planned for it.
    pub(crate) fn headroom_beside(&self, role: &Role, planned: &BTreeMap<Role, Quantities>) -> Limits {
        let mut headroom = Limits::default();
        for ancestor in lineage(role) {
            let Some(node) = self.nodes.get(&ancestor) else { continue };
            let planned = planned.get(&ancestor);
            for (name, bound) in node.limit.iter() {
                let beside = planned.map_or_else(Scalar::default, |planned| planned.get(name));
                let taken = node.allocated.get(name) + self.missing.get(name) + beside;
                headroom.tighten(name, bound.saturating_sub(taken));
            }
        }
        headroom
    }

    /// Whether there is more room under a limit since this was last asked.
    pub(crate) fn is_loosened(&self) -> bool {
        !self.loosened.is_empty()
    }

    /// The active frameworks that may have more because there is more room under a limit.
    pub(crate) fn take_loosened(&mut self) -> BTreeSet<FrameworkId> {
        let mut frameworks = BTreeSet::new();
        for role in std::mem::take(&mut self.loosened) {
            let _: ControlFlow<()> = self.visit_role(&role, &mut |_, framework| {
                frameworks.insert(framework.clone());
                ControlFlow::Continue(())
            });
        }
        frameworks
    }

    /// By how much the role or one above it is over a limit: agents that had been given up came back with more than was
    /// known when offers were made.
    pub(crate) fn excess(&self, role: &Role) -> Quantities {
        let mut excess = Quantities::default();
        for ancestor in lineage(role) {
            let Some(node) = self.nodes.get(&ancestor) else { continue };
            for (name, bound) in node.limit.iter() {
                let over = node.allocated.get(name).saturating_sub(*bound);
                excess.set(name, over.max(excess.get(name)));
            }
        }
        excess
    }

    /// The dominant share of the role in thousandths of the cluster, not divided by its weight.
    pub(crate) fn share_milli(&self, node: &Node) -> u64 {
        (dominant(&node.allocated, &self.total) * 1000 / WHOLE) as u64
    }

    pub(crate) fn view(&self, node: &Node) -> RoleView {
        RoleView {
            weight_milli: node.weight_milli,
            limit: node.limit.clone(),
            allocated: node.allocated.clone(),
            share_milli: self.share_milli(node),
            frameworks: node.frameworks().cloned().collect(),
        }
    }

    /// Shows active frameworks in the order in which they are to be served, until `visit` breaks. The order is that of
    /// the last [`Roles::refresh`].
    pub(crate) fn in_order<B>(&self, visit: &mut impl FnMut(&Role, &FrameworkId) -> ControlFlow<B>) -> ControlFlow<B> {
        self.top.iter().try_for_each(|(_, role)| self.visit_role(role, visit))
    }

    fn visit_role<B>(
        &self,
        role: &Role,
        visit: &mut impl FnMut(&Role, &FrameworkId) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some(node) = self.nodes.get(role).filter(|node| node.active > 0) else { return ControlFlow::Continue(()) };
        // The frameworks of the very role compete with the roles below it as one, as with Mesos's virtual leaf.
        let own_rank = self.share(&node.own, WEIGHT_DEFAULT_MILLI);
        let mut own_served = false;
        for (rank, child) in &node.children {
            if !own_served && own_rank <= *rank {
                own_served = true;
                node.order.iter().try_for_each(|(_, framework)| visit(role, framework))?;
            }
            self.visit_role(child, visit)?;
        }
        if own_served { ControlFlow::Continue(()) } else { node.order.iter().try_for_each(|(_, id)| visit(role, id)) }
    }

    fn change(&mut self, role: &Role, framework: &FrameworkId, apply: impl Fn(&mut Quantities)) {
        self.client(role, framework);
        let Some(node) = self.nodes.get_mut(role) else { return };
        apply(&mut node.own);
        if let Some(client) = node.clients.get_mut(framework) {
            apply(&mut client.allocated);
            let rank = (dominant(&client.allocated, &self.total)) as Share;
            if client.active && rank != client.rank {
                node.order.remove(&(client.rank, framework.clone()));
                node.order.insert((rank, framework.clone()));
            }
            client.rank = rank;
        }
        for ancestor in lineage(role) {
            if let Some(node) = self.nodes.get_mut(&ancestor) {
                apply(&mut node.allocated);
            }
            self.rerank(&ancestor);
        }
    }

    fn rerank(&mut self, role: &Role) {
        let Some(node) = self.nodes.get(role) else { return };
        let (old, new) = (node.rank, self.share(&node.allocated, node.weight_milli));
        self.touched.insert(role.clone());
        if old == new {
            return;
        }
        let siblings = match role.parent() {
            Some(parent) => self.nodes.get_mut(&parent).map(|node| &mut node.children),
            None => Some(&mut self.top),
        };
        if let Some(siblings) = siblings {
            siblings.remove(&(old, role.clone()));
            siblings.insert((new, role.clone()));
        }
        if let Some(node) = self.nodes.get_mut(role) {
            node.rank = new;
        }
    }

    /// Makes the order anew if the cluster's total changed.
    pub(crate) fn refresh(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        let roles: Vec<Role> = self.nodes.keys().cloned().collect();
        for role in &roles {
            self.rerank(role);
            let total = &self.total;
            let Some(node) = self.nodes.get_mut(role) else { continue };
            node.order.clear();
            for (id, client) in &mut node.clients {
                client.rank = dominant(&client.allocated, total) as Share;
                if client.active {
                    node.order.insert((client.rank, id.clone()));
                }
            }
        }
    }

    fn share(&self, allocated: &Quantities, weight_milli: u64) -> Share {
        let weighted =
            dominant(allocated, &self.total) * u128::from(WEIGHT_DEFAULT_MILLI) / u128::from(weight_milli.max(1));
        weighted.min(u128::from(Share::MAX)) as Share
    }

    fn client(&mut self, role: &Role, framework: &FrameworkId) -> &mut Client {
        self.ensure(role);
        let node = self.nodes.entry(role.clone()).or_default();
        node.clients.entry(framework.clone()).or_default()
    }

    fn ensure(&mut self, role: &Role) {
        if self.nodes.contains_key(role) {
            return;
        }
        self.nodes.insert(role.clone(), Node::default());
        self.touched.insert(role.clone());
        match role.parent() {
            Some(parent) => {
                self.ensure(&parent);
                if let Some(node) = self.nodes.get_mut(&parent) {
                    node.children.insert((0, role.clone()));
                }
            }
            None => drop(self.top.insert((0, role.clone()))),
        }
    }

    fn drop_client_if_blank(&mut self, role: &Role, framework: &FrameworkId) {
        let Some(node) = self.nodes.get_mut(role) else { return };
        let blank = |client: &Client| !client.subscribed && !client.active && client.allocated.is_empty();
        if node.clients.get(framework).is_some_and(blank) {
            node.clients.remove(framework);
            self.prune(role);
        }
    }

    fn prune(&mut self, role: &Role) {
        let Some(node) = self.nodes.get(role).filter(|node| node.is_blank()) else { return };
        let key = (node.rank, role.clone());
        self.nodes.remove(role);
        self.touched.insert(role.clone());
        match role.parent() {
            Some(parent) => {
                if let Some(node) = self.nodes.get_mut(&parent) {
                    node.children.remove(&key);
                }
                self.prune(&parent);
            }
            None => drop(self.top.remove(&key)),
        }
    }
}

/// The role and all above it, upwards.
pub(crate) fn lineage(role: &Role) -> impl Iterator<Item = Role> {
    std::iter::successors(Some(role.clone()), Role::parent)
}

/// The largest fraction that the amounts are of the total, over all names.
fn dominant(amounts: &Quantities, total: &Quantities) -> u128 {
    let fraction = |(name, amount): &(_, Scalar)| match total.get(name) {
        Scalar::ZERO => 0,
        all => u128::from(amount.milli()) * WHOLE / u128::from(all.milli()),
    };
    amounts.iter().map(fraction).max().unwrap_or(0).min(u128::from(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(text: &str) -> Role {
        Role::new(text).unwrap()
    }

    fn framework(text: &str) -> FrameworkId {
        FrameworkId::new(text).unwrap()
    }

    fn resources(text: &str) -> Resources {
        text.parse().unwrap()
    }

    fn served(roles: &mut Roles) -> Vec<String> {
        let mut order = Vec::new();
        roles.refresh();
        let _: ControlFlow<()> = roles.in_order(&mut |role, framework| {
            order.push(format!("{role}:{framework}"));
            ControlFlow::Continue(())
        });
        order
    }

    fn world(clients: &[(&str, &str)]) -> Roles {
        let mut roles = Roles::default();
        roles.add_total(&resources("cpus:100;mem:1000"));
        for (name, id) in clients {
            roles.subscribe(&role(name), &framework(id));
            roles.set_active(&role(name), &framework(id), true);
        }
        roles
    }

    #[test]
    fn the_smaller_dominant_share_is_served_first() {
        let mut roles = world(&[("a", "f1"), ("b", "f2")]);
        roles.allocate(&role("a"), &framework("f1"), &resources("cpus:10;mem:10"));
        roles.allocate(&role("b"), &framework("f2"), &resources("cpus:1;mem:300"));
        assert_eq!(served(&mut roles), ["a:f1", "b:f2"]);
        roles.allocate(&role("a"), &framework("f1"), &resources("cpus:30"));
        assert_eq!(served(&mut roles), ["b:f2", "a:f1"]);
        roles.release(&role("a"), &framework("f1"), &resources("cpus:30"));
        assert_eq!(served(&mut roles), ["a:f1", "b:f2"]);
    }

    #[test]
    fn a_weight_divides_the_share() {
        let mut roles = world(&[("a", "f1"), ("b", "f2")]);
        roles.allocate(&role("a"), &framework("f1"), &resources("cpus:30"));
        roles.allocate(&role("b"), &framework("f2"), &resources("cpus:20"));
        assert_eq!(served(&mut roles), ["b:f2", "a:f1"]);
        roles.configure(&role("a"), 2000, Limits::default(), Principal::anonymous());
        assert_eq!(served(&mut roles), ["a:f1", "b:f2"]);
    }

    #[test]
    fn roles_below_count_for_the_role_above() {
        let mut roles = world(&[("a/x", "f1"), ("a/y", "f2"), ("b", "f3"), ("a", "f4")]);
        roles.allocate(&role("a/x"), &framework("f1"), &resources("cpus:10"));
        roles.allocate(&role("b"), &framework("f3"), &resources("cpus:5"));
        assert_eq!(served(&mut roles), ["b:f3", "a:f4", "a/y:f2", "a/x:f1"]);
    }

    #[test]
    fn a_limit_binds_the_roles_below() {
        let mut roles = world(&[("a/x", "f1")]);
        let bound = |cpus| Limits::from_iter([(proto_types::ResourceName::Cpus, Scalar::from_units(cpus))]);
        roles.configure(&role("a"), WEIGHT_DEFAULT_MILLI, bound(12), Principal::anonymous());
        roles.configure(&role("a/x"), WEIGHT_DEFAULT_MILLI, bound(50), Principal::anonymous());
        roles.allocate(&role("a/x"), &framework("f1"), &resources("cpus:10"));
        assert_eq!(roles.headroom(&role("a/x")), bound(2));
        assert_eq!(roles.headroom(&role("b")), Limits::default());
    }

    #[test]
    fn nothing_is_left_of_a_role_nobody_uses() {
        let mut roles = world(&[("a/x", "f1")]);
        roles.allocate(&role("a/x"), &framework("f1"), &resources("cpus:10"));
        roles.unsubscribe(&role("a/x"), &framework("f1"));
        assert_eq!(roles.iter().count(), 2);
        roles.release(&role("a/x"), &framework("f1"), &resources("cpus:10"));
        assert_eq!(roles.iter().count(), 0);
        assert_eq!(served(&mut roles), [""; 0]);
    }
}
