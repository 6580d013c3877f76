use super::world::{World, framework, launch, role, task};
use crate::{LinkId, OperatorCall};
use proto_types::{
    Offer, ResourceName, Scalar,
    constraints::{Constraint, OfferConstraints, Predicate, Selector},
    resources::{Limits, Quantities},
    scheduling::{Call, Credit, Event, Wants},
    weight::{BATCH_MAX, Weigh as _},
};
use std::time::Duration;

#[test]
fn an_agent_is_offered_once() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    world.agent("cpus:4;mem:1024;ports:[31000-31009]");
    world.allocate();
    assert_eq!(world.offered(&scheduler), ["cpus:4;mem:1024;ports:[31000-31009]"]);
    world.allocate();
    assert_eq!(world.offers(&scheduler).len(), 1);
    assert!(!world.master.wants_allocation(), "an idle master has nothing to look at");
}

#[test]
fn a_refused_agent_is_kept_away_for_as_long_as_was_said() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4;mem:1024");
    world.allocate();
    let offers = world.offers(&scheduler);
    world.decline(&scheduler, &offers, Duration::from_secs(5));
    world.allocate();
    assert_eq!(world.offered(&scheduler), [""; 0]);
    world.advance_alive(Duration::from_secs(6), &[&agent]);
    world.allocate();
    assert_eq!(world.offered(&scheduler), ["cpus:4;mem:1024"]);
}

#[test]
fn more_than_was_refused_is_offered_at_once() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4;mem:1024");
    let key = world.run(&scheduler, "t", "cpus:1");
    world.allocate();
    let offers = world.offers(&scheduler);
    assert_eq!(offers[0].resources.to_string(), "cpus:3;mem:1024");
    world.decline(&scheduler, &offers, Duration::from_secs(60));
    world.allocate();
    assert_eq!(world.offered(&scheduler), [""; 0]);
    world.update(&agent, &key, proto_types::TaskState::Finished, 1);
    world.allocate();
    assert_eq!(world.offered(&scheduler), ["cpus:4;mem:1024"]);
}

#[test]
fn a_revived_framework_gets_what_it_refused() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    world.agent("cpus:4;mem:1024");
    world.allocate();
    let offers = world.offers(&scheduler);
    world.decline(&scheduler, &offers, Duration::from_secs(3600));
    world.call(&scheduler, Call::Revive(Vec::new())).unwrap();
    world.allocate();
    assert_eq!(world.offered(&scheduler), ["cpus:4;mem:1024"]);
}

#[test]
fn a_suppressed_framework_gets_nothing_until_revived() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    world.call(&scheduler, Call::Suppress(Vec::new())).unwrap();
    world.agent("cpus:4;mem:1024");
    world.allocate();
    assert_eq!(world.offered(&scheduler), [""; 0]);
    world.call(&scheduler, Call::Revive(vec![role("*")])).unwrap();
    world.allocate();
    assert_eq!(world.offered(&scheduler), ["cpus:4;mem:1024"]);
}

#[test]
fn a_held_offer_expires_and_goes_to_others_first() {
    let mut world = World::new();
    let hoarder = world.scheduler("hoarder", &["a"]);
    let agent = world.agent("cpus:4;mem:1024");
    world.allocate();
    let other = world.scheduler("other", &["b"]);
    world.allocate();
    assert_eq!(world.offers(&other).len(), 0);
    world.advance_alive(Duration::from_secs(31), &[&agent]);
    world.allocate();
    assert_eq!((world.offers(&hoarder).len(), world.offers(&other).len()), (0, 1));
}

#[test]
fn frameworks_of_equal_weight_get_equally_many_agents() {
    let mut world = World::new();
    let (one, two) = (world.scheduler("one", &["a"]), world.scheduler("two", &["b"]));
    for _ in 0..6 {
        world.agent("cpus:4;mem:1024");
    }
    world.allocate();
    assert_eq!((world.offers(&one).len(), world.offers(&two).len()), (3, 3));
}

#[test]
fn a_weight_of_two_gets_twice_as_many() {
    let mut world = World::new();
    let limit = None;
    world.operate(OperatorCall::UpdateRole { role: role("a"), weight_milli: Some(2000), limit }).unwrap();
    let (one, two) = (world.scheduler("one", &["a"]), world.scheduler("two", &["b"]));
    for _ in 0..6 {
        world.agent("cpus:4;mem:1024");
    }
    world.allocate();
    assert_eq!((world.offers(&one).len(), world.offers(&two).len()), (4, 2));
}

#[test]
fn a_limit_cuts_offers() {
    let mut world = World::new();
    let limit = Some(Limits::from_iter([(ResourceName::Cpus, Scalar::from_units(6))]));
    world.operate(OperatorCall::UpdateRole { role: role("a"), weight_milli: None, limit }).unwrap();
    let scheduler = world.scheduler("f", &["a/b"]);
    for _ in 0..3 {
        world.agent("cpus:4");
    }
    world.allocate();
    assert_eq!(world.offered(&scheduler), ["cpus:4", "cpus:2"]);
    // What comes free below the limit lets the framework have others: two agents had something left for it.
    let offers = world.offers(&scheduler);
    world.decline(&scheduler, &offers[..1], Duration::from_secs(3600));
    world.allocate();
    assert_eq!(world.offered(&scheduler), ["cpus:2", "cpus:2", "cpus:2"]);
}

#[test]
fn reserved_resources_go_to_their_role() {
    let mut world = World::new();
    let (one, two) = (world.scheduler("one", &["a"]), world.scheduler("two", &["b"]));
    world.agent("cpus:2;cpus(b):6");
    world.allocate();
    assert_eq!(world.offered(&one), ["cpus:2"]);
    assert_eq!(world.offered(&two), ["cpus(b):6"]);
}

#[test]
fn constraints_choose_agents_and_amounts() {
    let mut world = World::new();
    let minimum = Quantities::from_iter([(ResourceName::Cpus, Scalar::from_units(8))]);
    let constraint = Constraint { selector: Selector::Hostname, predicate: Predicate::NotEquals("host3".to_owned()) };
    let constraints = OfferConstraints { groups: vec![vec![constraint]], minimum };
    let wants = Wants { constraints: [(role("*"), constraints)].into(), ..Wants::default() };
    let scheduler = world.subscribe(framework("f", &["*"]), 1, wants, None);
    world.agent("cpus:4");
    let excluded = world.agent("cpus:8");
    assert_eq!(excluded.link, LinkId(3));
    world.agent("cpus:16");
    world.allocate();
    assert_eq!(world.offered(&scheduler), ["cpus:16"]);
}

#[test]
fn credit_bounds_the_offers_held() {
    let mut world = World::new();
    let wants = Wants { credit: Credit { offers: 2, updates: 10 }, ..Wants::default() };
    let scheduler = world.subscribe(framework("f", &["*"]), 1, wants, None);
    for _ in 0..5 {
        world.agent("cpus:4");
    }
    world.allocate();
    assert_eq!(world.offers(&scheduler).len(), 2);
    let offers = world.offers(&scheduler);
    world.accept(&scheduler, &offers[..1], vec![launch(&[task("t", "cpus:4")])]);
    world.allocate();
    assert_eq!(world.offers(&scheduler).len(), 2);
}

#[test]
fn many_offers_come_in_several_events() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let many = (0..2000).map(|port| format!("{}-{}", 3 * port + 1, 3 * port + 2)).collect::<Vec<_>>().join(",");
    for _ in 0..100 {
        world.agent(&format!("cpus:1;ports:[{many}]"));
    }
    world.allocate();
    let events = &world.events[&scheduler.connection];
    let offers =
        events.iter().filter_map(|(_, event)| if let Event::Offers(offers) = event { Some(offers) } else { None });
    assert_eq!(offers.clone().map(Vec::len).sum::<usize>(), 100);
    assert!(offers.clone().count() > 5);
    assert!(offers.clone().all(|offers| offers.iter().map(Offer::weight).sum::<usize>() <= BATCH_MAX));
}
