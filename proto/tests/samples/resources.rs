//! Resources, agents, frameworks and offers.

use super::{duration, id, labels, role, text, word};
use proptest::{
    collection::{btree_map, btree_set, vec},
    option,
    prelude::*,
};
use proto_types::{
    AgentInfo, Attribute, Attributes, Filters, FrameworkInfo, Offer, Principal, Resource, ResourceName, Resources,
    Role, Scalar,
    agent::Unavailability,
    attributes::AttributeValue,
    constraints::{Constraint, OfferConstraints, Predicate, Selector},
    resources::{Kind, Limits, Quantities, Ranges, Reservation, ReservationKind, Value},
    time::Wall,
};
use std::{sync::Arc, time::Duration};

/// Amounts, not zero.
pub(crate) fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![1..100_000_u64, Just(1 << 40)].prop_map(Scalar::from_milli)
}

/// Numbers.
pub(crate) fn ranges() -> impl Strategy<Value = Ranges> {
    vec((any::<u64>(), any::<u64>()), 1..4)
        .prop_map(|pairs| Ranges::new(pairs.into_iter().map(|(a, b)| (a.min(b), a.max(b)))).unwrap())
}

/// Ports.
pub(crate) fn ports() -> impl Strategy<Value = Ranges> {
    vec((1..=65_535_u64, 0..100_u64), 1..4).prop_map(|pairs| {
        Ranges::new(pairs.into_iter().map(|(begin, length)| (begin, (begin + length).min(65_535)))).unwrap()
    })
}

fn reservation() -> impl Strategy<Value = Reservation> {
    let kind = prop_oneof![
        Just(ReservationKind::Static),
        (id::<Principal>(), labels()).prop_map(|(principal, labels)| ReservationKind::Dynamic { principal, labels }),
    ];
    (role(), kind).prop_map(|(role, kind)| Reservation { role, kind })
}

fn named_value() -> impl Strategy<Value = (ResourceName, Value)> {
    let name = prop::sample::select(vec!["cpus", "mem", "disk", "gpus", "licences"]);
    prop_oneof![
        4 => (name, scalar()).prop_map(|(name, amount)| (ResourceName::new(name), Value::Scalar(amount))),
        1 => ports().prop_map(|ports| (ResourceName::Ports, Value::Ranges(ports))),
        1 => ranges().prop_map(|ranges| (ResourceName::new("addresses"), Value::Ranges(ranges))),
        1 => btree_set("[a-z]{1,4}", 1..4).prop_map(|items| (ResourceName::new("tags"), Value::Set(items))),
    ]
}

fn resource() -> impl Strategy<Value = Resource> {
    let reservation = option::weighted(0.3, reservation());
    let volume = option::weighted(0.2, "[a-z]{1,6}");
    (named_value(), reservation, volume, any::<bool>()).prop_map(|((name, value), reservation, volume, revocable)| {
        let volume = volume.filter(|_| name == ResourceName::Disk).map(|volume: String| Arc::from(volume.as_str()));
        Resource { kind: Kind { name, reservation: reservation.map(Box::new), volume, revocable }, value }
    })
}

/// Bags.
pub(crate) fn resources() -> impl Strategy<Value = Resources> {
    vec(resource(), 0..6).prop_map(|all| all.into_iter().collect())
}

fn amounts() -> impl Strategy<Value = Vec<(ResourceName, Scalar)>> {
    let name = prop::sample::select(vec!["cpus", "mem", "disk", "gpus", "licences"]);
    btree_map(name, scalar(), 0..4)
        .prop_map(|all| all.into_iter().map(|(name, amount)| (ResourceName::new(name), amount)).collect())
}

/// Sums.
pub(crate) fn quantities() -> impl Strategy<Value = Quantities> {
    amounts().prop_map(|amounts| amounts.into_iter().collect())
}

/// Bounds, zero among them.
pub(crate) fn limits() -> impl Strategy<Value = Limits> {
    (amounts(), any::<bool>()).prop_map(|(amounts, none)| {
        let none = none.then(|| (ResourceName::new("forbidden"), Scalar::ZERO));
        amounts.into_iter().chain(none).collect()
    })
}

fn attribute() -> impl Strategy<Value = Attribute> {
    let value = prop_oneof![
        scalar().prop_map(AttributeValue::Scalar),
        ranges().prop_map(AttributeValue::Ranges),
        "[a-z/ ]{1,6}".prop_map(AttributeValue::Text),
    ];
    (word(), value).prop_map(|(name, value)| Attribute { name, value })
}

/// Agents with these resources.
pub(crate) fn agent_info(resources: impl Strategy<Value = Resources>) -> impl Strategy<Value = AgentInfo> {
    let place = || option::of(word());
    (word(), text(), resources, vec(attribute(), 0..3), place(), place(), text(), text()).prop_map(
        |(hostname, address, resources, attributes, region, zone, version, isolation)| AgentInfo {
            hostname,
            address,
            resources,
            attributes: Attributes(attributes),
            region,
            zone,
            version,
            isolation,
        },
    )
}

/// Roles of a framework.
pub(crate) fn roles() -> impl Strategy<Value = Vec<Role>> {
    btree_set(prop_oneof![4 => role().boxed(), 1 => Just(Role::any()).boxed()], 1..4)
        .prop_map(|roles| roles.into_iter().collect())
}

/// Frameworks with these roles.
pub(crate) fn framework_info(roles: Vec<Role>) -> impl Strategy<Value = FrameworkInfo> {
    (option::of(id()), word(), option::of("[a-z]{1,6}"), duration(), text(), text(), labels()).prop_map(
        move |(id, name, user, failover_timeout, webui_url, hostname, labels)| FrameworkInfo {
            id,
            name,
            user,
            roles: roles.clone(),
            failover_timeout,
            webui_url,
            hostname,
            labels,
        },
    )
}

/// Offers, whose agent's total is not told.
pub(crate) fn offer() -> impl Strategy<Value = Offer> {
    let info = agent_info(Just(Resources::default()));
    (id(), id(), role(), id(), info, resources(), option::of(unavailability())).prop_map(
        |(id, framework, role, agent, info, resources, unavailability)| Offer {
            id,
            framework,
            role,
            agent,
            agent_info: Arc::new(info),
            resources,
            unavailability,
        },
    )
}

/// Maintenance that is planned.
pub(crate) fn unavailability() -> impl Strategy<Value = Unavailability> {
    (0..1_000_u64, option::of(1_000..=u64::MAX))
        .prop_map(|(start, end)| Unavailability { start: Wall(start), end: end.map(Wall) })
}

/// Filters.
pub(crate) fn filters() -> impl Strategy<Value = Filters> {
    (0..1_000_000_u64).prop_map(|milliseconds| Filters { refuse: Duration::from_millis(milliseconds) })
}

fn constraint() -> impl Strategy<Value = Constraint> {
    let selector = prop_oneof![
        word().prop_map(Selector::Attribute),
        Just(Selector::Hostname),
        Just(Selector::Region),
        Just(Selector::Zone),
    ];
    let predicate = prop_oneof![
        Just(Predicate::Exists),
        Just(Predicate::NotExists),
        text().prop_map(Predicate::Equals),
        text().prop_map(Predicate::NotEquals),
    ];
    (selector, predicate).prop_map(|(selector, predicate)| Constraint { selector, predicate })
}

/// Constraints.
pub(crate) fn offer_constraints() -> impl Strategy<Value = OfferConstraints> {
    (vec(vec(constraint(), 0..3), 0..3), quantities())
        .prop_map(|(groups, minimum)| OfferConstraints { groups, minimum })
}
