//! What holds whatever is wanted and offered.

use super::world::{World, launched};
use crate::launch::OfferUse;
use proptest::prelude::*;
use proto_types::{Offer, Resources};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
struct Agent {
    rack: Option<u8>,
    cpus: u32,
    reserved: u32,
    mem: u32,
    ports: u16,
}

fn agents() -> impl Strategy<Value = Vec<Agent>> {
    let agent = (proptest::option::weighted(0.9, 0_u8..4), 0_u32..6, 0_u32..3, 0_u32..600, 0_u16..12)
        .prop_map(|(rack, cpus, reserved, mem, ports)| Agent { rack, cpus, reserved, mem, ports });
    proptest::collection::vec(agent, 1..12)
}

fn constraints() -> impl Strategy<Value = Value> {
    let one = prop_oneof![
        Just(json!(["hostname", "UNIQUE"])),
        Just(json!(["rack", "UNIQUE"])),
        (1_u32..4).prop_map(|most| json!(["rack", "MAX_PER", most])),
        Just(json!(["rack", "CLUSTER"])),
        Just(json!(["rack", "GROUP_BY"])),
        (1_u32..4).prop_map(|most| json!(["rack", "GROUP_BY", most])),
        Just(json!(["rack", "LIKE", "r[01]"])),
        Just(json!(["rack", "UNLIKE", "r0"])),
        Just(json!(["prefer:rack", "UNIQUE"])),
        Just(json!(["prefer:rack", "IS", "r2"])),
    ];
    proptest::collection::vec(one, 0..3).prop_map(Value::from)
}

fn apps() -> impl Strategy<Value = Vec<(Value, u32)>> {
    let app = (1_u32..30, 1_u32..300, 0_usize..4, constraints(), 1_u32..9, any::<bool>());
    let app = app.prop_map(|(cpus, mem, ports, constraints, count, shared_only)| {
        let ports: Vec<Value> = (0..ports).map(|_| json!({"port": 0})).collect();
        let mut body = json!({"cmd": "x", "cpus": f64::from(cpus) / 10.0, "mem": mem, "portDefinitions": ports,
            "constraints": constraints});
        if shared_only {
            body["acceptedResourceRoles"] = json!(["*"]);
        }
        (body, count)
    });
    proptest::collection::vec(app, 1..5)
}

fn offers(world: &mut World, agents: &[Agent]) -> Vec<Offer> {
    let offer = |(index, agent): (usize, &Agent)| {
        let rack = agent.rack.map_or_else(String::new, |rack| format!(";rack:r{rack}"));
        let ports = if agent.ports == 0 { String::new() } else { format!(";ports:[31000-{}]", 30_999 + agent.ports) };
        let text = format!("cpus:{};mem:{};cpus(web):{};mem(web):50{ports}", agent.cpus, agent.mem, agent.reserved);
        world.offer(&format!("h{index}{rack}"), &text)
    };
    agents.iter().enumerate().map(offer).collect()
}

fn run(agents: &[Agent], apps: &[(Value, u32)]) -> (World, Vec<Offer>, Vec<OfferUse>) {
    let mut world = World::new();
    for (index, (body, count)) in apps.iter().enumerate() {
        let mut body = body.clone();
        body["id"] = json!(format!("/a{index}"));
        world.want(body, *count);
    }
    let offers = offers(&mut world, agents);
    let uses = world.use_offers(offers.clone());
    (world, offers, uses)
}

/// How many instances of an app are at each value of a field.
fn counts(world: &World, app: usize, field: &str) -> BTreeMap<Option<String>, u32> {
    let mut counts = BTreeMap::new();
    let instances = world.instances.get(&super::world::path(&format!("/a{app}")));
    for instance in instances.into_iter().flat_map(imbl::OrdMap::values) {
        let text = crate::constraints::Place::from(&**instance).text(field).map(|text| text.into_owned());
        *counts.entry(text).or_default() += 1;
    }
    counts
}

fn holds(constraint: &Value, world: &World, app: usize) -> Result<(), TestCaseError> {
    let (field, operator) = (constraint[0].as_str().unwrap(), constraint[1].as_str().unwrap());
    if field.starts_with("prefer:") {
        return Ok(());
    }
    let counts = counts(world, app, field);
    let most = constraint[2].as_u64().unwrap_or(u64::MAX);
    match operator {
        "UNIQUE" => prop_assert!(counts.values().all(|count| *count == 1), "{counts:?}"),
        "MAX_PER" => prop_assert!(counts.values().all(|count| u64::from(*count) <= most), "{counts:?}"),
        "CLUSTER" => prop_assert!(counts.len() <= 1, "{counts:?}"),
        "GROUP_BY" => prop_assert!(counts.len() as u64 <= most, "{counts:?}"),
        "LIKE" => prop_assert!(counts.keys().flatten().all(|rack| rack == "r0" || rack == "r1"), "{counts:?}"),
        "UNLIKE" => prop_assert!(counts.keys().flatten().all(|rack| rack != "r0"), "{counts:?}"),
        other => panic!("{other}"),
    }
    prop_assert!(operator == "UNLIKE" || !counts.contains_key(&None), "{counts:?}");
    Ok(())
}

proptest! {
    #[test]
    fn no_offer_gives_more_than_it_has_and_every_offer_is_answered_once(agents in agents(), apps in apps()) {
        let (world, offers, uses) = run(&agents, &apps);
        let answered: Vec<_> = uses.iter().flat_map(|one| &one.offers).collect();
        prop_assert_eq!(answered, offers.iter().map(|offer| &offer.id).collect::<Vec<_>>());
        for (one, offer) in uses.iter().zip(&offers) {
            let mut left: Resources = offer.resources.clone();
            for task in one.launched.iter().flat_map(|launched| &launched.tasks) {
                prop_assert!(left.subtract(&task.resources).is_ok(), "{} of {}", task.resources, left);
                prop_assert!(!task.resources.is_empty());
            }
        }
        for (index, (_, count)) in apps.iter().enumerate() {
            let id = super::world::path(&format!("/a{index}"));
            let there = launched(&uses).filter(|one| one.instance.app == id).count() as u32;
            let left = world.queue.items().get(&id).map_or(0, |item| item.count);
            prop_assert_eq!(there + left, *count);
        }
    }

    #[test]
    fn no_rule_is_broken_over_several_batches(agents in agents(), more in agents(), apps in apps()) {
        let (mut world, ..) = run(&agents, &apps);
        world.pass(20);
        let offers = offers(&mut world, &more);
        world.use_offers(offers);
        for (index, (body, _)) in apps.iter().enumerate() {
            for constraint in body["constraints"].as_array().into_iter().flatten() {
                holds(constraint, &world, index)?;
            }
        }
    }

    #[test]
    fn groups_with_room_are_filled_evenly_and_all_are_placed(racks in 1_usize..5, hosts in 1_usize..4, count in 1_u32..40) {
        let mut world = World::new();
        world.want(json!({"id": "/a0", "cmd": "x", "cpus": 0.1, "mem": 1, "constraints": [["rack", "GROUP_BY"]]}), count);
        let offers = (0..racks * hosts)
            .map(|index| world.offer(&format!("h{index};rack:r{}", index % racks), "cpus:99;mem:999;ports:[31000-31999]"))
            .collect();
        world.use_offers(offers);
        prop_assert!(world.queue.items().is_empty());
        let counts = counts(&world, 0, "rack");
        let (least, most) = (counts.values().min().unwrap(), counts.values().max().unwrap());
        prop_assert!(most - least <= 1 && (counts.len() == racks || *most == 1), "{:?}", counts);
    }

    #[test]
    fn group_by_never_stalls(agents in agents(), count in 1_u32..20) {
        let mut world = World::new();
        world.want(json!({"id": "/a0", "cmd": "x", "cpus": 0.5, "mem": 1, "constraints": [["rack", "GROUP_BY"]],
            "portDefinitions": []}), count);
        let room = agents.iter().filter(|agent| agent.rack.is_some()).map(|agent| (agent.cpus + agent.reserved) * 2).sum::<u32>();
        // Agents come one by one, each known afterwards, and come again; each wait for a better one ends in time.
        for _ in 0..agents.len() + 2 {
            for offer in offers(&mut world, &agents) {
                let used = world.instances.values().flat_map(|all| all.values()).filter(|one| one.agent == offer.agent).count();
                let Ok(used) = format!("cpus:{};mem:0.001", used as f64 / 2.0).parse::<Resources>() else { continue };
                let scalar = used.scalar(&proto_types::ResourceName::Cpus).milli();
                let total = offer.resources.scalar(&proto_types::ResourceName::Cpus).milli();
                if total > scalar {
                    let text = format!("cpus:{};mem:500", (total - scalar) as f64 / 1000.0);
                    let again = Offer { resources: text.parse().unwrap(), ..offer };
                    world.use_offers(vec![again]);
                }
                world.pass(11);
            }
        }
        let placed = world.instances.values().map(|all| all.len() as u32).sum::<u32>();
        prop_assert_eq!(placed, count.min(room));
    }

    #[test]
    fn the_same_arguments_give_the_same_answer(agents in agents(), apps in apps()) {
        let (one, _, uses) = run(&agents, &apps);
        let (other, _, again) = run(&agents, &apps);
        prop_assert_eq!(uses, again);
        prop_assert_eq!(one.queue.items(), other.queue.items());
    }
}
